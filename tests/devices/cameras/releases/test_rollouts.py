"""A version reaches the boxes in waves, and a failure stops the waves that follow."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from devices.cameras.releases import rollouts, wheel
from devices.models import AgentRelease, AgentUpdate, Rollout, Site, Thing
from tests import clock
from tests.world import places

OLD, NEW = "0.1.0", "0.2.0"


@pytest.fixture
def things(seattle: Site) -> list[Thing]:
    return [places.device(seattle, f"camera{number}", f"thing{number}").thing for number in range(21)]


@pytest.fixture
def rollout(things: list[Thing]) -> Rollout:
    wheel.store(NEW, f"agent-{NEW}.whl", b"wheel")
    return rollouts.start_rollout(things=things, version=NEW, by=None, now=clock.now())


def asks(thing: Thing, version: str = OLD, *, failed: str = "", why: str = "") -> bool:
    """Whether the box that runs this version is told to install another."""
    found = rollouts.next_release(thing=thing, version=version, failed=failed, why=why, now=clock.now())
    return found is not None


@given(st.integers(min_value=1, max_value=5_000))
def test_one_box_is_first_and_waves_never_go_back(count: int) -> None:
    found = rollouts.waves(count)
    assert found.count(0) == 1
    assert found == sorted(found)
    assert found.count(1) <= count // 10 + 1


def test_one_box_is_first_then_a_tenth_then_the_rest(things: list[Thing], rollout: Rollout) -> None:
    assert [asks(thing) for thing in things] == [True] + [False] * 20
    asks(things[0], NEW)
    assert [asks(thing) for thing in things[1:]] == [True] * 2 + [False] * 18
    asks(things[1], NEW)
    assert not asks(things[3])
    asks(things[2], NEW)
    assert all(asks(thing) for thing in things[3:])


def test_a_box_that_runs_the_version_is_told_nothing(things: list[Thing], rollout: Rollout) -> None:
    assert not asks(things[0], NEW)
    assert AgentUpdate.objects.get(thing=things[0]).done_at is not None


def test_a_failure_stops_the_waves_until_somebody_tries_again(things: list[Thing], rollout: Rollout) -> None:
    asks(things[0], NEW)
    asks(things[1], failed=NEW, why="It did not come up.")
    assert AgentUpdate.objects.get(thing=things[1]).failure == "It did not come up."
    assert not any(asks(thing) for thing in things[1:])
    assert rollouts.retry(rollout=rollout) == 1
    assert asks(things[1])


def test_a_later_pin_takes_the_place_of_the_earlier_one(things: list[Thing], rollout: Rollout) -> None:
    wheel.store("0.3.0", "agent-0.3.0.whl", b"another")
    rollouts.start_rollout(things=things[:1], version="0.3.0", by=None, now=clock.now())
    told = rollouts.next_release(thing=things[0], version=OLD, failed="", why="", now=clock.now())
    assert told is not None
    assert told["version"] == "0.3.0"


def test_a_box_without_a_pin_stays_as_it_is(seattle: Site) -> None:
    assert not asks(places.device(seattle, "camera", "thing").thing)


def test_a_version_that_the_platform_does_not_have_is_refused(seattle: Site) -> None:
    thing = places.device(seattle, "camera", "thing").thing
    with pytest.raises(ValidationError, match="no version"):
        rollouts.start_rollout(things=[thing], version=NEW, by=None, now=clock.now())
    assert not AgentRelease.objects.exists()
