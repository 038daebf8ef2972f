"""Whose surroundings a look examines."""

import pytest

from edge_agent.messages import Box
from edge_agent.vision.search import Found
from edge_agent.vision.turns import Turns


def people(number: int, shift: int = 0) -> list[Box]:
    return [(200 * place + shift, 100, 60, 80) for place in range(number)]


def test_two_people_have_a_turn_in_each_look() -> None:
    turns = Turns(per_second=4, most=8)
    assert [sorted(turns.choose(0.5 * look, people(2))) for look in range(6)] == [[0, 1]] * 6


def test_many_people_take_turns_so_that_nobody_waits_twice_as_long() -> None:
    turns = Turns(per_second=4, most=8)
    looks = [turns.choose(0.5 * look, people(6)) for look in range(13)]
    assert sorted(looks[0]) == [0, 1, 2, 3, 4, 5]
    later = looks[7:]
    assert {len(look) for look in later} == {2}
    assert {sum(place in look for look in later) for place in range(6)} == {2}


def test_who_comes_has_the_next_turn() -> None:
    turns = Turns(per_second=2, most=3)
    turns.choose(0.0, people(3))
    assert turns.choose(0.5, [*people(3), (900, 100, 60, 80)]) == [3]


def test_what_was_found_stays_and_moves_with_its_person_until_the_next_turn() -> None:
    turns = Turns(per_second=1, most=1)
    assert turns.choose(0.0, [(100, 100, 60, 80)]) == [0]
    turns.keep(0, [Found(0.9, 110.0, 220.0, 40.0, 44.0, "cup")])
    assert turns.choose(0.1, [(140, 100, 60, 80)]) == []
    (cup,) = turns.found(0)
    assert (cup.left, cup.top, cup.width, cup.label) == (150.0, 220.0, 40.0, "cup")
    assert turns.choose(1.2, [(140, 100, 60, 80)]) == [0]
    turns.keep(0, [])
    assert turns.found(0) == []


def test_who_stands_beside_somebody_with_a_cup_has_none() -> None:
    turns = Turns(per_second=1, most=1)
    turns.choose(0.0, [(100, 100, 60, 80)])
    turns.keep(0, [Found(0.9, 110.0, 220.0, 40.0, 44.0, "cup")])
    turns.choose(0.1, [(175, 100, 60, 80), (100, 100, 60, 80)])
    assert turns.found(0) == []
    assert len(turns.found(1)) == 1


def test_who_makes_a_gesture_has_a_turn_in_each_look() -> None:
    turns = Turns(per_second=2, most=8, again=True)
    turns.choose(0.0, people(4))
    turns.keep(3, [Found(0.9, 610.0, 90.0, 40.0, 44.0)])
    for look in range(1, 6):
        assert 3 in turns.choose(0.5 * look, people(4))
        turns.keep(3, [Found(0.9, 610.0, 90.0, 40.0, 44.0)])


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumps_keeps_nobody_waiting(jump: float) -> None:
    turns = Turns(per_second=4, most=8)
    turns.choose(10_000.0, people(3))
    assert sorted(turns.choose(10_000 + jump, people(3))) == [0, 1, 2]


def test_nobody_has_no_turn() -> None:
    assert Turns(per_second=4, most=8).choose(0.0, []) == []
