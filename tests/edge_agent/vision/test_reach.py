"""Where a person's hands and cups are looked for, and whose they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.messages import Box
from edge_agent.vision.reach import ARM, CUPS, CUPS_AGAIN, HANDS, cup_square, cups_square, hands_square, nearest_face
from edge_agent.vision.search import Found

FRAME = np.zeros((720, 1280, 3), np.uint8)
FACE: Box = (600, 200, 48, 60)

faces = st.tuples(st.integers(0, 1270), st.integers(0, 710), st.integers(1, 700), st.integers(1, 700))


@given(faces, st.sampled_from([hands_square, cups_square]))
def test_a_square_lies_inside_the_picture_wherever_the_face_is(face: Box, square: object) -> None:
    assert callable(square)
    left, top, width, height = square(face, FRAME)
    assert width == height > 0
    assert 0 <= left <= left + width <= 1280
    assert 0 <= top <= top + height <= 720


@given(faces, faces)
def test_the_square_around_a_cup_lies_inside_the_picture_wherever_the_cup_is(face: Box, cup: Box) -> None:
    left, top, width, height = cup_square(Found(0.9, *cup), face, FRAME)
    assert width == height > 0
    assert 0 <= left <= left + width <= 1280
    assert 0 <= top <= top + height <= 720


def test_the_square_around_a_cup_has_the_cup_in_its_middle() -> None:
    square = cup_square(Found(0.9, 610, 320, 28, 30), FACE, FRAME)
    assert square.width == CUPS_AGAIN * 60
    assert (square.left + square.width / 2, square.top + square.height / 2) == (624, 335)


def test_the_squares_grow_with_the_face_and_lie_around_and_below_it() -> None:
    hands, cups = hands_square(FACE, FRAME), cups_square(FACE, FRAME)
    assert (hands.width, cups.width) == (HANDS * 60, CUPS * 60)
    assert hands.top < FACE[1]
    assert cups.top == FACE[1] + FACE[3]
    assert abs(cups.left + cups.width / 2 - (FACE[0] + FACE[2] / 2)) <= 1


@pytest.mark.parametrize(
    ("faces", "owner"),
    [([FACE], 0), ([(100, 200, 48, 60), FACE], 1), ([(100, 200, 48, 60)], None), ([], None)],
)
def test_a_hand_belongs_to_the_nearest_face_within_an_arm(faces: list[Box], owner: int | None) -> None:
    assert nearest_face(Found(0.9, 660, 260, 30, 30), faces) == owner


def test_a_large_face_reaches_further() -> None:
    hand = Found(0.9, 800, 230, 0, 0)
    small, large = (580, 210, 40, 40), (540, 170, 120, 120)
    assert 200 / 40 > ARM > 200 / 120
    assert (nearest_face(hand, [small]), nearest_face(hand, [large])) == (None, 0)
