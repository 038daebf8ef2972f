"""The split: whole recordings, always the same for a seed, with each label in both parts where that is possible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.datasets.splitting import RANDOM_WARNING, TRAIN, VALIDATION, CannotSplit, Item, split

ITEMS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["fist", "palm", "ok"])), min_size=2, max_size=60)


def items(rows: list[tuple[str, str]]) -> list[Item]:
    return [Item(number, recording, (label,)) for number, (recording, label) in enumerate(rows)]


@given(rows=ITEMS.filter(lambda rows: len({row[0] for row in rows}) > 1), seed=st.integers(0, 1000))
def test_no_recording_is_in_both_parts(rows: list[tuple[str, str]], seed: int) -> None:
    made = items(rows)
    found = split(made, by="recording", seed=seed, share=0.3)
    assert found.part.keys() == {each.key for each in made}
    assert set(found.part.values()) == {TRAIN, VALIDATION}
    for each in made:
        assert found.part[each.key] == found.recordings[each.recording]


@given(seed=st.integers(0, 1000))
def test_the_same_seed_makes_the_same_split_whatever_the_order(seed: int) -> None:
    made = items([("abcdef"[number % 6], "fist") for number in range(40)])
    one = split(made, by="recording", seed=seed, share=0.3)
    two = split(made[::-1], by="recording", seed=seed, share=0.3)
    assert dict(one.part) == dict(two.part)


def test_a_label_of_two_recordings_is_in_both_parts() -> None:
    rows = [(name, "fist") for name in "abcdefgh" for _ in range(10)]
    rows += [("a", "rare"), ("b", "rare")]
    found = split(items(rows), by="recording", seed=1, share=0.3)
    assert found.recordings["a"] != found.recordings["b"]
    assert found.warnings == ()


def test_a_label_of_one_recording_is_named() -> None:
    rows = [(name, "fist") for name in "abcd"] + [("a", "rare")]
    (warning,) = split(items(rows), by="recording", seed=1, share=0.3).warnings
    assert "“rare” is not" in warning


def test_pictures_of_one_recording_cannot_be_split() -> None:
    with pytest.raises(CannotSplit, match="Add a second recording"):
        split(items([("a", "fist")] * 20), by="recording", seed=1, share=0.3)


def test_a_random_split_warns() -> None:
    found = split(items([("a", "fist")] * 20), by="random", seed=1, share=0.3)
    assert found.warnings == (RANDOM_WARNING,)
    assert len(found.keys(VALIDATION)) == 6


def test_folders_decide_where_they_were_imported() -> None:
    made = [Item(1, "a", ("fist",), TRAIN), Item(2, "b", ("fist",), VALIDATION), Item(3, "c", ("fist",))]
    found = split(made, by="folder", seed=1, share=0.3)
    assert dict(found.part) == {1: TRAIN, 2: VALIDATION}
    assert "1 pictures are in neither folder" in found.warnings[0]
