import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_agent.messages import Label
from edge_agent.vision.files import ROOT
from edge_agent.vision.gestures import GESTURES, RULES, Gesture, find_gesture
from edge_agent.vision.hand_traits import measure_traits
from tests.programs.waiting import PATIENCE_S

Points = NDArray[np.float64]

# What the landmark model says of a photograph of a thumb held up, in pixels: x, y and depth.
THUMB_UP: Points = np.array(
    [
        *[(478, 334, 0), (431, 254, -19), (365, 193, -23), (302, 150, -24), (279, 107, -18)],
        *[(306, 249, -5), (266, 253, -26), (327, 261, -35), (342, 263, -41)],
        *[(310, 303, -2), (271, 303, -22), (343, 296, -27), (348, 291, -32)],
        *[(323, 346, -3), (285, 346, -24), (348, 336, -14), (357, 333, -5)],
        *[(334, 384, -4), (307, 385, -13), (344, 374, 0), (354, 371, 9)],
    ],
    float,
)
KNUCKLES, INDEX = (5, 9, 13, 17), slice(5, 9)


def turned(points: Points, degrees: float) -> Points:
    """Clockwise in the picture."""
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.hstack([points[:, :2] @ rotation.T, points[:, 2:]])


def mirrored(points: Points) -> Points:
    flipped: Points = points * np.array([-1.0, 1.0, 1.0][: points.shape[1]])
    return flipped


def with_fingers_straight(points: Points, which: tuple[int, ...] = KNUCKLES) -> Points:
    """The same hand with those fingers stretched: each joint a third of the palm further out along the finger."""
    hand = points.copy()
    for knuckle in which:
        out = (points[knuckle] - points[0]) / 3
        hand[knuckle + 1 : knuckle + 4] = [points[knuckle] + step * out for step in (1, 2, 3)]
    return hand


def with_thumb_in(points: Points) -> Points:
    """The same hand with the thumb laid over the index and middle finger."""
    hand = points.copy()
    hand[3:5] = [(points[2] + points[6]) / 2, (points[6] + points[10]) / 2]
    return hand


def gesture(points: Points) -> Gesture | None:
    return find_gesture(measure_traits(points))


def label(points: Points) -> str | None:
    found = gesture(points)
    return found.label if found else None


def with_index_towards_the_camera(points: Points) -> Points:
    """The same hand with the index finger stretched out along the line of sight: short in the picture, but deep."""
    hand = points.copy()
    for step in (1, 2, 3):
        hand[5 + step] = points[5] + np.array([-6.0 * step, 2.0 * step, -30.0 * step])
    return hand


EXAMPLES: list[tuple[str, Points, str | None]] = [
    ("up", THUMB_UP, "thumbs-up"),
    ("down", turned(THUMB_UP, 180), "thumbs-down"),
    ("mirrored up", mirrored(THUMB_UP), "thumbs-up"),
    ("mirrored down", mirrored(turned(THUMB_UP, 180)), "thumbs-down"),
    ("flat", THUMB_UP[:, :2], "thumbs-up"),
    ("far away", THUMB_UP * 0.05, "thumbs-up"),
    ("fist", with_thumb_in(THUMB_UP), "fist"),
    ("palm", with_fingers_straight(THUMB_UP), "open-palm"),
    ("flat hand", with_fingers_straight(with_thumb_in(THUMB_UP)), None),
    ("gun", with_fingers_straight(THUMB_UP, (5,)), None),
    ("pointing at the camera", with_index_towards_the_camera(THUMB_UP), None),
    ("victory", with_fingers_straight(THUMB_UP, (5, 9)), None),
    ("to the right", turned(THUMB_UP, 90), None),
    ("to the left", turned(THUMB_UP, -90), None),
]


@pytest.mark.parametrize(
    ("hand", "expected"), [example[1:] for example in EXAMPLES], ids=[name for name, *_ in EXAMPLES]
)
def test_an_example_hand_makes_its_gesture(hand: Points, expected: str | None) -> None:
    assert label(hand) == expected


def test_the_list_of_gestures_holds_exactly_what_the_rules_find() -> None:
    assert tuple(RULES) == GESTURES
    assert {expected for _, _, expected in EXAMPLES if expected} == set(GESTURES), "each gesture needs an example hand"
    assert msgspec.convert(GESTURES, tuple[Label, ...]) == GESTURES


def test_the_handbook_of_the_agent_names_every_gesture() -> None:
    handbook = (ROOT / "docs" / "edge-agent.md").read_text()
    assert [label for label in GESTURES if f"`{label}`" not in handbook] == []


@given(st.floats(-180, 180), st.booleans())
def test_up_and_down_are_those_of_the_picture(degrees: float, mirror: bool) -> None:
    hand = turned(mirrored(THUMB_UP) if mirror else THUMB_UP, degrees)
    found = label(hand)
    leaning = abs((degrees + (11 if mirror else -11) + 180) % 360 - 180)
    if leaning < 58:
        assert found == "thumbs-up"
    elif leaning > 122:
        assert found == "thumbs-down"
    elif 62 < leaning < 118:
        assert found is None


@given(st.floats(0, 360), st.sampled_from([with_thumb_in(THUMB_UP), with_fingers_straight(THUMB_UP)]))
def test_a_fist_and_a_palm_have_no_up_and_down(degrees: float, hand: Points) -> None:
    assert gesture(turned(hand, degrees)) == pytest.approx(gesture(hand))


@given(st.floats(0.01, 100), st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_size_and_place_change_nothing(scale: float, x: float, y: float) -> None:
    found = gesture(THUMB_UP * scale + (x, y, 0))
    assert found is not None
    assert found.label == "thumbs-up"
    assert found.confidence == pytest.approx(1.0)


def test_a_leaning_thumb_is_less_certain() -> None:
    upright, leaning = gesture(turned(THUMB_UP, 11)), gesture(turned(THUMB_UP, -40))
    assert upright
    assert leaning
    assert 0.5 <= leaning.confidence < upright.confidence <= 1


def test_a_hand_of_one_point_is_no_gesture_and_no_error() -> None:
    assert gesture(np.zeros((21, 3))) in (None, Gesture("fist", 1.0))


@pytest.mark.parametrize("shape", [(20, 3), (21, 4), (21,), (63,)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a hand has 21 landmarks of 2 or 3 coordinates"):
        gesture(np.zeros(shape))


def test_the_labels_are_imported_without_numpy() -> None:
    program = "import sys; import edge_agent.vision.gestures; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stdout == "False\n", done.stderr
