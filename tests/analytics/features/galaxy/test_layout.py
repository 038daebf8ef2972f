"""Screens as rigs number them, and where they lie on the picture."""

import pytest

from analytics.features.galaxy.drawing.layout import MOST_SCREENS, SCREEN_WIDTH, Wall, screens

NUMBERS = {
    1: [1],
    2: [1, 2],
    3: [3, 1, 2],
    4: [4, 1, 2, 3],
    5: [4, 5, 1, 2, 3],
    6: [5, 6, 1, 2, 3, 4],
    7: [5, 6, 7, 1, 2, 3, 4],
    8: [6, 7, 8, 1, 2, 3, 4, 5],
}


@pytest.mark.parametrize("count", range(1, MOST_SCREENS + 1))
def test_numbers_go_clockwise_from_the_master(count: int) -> None:
    wall = screens(count)
    assert [screen.number for screen in wall] == NUMBERS[count]
    assert [screen.position for screen in wall] == list(range(count))
    assert [screen.offset for screen in wall] == list(range(wall[0].offset, wall[0].offset + count))
    assert next(screen.offset for screen in wall if screen.number == 1) == 0


def test_viewports_have_end_points_names() -> None:
    assert [screen.viewport for screen in screens(5)] == ["left_two", "left_one", "center", "right_one", "right_two"]
    assert screens(8)[-1].viewport == "right_four"


@pytest.mark.parametrize("count", [-1, 0, 9])
def test_walls_of_other_sizes_are_refused_in_a_sentence(count: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 8"):
        screens(count)
    with pytest.raises(ValueError, match="from 1 to 8"):
        Wall(count)


@pytest.mark.parametrize("bezel", [-1, 401])
def test_a_bezel_out_of_range_is_refused(bezel: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 400"):
        Wall(3, bezel)


def test_a_bezel_hides_a_part_of_the_picture() -> None:
    wall = Wall(3, 60)
    assert [wall.left(position) for position in range(3)] == [0, SCREEN_WIDTH + 60, 2 * SCREEN_WIDTH + 120]
    assert wall.width == 3 * SCREEN_WIDTH + 120
    assert [wall.position_at(x) for x in (0, 1079, 1100, 1140, 5000)] == [0, 0, 0, 1, 2]


def test_a_wall_has_its_own_screens_only() -> None:
    assert Wall(3).screen(3).position == 0
    with pytest.raises(ValueError, match="no screen 4"):
        Wall(3).screen(4)
