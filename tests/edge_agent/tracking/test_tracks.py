from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.messages import Box
from edge_agent.tracking.tracks import LOST_SECONDS, Tracker

EVERY = 0.2
"""Seconds between two looks."""

FACE = 80
"""Width and height of a face in pixels: somebody about two metres away."""


def face(x: float, y: float = 300.0, size: float = FACE) -> Box:
    """A face whose middle is at these pixels."""
    return round(x - size / 2), round(y - size / 2), round(size), round(size)


def followed(looks: Iterable[Sequence[Box]], every: float = EVERY) -> list[list[str]]:
    """The ids of the faces of each look."""
    tracker = Tracker()
    return [[track.id for track in tracker.update(number * every, boxes)[0]] for number, boxes in enumerate(looks)]


def test_a_walker_is_one_track_also_where_the_face_is_missed_for_a_second() -> None:
    speed = 6 * FACE * EVERY  # a metre a second
    way = [[face(100 + speed * step)] if step < 6 or step > 10 else [] for step in range(14)]
    assert len({track for look in followed(way) for track in look}) == 1


def test_two_who_cross_each_other_s_way_keep_their_tracks() -> None:
    looks = [[face(200 + 40 * step), face(1000 - 40 * step, 330)] for step in range(20)]
    right, left = zip(*followed(looks), strict=True)
    assert len(set(right)) == len(set(left)) == 1
    assert right != left


def test_people_who_stand_side_by_side_are_told_apart_at_any_distance() -> None:
    for size in (20.0, 80.0, 200.0):
        looks = [[face(100 + 2.5 * size * place, size=size) for place in range(3)] for _ in range(10)]
        tracks = followed(looks)
        assert len(set(tracks[0])) == 3
        assert all(look == tracks[0] for look in tracks)


def test_a_face_far_from_every_track_is_somebody_new() -> None:
    first, second = followed([[face(100)], [face(900)]])
    assert first != second


def test_a_face_of_quite_another_size_is_somebody_new() -> None:
    first, second = followed([[face(400, size=40)], [face(400, size=160)]])
    assert first != second


@pytest.mark.parametrize(("gap", "same"), [(LOST_SECONDS - 0.1, True), (LOST_SECONDS, False)])
def test_a_track_goes_on_if_it_was_lost_for_less_than_two_seconds(gap: float, same: bool) -> None:
    tracker = Tracker()
    (before,), _ = tracker.update(0.0, [face(400)])
    tracker.update(0.1, [face(400)])
    (after,), ended = tracker.update(0.1 + gap, [face(400)])
    assert (before.id == after.id) == same
    assert bool(ended) != same


def test_an_id_tells_nothing_about_the_person_and_is_never_used_again() -> None:
    runs = [followed([[face(400)]])[0][0] for _ in range(100)]
    assert len(set(runs)) == 100
    assert all(len(track) == 16 for track in runs)


boxes = st.lists(
    st.tuples(
        st.integers(-65_536, 65_536), st.integers(-65_536, 65_536), st.integers(-9, 65_536), st.integers(-9, 65_536)
    ),
    max_size=6,
)


@given(st.lists(st.tuples(st.floats(0.001, 5.0), boxes), max_size=8))
def test_whatever_a_detector_returns_each_face_of_a_look_has_a_track_of_its_own(
    looks: list[tuple[float, list[Box]]],
) -> None:
    tracker, at = Tracker(), 0.0
    for passed, found in looks:
        at += passed
        tracks, _ = tracker.update(at, found)
        assert len(tracks) == len(found) == len({track.id for track in tracks})
