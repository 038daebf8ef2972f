"""How far a face is turned, from the key points of a head that is drawn from a known direction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.vision.head_pose import WITH_EARS, WITH_MOUTH_CORNERS, Head, head_pose

HEADS = pytest.mark.parametrize("head", [WITH_EARS, WITH_MOUTH_CORNERS], ids=["with ears", "with mouth corners"])


def seen(head: Head, yaw: float, pitch: float, tilt: float = 0.0, scale: float = 0.3) -> list[tuple[float, float]]:
    """The key points of a head that is turned to the right edge of the picture by `yaw`, and up by `pitch`."""
    across, up, round_ = np.radians([yaw, pitch, tilt])
    turn = np.array([[np.cos(across), 0, -np.sin(across)], [0, 1, 0], [np.sin(across), 0, np.cos(across)]])
    nod = np.array([[1, 0, 0], [0, np.cos(up), np.sin(up)], [0, -np.sin(up), np.cos(up)]])
    lean = np.array([[np.cos(round_), -np.sin(round_), 0], [np.sin(round_), np.cos(round_), 0], [0, 0, 1]])
    points = scale * (lean @ turn @ nod @ np.array(head).T).T[:, :2] + (400, 300)
    return [(float(x), float(y)) for x, y in points]


@HEADS
@given(yaw=st.floats(-60, 60), pitch=st.floats(-40, 40), scale=st.floats(0.02, 3))
def test_the_angles_of_a_turned_head_are_found(head: Head, yaw: float, pitch: float, scale: float) -> None:
    found = head_pose(seen(head, yaw, pitch, scale=scale), head)
    assert found.yaw == pytest.approx(yaw, abs=2)
    assert found.pitch == pytest.approx(pitch, abs=2)


@HEADS
@given(tilt=st.floats(-60, 60))
def test_a_head_that_leans_to_a_shoulder_still_faces_the_camera(head: Head, tilt: float) -> None:
    assert head_pose(seen(head, 0, 0, tilt), head).angle < 2


@HEADS
def test_the_angle_counts_both_turns(head: Head) -> None:
    assert head_pose(seen(head, 30, 0), head).angle == pytest.approx(30, abs=2)
    assert head_pose(seen(head, 0, -30), head).angle == pytest.approx(30, abs=2)
    assert head_pose(seen(head, 30, -30), head).angle > 38


@HEADS
def test_points_in_one_place_are_no_error(head: Head) -> None:
    assert 0 <= head_pose([(5.0, 5.0)] * len(head), head).angle <= 180
