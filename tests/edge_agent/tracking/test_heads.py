"""Where the head of a body is, and which body belongs to which face."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.tracking.heads import heads_without_face

SIZE = (1280, 720)
BODY = (400, 100, 120, 400)
ITS_FACE = (440, 110, 38, 48)


def test_a_body_with_its_face_is_no_second_person() -> None:
    assert heads_without_face([BODY], [ITS_FACE], SIZE) == []


def test_of_a_body_that_is_turned_away_the_head_is_where_a_face_would_be() -> None:
    ((left, top, width, height),) = heads_without_face([BODY], [], SIZE)
    assert abs(left + width / 2 - 460) <= 1
    assert 100 <= top <= 120
    assert 40 <= height <= 60


def test_a_face_elsewhere_is_somebody_else_s() -> None:
    assert len(heads_without_face([BODY], [(700, 110, 38, 48)], SIZE)) == 1
    assert len(heads_without_face([BODY], [(440, 400, 38, 48)], SIZE)) == 1


def test_one_face_belongs_to_one_of_two_bodies_that_overlap() -> None:
    behind = (450, 90, 120, 400)
    (head,) = heads_without_face([BODY, behind], [ITS_FACE], SIZE)
    assert abs(head[0] + head[2] / 2 - 510) <= 1


def test_a_body_that_the_frame_cuts_has_a_head_by_its_width() -> None:
    (far,) = heads_without_face([(400, 500, 120, 200)], [], SIZE)
    (near,) = heads_without_face([(400, 500, 320, 220)], [], SIZE)
    assert near[3] == 100
    assert far[3] == 25


boxes = st.tuples(st.integers(0, 1279), st.integers(0, 719), st.integers(1, 1280), st.integers(1, 720))


@given(st.lists(boxes, max_size=8), st.lists(boxes, max_size=8))
def test_each_body_is_a_head_or_has_a_face_of_its_own(
    bodies: list[tuple[int, int, int, int]], faces: list[tuple[int, int, int, int]]
) -> None:
    heads = heads_without_face(bodies, faces, SIZE)
    assert max(0, len(bodies) - len(faces)) <= len(heads) <= len(bodies)
    assert all(width >= 1 and height >= 1 for _, _, width, height in heads)
