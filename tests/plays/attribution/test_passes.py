"""All days are looked at in portions that end in time, one after the other, and a bad day holds up no other."""

import datetime as dt
from collections.abc import Collection, Iterator
from itertools import count

import pytest

from devices.models import Device
from plays.attribution import passes, services
from plays.models import ContentQuarter, PlayDay
from tests import clock
from tests.plays.samples import NOON, play, screen, visit

pytestmark = pytest.mark.django_db

DAY_S = 86_400
DEADLY = (NOON - dt.timedelta(days=4)).date()
EVERY_LOOK = passes.PORTION_S + 1
"""A portion that has taken longer than it may after its first day."""


def slow() -> Iterator[float]:
    return count(step=EVERY_LOOK)


def portion(which: passes.Pass) -> int:
    return passes.compute_portion(which, now=clock.now(), monotonic=slow().__next__)


def counted() -> int:
    """How many days of devices have tallies."""
    return ContentQuarter.objects.count()


@pytest.fixture
def blocks_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "AT_ONCE", 1)


@pytest.fixture
def six_days(seattle01: Device, chicago01: Device, blocks_of_one: None) -> None:
    """Three old days of each of two devices. Two of the days are further apart than what is read at once."""
    for device in (seattle01, chicago01):
        for days_ago in (60, 4, 3):
            play(screen(device), "film", -days_ago * DAY_S, -days_ago * DAY_S + 10)
            visit(device, -days_ago * DAY_S, 10, 5)


@pytest.mark.usefixtures("six_days")
def test_each_portion_ends_in_time_and_the_next_one_goes_on_from_there() -> None:
    changed = PlayDay.objects.filter(is_changed=True).count()
    computed = []
    while days := portion(passes.LATE):
        computed.append(days)
    assert computed == [1] * changed
    assert [row.impressions for row in ContentQuarter.objects.all()] == [1] * 6


@pytest.mark.usefixtures("six_days")
def test_a_pass_begins_again_when_it_is_due_and_not_before(seattle01: Device) -> None:
    passes.compute_portion(passes.LATE, now=clock.now())
    assert counted() == 6
    visit(seattle01, -4 * DAY_S + 1, 10, 5)
    assert passes.compute_portion(passes.LATE, now=clock.now() + dt.timedelta(minutes=59)) == 0
    assert passes.compute_portion(passes.LATE, now=clock.now() + dt.timedelta(hours=1)) == 1


@pytest.mark.usefixtures("six_days")
def test_a_day_at_which_the_process_dies_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    compute = services._compute_day

    def die(devices: Collection[int], day: dt.date, now: dt.datetime) -> None:
        if day == DEADLY:
            raise SystemExit
        compute(devices, day, now)

    with monkeypatch.context() as patch:
        patch.setattr(services, "_compute_day", die)
        for _ in range(2):  # the day of each of the two devices
            with pytest.raises(SystemExit):
                passes.compute_portion(passes.LATE, now=clock.now())
        passes.compute_portion(passes.LATE, now=clock.now())
        assert counted() == 4
    passes.compute_portion(passes.LATE, now=clock.now() + passes.LATE.every)
    assert counted() == 6


@pytest.mark.usefixtures("six_days")
def test_recent_days_are_looked_at_every_time_and_old_ones_are_left_to_the_other_pass(seattle01: Device) -> None:
    for start in (0, 20, 40):
        play(screen(seattle01), "poster", start, start + 10)
        passes.compute_portion(passes.RECENT, now=clock.now())
        assert [row.plays for row in ContentQuarter.objects.all()] == [start / 20 + 1]
