"""Each cup has at most one holder, and nobody holds two."""

import math
import random
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.messages import Box
from faces.recognition.pairing import CHEST, REACH, match_cups

FACE: Box = (100, 100, 100, 100)
IN_HAND: Box = (120, 320, 60, 60)

boxes: st.SearchStrategy[Box] = st.tuples(
    st.integers(0, 1280), st.integers(0, 720), st.integers(1, 400), st.integers(1, 400)
)


def moved(box: Box, right: int) -> Box:
    return (box[0] + right, *box[1:])


def test_a_cup_before_the_chest_is_held() -> None:
    assert match_cups([FACE], [IN_HAND]) == [0]


def test_a_cup_that_is_drunk_from_is_held() -> None:
    assert match_cups([FACE], [(120, 150, 60, 60)]) == [0]


def test_a_cup_across_the_room_is_nobodys() -> None:
    assert match_cups([FACE], [moved(IN_HAND, 1000)]) == [None]


def test_two_people_with_two_cups_hold_one_each() -> None:
    assert match_cups([FACE, moved(FACE, 400)], [moved(IN_HAND, 400), IN_HAND]) == [1, 0]


def test_two_people_with_one_cup_are_one_holder() -> None:
    assert match_cups([FACE, moved(FACE, 250)], [moved(IN_HAND, 240)]) == [1]


def test_a_second_cup_is_not_a_second_coffee() -> None:
    held = match_cups([FACE], [IN_HAND, moved(IN_HAND, 40)])
    assert sorted(held, key=str) == [0, None]


def test_the_nearer_person_gives_way_where_only_so_both_have_one() -> None:
    """The first cup is nearer to the first person, but the second cup is in nobody else's reach."""
    both = [FACE, moved(FACE, 400)]
    assert match_cups(both, [moved(IN_HAND, 190), moved(IN_HAND, -250)]) == [1, 0]


def test_without_boxes_the_largest_face_holds_one() -> None:
    assert match_cups([FACE, (500, 100, 150, 150)], [None, None]) == [1, None]


def test_a_cup_without_a_box_beside_one_with_is_nobodys() -> None:
    assert match_cups([FACE], [None, IN_HAND]) == [None, 0]


def test_nobody_holds_nothing() -> None:
    assert match_cups([], [IN_HAND]) == [None]
    assert match_cups([FACE], []) == []


@given(st.lists(boxes, max_size=6), st.lists(boxes, max_size=6))
def test_no_face_holds_two_cups(faces: list[Box], cups: list[Box]) -> None:
    held = [face for face in match_cups(faces, list(cups)) if face is not None]
    assert len(held) == len(set(held))
    assert all(0 <= face < len(faces) for face in held)


@given(st.lists(boxes, min_size=1, max_size=5), st.lists(boxes, min_size=1, max_size=5), st.randoms())
def test_order_does_not_matter_for_how_many_are_held(faces: list[Box], cups: list[Box], random: random.Random) -> None:
    shuffled_faces, shuffled_cups = list(faces), list(cups)
    random.shuffle(shuffled_faces)
    random.shuffle(shuffled_cups)
    first = [face is not None for face in match_cups(faces, list(cups))]
    second = [face is not None for face in match_cups(shuffled_faces, list(shuffled_cups))]
    assert sum(first) == sum(second)


@given(boxes, boxes, st.integers(2, 4))
def test_scale_does_not_matter(face: Box, cup: Box, scale: int) -> None:
    larger = [tuple(number * scale for number in box) for box in (face, cup)]
    assert match_cups([face], [cup]) == match_cups([larger[0]], [larger[1]])  # type: ignore[list-item]


@given(boxes, st.floats(-1, 1), st.floats(-1, 1))
def test_within_half_the_reach_of_the_chest_a_cup_is_held(face: Box, right: float, down: float) -> None:
    left, top, width, height = face
    size = (width * height) ** 0.5
    x = left + width / 2 + right * REACH / 2 * size
    y = top + height / 2 + CHEST * height + down * REACH / 2 * size
    assert match_cups([face], [(round(x) - 1, round(y) - 1, 2, 2)]) == [0] or size < 2


@given(boxes, st.integers(1, 5))
def test_far_to_the_side_nothing_is_held(face: Box, times: int) -> None:
    size = (face[2] * face[3]) ** 0.5
    beyond = round(face[2] / 2 + REACH * size * times) + 2
    assert match_cups([face], [(face[0] + beyond, face[1], 2, 2)]) == [None]


@given(st.lists(boxes, min_size=1, max_size=4), st.lists(boxes, min_size=1, max_size=4), boxes)
def test_another_person_never_takes_a_coffee_away(faces: list[Box], cups: list[Box], newcomer: Box) -> None:
    before = sum(face is not None for face in match_cups(faces, list(cups)))
    after = sum(face is not None for face in match_cups([*faces, newcomer], list(cups)))
    assert after >= before


@given(st.lists(boxes, min_size=1, max_size=3), st.lists(boxes, min_size=1, max_size=3))
def test_as_many_as_can_hold_one_do_and_at_the_least_distance(faces: list[Box], cups: list[Box]) -> None:
    """Against every way there is to give cups to faces."""
    ways = [
        [(face, cup) for face, cup in zip(way, range(len(cups)), strict=True) if face is not None]
        for way in permutations([*range(len(faces)), *[None] * len(cups)], len(cups))
    ]
    within = [way for way in ways if all(distance(faces[face], cups[cup]) <= REACH for face, cup in way)]
    best = min((-len(way), sum(distance(faces[face], cups[cup]) for face, cup in way)) for way in within)
    held = [(face, cup) for cup, face in enumerate(match_cups(faces, list(cups))) if face is not None]
    assert len(held) == -best[0]
    assert sum(distance(faces[face], cups[cup]) for face, cup in held) == pytest.approx(best[1])


@given(st.lists(boxes, max_size=4), st.lists(boxes, max_size=4), st.integers(-500, 500), st.integers(-500, 500))
def test_where_in_the_picture_it_is_does_not_matter(faces: list[Box], cups: list[Box], right: int, down: int) -> None:
    def elsewhere(box: Box) -> Box:
        return (box[0] + right, box[1] + down, box[2], box[3])

    there = match_cups([elsewhere(face) for face in faces], [elsewhere(cup) for cup in cups])
    assert sum(face is not None for face in there) == sum(face is not None for face in match_cups(faces, list(cups)))


@given(st.lists(boxes, min_size=1, max_size=6), st.integers(1, 4))
def test_without_boxes_there_is_one_coffee_for_the_largest_face(faces: list[Box], cups: int) -> None:
    held = [face for face in match_cups(faces, [None] * cups) if face is not None]
    assert [faces[face][2] * faces[face][3] for face in held] == [max(face[2] * face[3] for face in faces)]


def distance(face: Box, cup: Box) -> float:
    """From the chest below the face to the middle of the cup, in face sizes."""
    across = (cup[0] + cup[2] / 2) - (face[0] + face[2] / 2)
    down = (cup[1] + cup[3] / 2) - (face[1] + face[3] / 2 + CHEST * face[3])
    return math.hypot(across, down) / math.sqrt(face[2] * face[3])
