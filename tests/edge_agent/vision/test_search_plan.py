"""Which parts of a frame are searched when."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.pictures.encoding import Picture
from edge_agent.vision.search import TILE, Tile
from edge_agent.vision.search_plan import PERIOD, UNCHANGED, Schedule, SearchPlan, parts_of

LOOK = 1 / 6
"""Seconds between two looks at the default cadence."""


def noise(seed: int, spread: int = 5) -> Picture:
    """A room, as a camera with some noise shows it; with a large spread, everything moves."""
    chance = np.random.default_rng(seed)
    block = chance.integers(120 - spread, 120 + spread + 1, (180, 320, 3), np.uint8)
    return np.ascontiguousarray(np.tile(block, (4, 4, 1)))


def with_somebody(rgb: Picture, left: int, top: int, side: int = 22) -> Picture:
    rgb = rgb.copy()
    rgb[top : top + side, left : left + side] = 200
    return rgb


def shows(tile: Tile, left: int, top: int) -> bool:
    return tile.left <= left < tile.left + tile.width and tile.top <= top < tile.top + tile.height


def test_the_first_look_searches_every_part() -> None:
    assert SearchPlan(TILE).due(noise(0), 100.0) == parts_of(1280, 720, TILE)


def test_where_nothing_changes_nothing_is_searched_for_two_seconds() -> None:
    plan = SearchPlan(TILE)
    plan.due(noise(0), 100.0)
    looks = [plan.due(noise(number), 100 + LOOK * number) for number in range(1, 24)]
    assert [len(parts) for parts in looks[:11]] == [0] * 11
    assert sorted(part for parts in looks for part in parts) == sorted(parts_of(1280, 720, TILE))


def test_a_face_of_22_pixels_that_appears_is_searched_in_the_same_look() -> None:
    plan = SearchPlan(TILE)
    plan.due(noise(0), 100.0)
    plan.due(noise(1), 100.2)
    plan.due(noise(2), 100.4)
    parts = plan.due(with_somebody(noise(3), 700, 300), 100.6)
    assert parts
    assert all(shows(part, 710, 310) for part in parts)
    assert any(part.width == TILE for part in parts)


def test_whatever_moves_everything_is_searched_twice_a_second_and_no_more() -> None:
    plan = SearchPlan(TILE)
    looks = [plan.due(noise(number, spread=119), 100 + LOOK * number) for number in range(31)]
    number = len(parts_of(1280, 720, TILE))
    assert max(len(parts) for parts in looks[1:]) <= number * LOOK / PERIOD + 1
    later = [part for parts in looks[1:] for part in parts]
    assert len(later) == pytest.approx(5 / PERIOD * number, rel=0.05)
    assert {later.count(part) for part in set(later)} <= {9, 10, 11}


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumps_stops_no_search(jump: float) -> None:
    plan = SearchPlan(TILE)
    plan.due(noise(0), 10_000.0)
    looks = [plan.due(noise(number, spread=119), 10_000 + jump + LOOK * number) for number in range(1, 4)]
    assert all(looks)


def test_another_size_is_searched_whole_at_once() -> None:
    plan = SearchPlan(TILE)
    plan.due(noise(0), 100.0)
    small = noise(1)[:480, :640]
    assert plan.due(small, 100.1) == parts_of(640, 480, TILE)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3000, 3), (3000, 2, 3)])
@pytest.mark.parametrize("together", [False, True])
def test_absurd_sizes_are_planned_without_an_error(shape: tuple[int, int, int], together: bool) -> None:
    plan = SearchPlan(TILE, together=together)
    for number in range(3):
        for part in plan.due(np.full(shape, 80 * number, np.uint8), 100.0 + number):
            assert part.of(np.zeros(shape, np.uint8)).size


def test_together_the_parts_are_one_that_holds_all_that_has_changed() -> None:
    plan = SearchPlan(TILE, together=True)
    assert plan.due(noise(0), 100.0) == [Tile(0, 0, 1280, 720)]
    assert plan.due(with_somebody(noise(1), 700, 300), 100.2) == []
    (part,) = plan.due(with_somebody(noise(2), 700, 300), 100.5)
    assert shows(part, 700, 300)
    assert shows(part, 721, 321)
    assert part.width < 1280


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.sets(st.integers(0, 6))), max_size=60))
def test_no_part_waits_longer_than_two_periods_after_its_time(looks: list[tuple[float, set[int]]]) -> None:
    schedule = Schedule(7)
    waited = [0.0] * 7
    for passed, changed in looks:
        waited = [each + passed for each in waited]
        for part in schedule.due(passed, changed.__contains__):
            waited[part] = 0.0
        longest = max(passed for passed, _ in looks)
        assert max(waited) <= UNCHANGED + 2 * PERIOD + longest
