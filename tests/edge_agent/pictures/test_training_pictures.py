"""The frames that an agent sends for training: few, the unsure ones first, within the day's budget."""

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.messages import MAX_MESSAGE_BYTES, Frame, Image, Labelled, TrainingRule, encode
from edge_agent.pictures.encoding import Picture
from edge_agent.pictures.training_pictures import DAY_MS, TrainingPictures

NOW = 20_000 * DAY_MS
RULE = TrainingRule(every=3, megabytes=1.0)


def picture(number: int = 0, size: tuple[int, int] = (40, 30)) -> Picture:
    return np.full((size[1], size[0], 3), number % 256, np.uint8)


def frame(*confidences: float, label: str = "thumbs-up", at: int = NOW) -> Frame:
    return Frame(at, gestures=tuple(Labelled(label, each, (4, 4, 20, 20)) for each in confidences))


def test_of_so_many_detections_the_frame_with_the_least_sure_one_is_sent_with_its_boxes(tmp_path: Path) -> None:
    chosen = TrainingPictures(tmp_path / "spent")
    assert chosen.choose(picture(1), frame(0.9, at=NOW + 1), RULE) is None
    assert chosen.choose(picture(2), frame(0.55, at=NOW + 2), RULE) is None
    assert chosen.choose(picture(3), frame(at=NOW + 3), RULE) is None, "a frame without a detection does not count"
    sent = chosen.choose(picture(4), frame(0.8, at=NOW + 4), RULE)
    assert sent is not None
    assert (sent.taken_at, sent.shows, sent.area) == (NOW + 2, "frame", (0, 0, 40, 30))
    assert sent.training == (Labelled("thumbs-up", 0.55, (4, 4, 20, 20)),)


def test_nothing_is_kept_without_the_owners_word_not_even_in_memory(tmp_path: Path) -> None:
    chosen = TrainingPictures(tmp_path / "spent")
    assert [chosen.choose(picture(), frame(0.5), None) for _ in range(9)] == [None] * 9
    chosen.choose(picture(), frame(0.5, 0.5), RULE)
    chosen.choose(picture(), frame(0.9), None)
    assert chosen.choose(picture(), frame(0.9), RULE) is None, "what was counted before the word was withdrawn is gone"
    assert not list(tmp_path.iterdir())


def test_only_the_labels_of_the_data_set_count(tmp_path: Path) -> None:
    chosen, rule = TrainingPictures(tmp_path / "spent"), TrainingRule(1, 1.0, ("ok sign",))
    assert chosen.choose(picture(), frame(0.5), rule) is None
    assert chosen.choose(picture(), frame(0.5, label="ok sign"), rule) is not None


def test_the_days_budget_holds_over_a_restart_and_is_new_the_next_day(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)
    rule = TrainingRule(1, 0.15)

    def sent(chosen: TrainingPictures, at: int) -> list[Image]:
        made = (chosen.choose(noise, frame(0.5, at=at), rule) for _ in range(5))
        return [each for each in made if each is not None]

    first = sent(TrainingPictures(tmp_path / "spent"), NOW)
    assert 1 <= len(first) < 5
    assert sum(len(each.image_string) * 3 // 4 for each in first) <= 150_000
    assert not sent(TrainingPictures(tmp_path / "spent"), NOW + DAY_MS - 1)
    assert len(sent(TrainingPictures(tmp_path / "spent"), NOW + DAY_MS)) == len(first)


def test_a_large_frame_with_many_detections_still_fits_into_a_message(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (720, 1280, 3), np.uint8)
    label = "the longest label that a device may give to a thing it has seen"
    crowd = Frame(NOW, objects=tuple(Labelled(label, 0.123456789, (1000, 600, 250, 110)) for _ in range(90)))
    sent = TrainingPictures(tmp_path / "spent").choose(noise, crowd, TrainingRule(1, 1.0))
    assert sent is not None
    assert len(encode(sent)) <= MAX_MESSAGE_BYTES
    assert sent.training is not None
    left, top, width, height = sent.training[0].box or (0, 0, 0, 0)
    assert abs(left / width - 1000 / 250) < 0.2, "the boxes are scaled with the picture"
    assert top > height


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=40), st.integers(1, 9))
def test_at_most_one_frame_in_so_many_detections_is_sent_whatever_comes(counts: list[int], every: int) -> None:
    chosen, rule = TrainingPictures(Path("/proc/self/none/spent")), TrainingRule(every, 1.0)
    chosen._spend = lambda *_: True  # type: ignore[method-assign] # the budget has its own test
    sent = sum(chosen.choose(picture(), frame(*[0.5] * count), rule) is not None for count in counts)
    assert sent <= sum(counts) // every


def test_a_budget_that_cannot_be_noted_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert TrainingPictures(tmp_path / "file" / "spent").choose(picture(), frame(0.5), TrainingRule(1, 1.0)) is None
