from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.vision.search import (
    Found,
    Picture,
    check_picture,
    distinct,
    overlap,
    pixels,
    search,
    tiles,
)

sides = st.integers(1, 4000)
tile_sides = st.sampled_from([288, 432, 720])
places, sizes = st.integers(-50, 300).map(float), st.integers(1, 200).map(float)
boxes = st.builds(Found, st.floats(0, 1), places, places, sizes, sizes, st.sampled_from(["cup", "person"]))


@given(sides, sides, tile_sides)
def test_the_whole_frame_comes_first_and_tiles_lie_inside_it_and_cover_it(width: int, height: int, side: int) -> None:
    first, *others = tiles(width, height, side)
    assert first == (0, 0, width, height)
    for left, top, across, down in others:
        assert 0 <= left < left + across <= width
        assert 0 <= top < top + down <= height
    if others:
        for x in np.linspace(0, width - 1, 7):
            for y in np.linspace(0, height - 1, 7):
                assert any(t.left <= x <= t.left + t.width and t.top <= y <= t.top + t.height for t in others)


@given(st.integers(1, 100_000), st.integers(1, 100_000), tile_sides)
def test_a_search_is_bounded_however_large_the_frame_is(width: int, height: int, side: int) -> None:
    assert len(list(tiles(width, height, side))) <= 1 + 12 * 12 + 6 * 6 + 3 * 3


def test_tiles_have_a_side_in_pixels_so_that_more_pixels_show_things_further_away() -> None:
    for width, height in ((1280, 720), (1920, 1080), (2560, 1440)):
        assert list(tiles(width, height, 288))[-1][2:] == (288, 288)


def bright(crop: Picture) -> list[Found]:
    """Finds the bright rectangle, where it is more than a tenth of what is looked at."""
    return bright_from(crop, 1 / 10)


def bright_from(crop: Picture, share: float) -> list[Found]:
    rows, columns = np.nonzero(crop[..., 0] > 128)
    if not rows.size or np.ptp(columns) + 1 < crop.shape[1] * share:
        return []
    left, top = float(columns.min()), float(rows.min())
    return [Found(0.9, left, top, float(columns.max()) + 1 - left, float(rows.max()) + 1 - top)]


@given(st.integers(0, 1220), st.integers(0, 660))
def test_a_small_thing_is_found_once_where_it_is(left: int, top: int) -> None:
    frame = np.zeros((720, 1280, 3), np.uint8)
    frame[top : top + 60, left : left + 60] = 255
    assert bright(frame) == []
    assert [found[1:5] for found in search(frame, 432, bright)] == [(left, top, 60, 60)]


def bright_and_large_enough(crop: Picture) -> list[Found]:
    """Finds the bright rectangle from a fourteenth of the tile on, as the full-range model finds faces."""
    return bright_from(crop, 1 / 14)


@given(st.integers(30, 400), st.data())
def test_no_thing_falls_between_the_tiles_whatever_its_size(side: int, place: st.DataObject) -> None:
    left, top = place.draw(st.integers(0, 1280 - side)), place.draw(st.integers(0, 720 - side))
    frame = np.zeros((720, 1280, 3), np.uint8)
    frame[top : top + side, left : left + side] = 255
    assert [found[1:5] for found in search(frame, 288, bright_and_large_enough)] == [(left, top, side, side)]


@given(st.lists(boxes, max_size=8))
def test_of_boxes_of_the_same_thing_the_most_certain_stays(found: list[Found]) -> None:
    kept = distinct(found)
    assert kept == distinct(kept), "nothing that stays hides another that stays"
    assert set(kept) <= set(found)
    if found:
        assert kept[0].confidence == max(each.confidence for each in found)
    assert all(overlap(one, other) <= 0.3 for one, other in combinations(kept, 2) if one.label == other.label)


def test_different_labels_do_not_hide_each_other() -> None:
    person, cup = Found(0.9, 0, 0, 100, 100, "person"), Found(0.5, 10, 10, 20, 20, "cup")
    assert distinct([cup, person]) == [person, cup]
    assert distinct([cup._replace(label="person"), person]) == [person]


@given(boxes, boxes)
def test_overlap_is_symmetrical_and_one_only_for_equals(one: Found, other: Found) -> None:
    assert overlap(one, other) == pytest.approx(overlap(other, one))
    assert 0 <= overlap(one, other) <= 1
    assert overlap(one, one) == pytest.approx(1)


@given(boxes, st.integers(1, 250), st.integers(1, 250))
def test_boxes_in_pixels_lie_inside_the_picture_and_are_not_empty(found: Found, width: int, height: int) -> None:
    left, top, across, down = pixels(found, np.zeros((height, width, 3), np.uint8))
    assert 0 <= left < left + across <= width
    assert 0 <= top < top + down <= height


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), "u1")]
)
def test_what_is_no_picture_is_said(wrong: Picture) -> None:
    with pytest.raises(ValueError, match="a picture is height × width × 3 of uint8"):
        check_picture(wrong)
