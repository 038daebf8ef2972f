from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.messages import GestureEpisode, Labelled
from edge_agent.vision.gesture_episodes import MAX_GAP_MS, EpisodeTracker

UP = Labelled("thumbs-up", 0.7)


def test_a_thumb_held_up_for_five_seconds_is_one_episode_reported_twice() -> None:
    tracker = EpisodeTracker()
    changes = [tracker.update(at, [UP]) for at in range(10_000, 15_001, 500)]
    assert changes == [(GestureEpisode("thumbs-up", 10_000, 0.7),), *[()] * 10]
    assert tracker.update(15_000 + MAX_GAP_MS, []) == ()
    assert tracker.update(15_001 + MAX_GAP_MS, []) == (GestureEpisode("thumbs-up", 10_000, 0.7, ended_at=15_000),)


def test_the_end_of_an_episode_carries_its_best_confidence() -> None:
    tracker = EpisodeTracker(100)
    for at, confidence in enumerate((0.6, 0.9, 0.7)):
        tracker.update(at, [Labelled("fist", confidence)])
    assert tracker.end_all() == (GestureEpisode("fist", 0, 0.9, ended_at=2),)
    assert tracker.end_all() == ()


def test_gestures_of_two_kinds_are_two_episodes_and_two_hands_of_one_kind_are_one() -> None:
    changes = EpisodeTracker().update(7, [UP, Labelled("fist", 0.9), Labelled("thumbs-up", 0.6)])
    assert [(episode.label, episode.confidence) for episode in changes] == [("thumbs-up", 0.7), ("fist", 0.9)]


def test_a_clock_that_jumps_back_ends_an_episode_at_its_last_frame_and_begins_the_next() -> None:
    tracker = EpisodeTracker()
    tracker.update(10_000_000, [UP])
    tracker.update(10_000_500, [UP])
    ended, began = tracker.update(5_000, [UP])
    assert ended == GestureEpisode("thumbs-up", 10_000_000, 0.7, ended_at=10_000_500)
    assert began == GestureEpisode("thumbs-up", 5_000, 0.7)


def test_each_person_has_episodes_of_their_own_with_however_many_hands() -> None:
    tracker = EpisodeTracker()
    hands = [Labelled("thumbs-up", 0.7, visit=visit) for visit in ("a1", "b2", "a1")]
    assert [episode.visit for episode in tracker.update(7, hands)] == ["a1", "b2"]
    assert {(each.visit, each.ended_at) for each in tracker.end_all()} == {("a1", 7), ("b2", 7)}


def test_a_gesture_that_comes_back_after_a_pause_ends_and_begins_at_once() -> None:
    tracker = EpisodeTracker(100)
    tracker.update(0, [UP])
    assert tracker.update(500, [UP]) == (
        GestureEpisode("thumbs-up", 0, 0.7, ended_at=0),
        GestureEpisode("thumbs-up", 500, 0.7),
    )


frames = st.lists(st.tuples(st.integers(1, 3_000), st.sets(st.sampled_from(["fist", "thumbs-up"]))), max_size=30)


@given(frames)
def test_every_episode_begins_once_and_ends_once_and_none_overlap(shown: list[tuple[int, set[str]]]) -> None:
    tracker, now = EpisodeTracker(), 0
    changes: list[Any] = []
    seen: set[tuple[str, int]] = set()
    for gap, labels in shown:
        now += gap
        seen |= {(label, now) for label in labels}
        changes += tracker.update(now, [Labelled(label, 0.8) for label in sorted(labels)])
    changes += tracker.end_all()
    for label in ("fist", "thumbs-up"):
        mine = [episode for episode in changes if episode.label == label]
        began, ended = mine[::2], mine[1::2]
        assert [each.began_at for each in began] == [each.began_at for each in ended]
        assert all(each.ended_at is None for each in began)
        spans = [(each.began_at, each.ended_at or 0) for each in ended]
        assert all(start <= end for start, end in spans)
        gaps = [after - end for (_, end), (after, _) in pairwise(spans)]
        assert all(gap > MAX_GAP_MS for gap in gaps)
        # Every frame that showed the gesture lies in one of them.
        assert all(any(start <= at <= end for start, end in spans) for name, at in seen if name == label)
