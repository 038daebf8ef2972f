"""Opening hours are proposed from the quarter hours in which people usually came."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from analytics.models import EngagementQuarter
from analytics.verdicts.proposed_hours import propose_plan, propose_week
from devices.models import Device

CHICAGO = ZoneInfo("America/Chicago")
OPEN = slice(4 * 9, 4 * 18)


def week(occupied: float = 5, weeks: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Minutes with somebody there and minutes seen, [day of the week, quarter hour], of weeks open from 9 to 18."""
    there, seen = np.zeros((7, 96)), np.full((7, 96), 15.0 * weeks)
    there[:, OPEN] = occupied * weeks
    return there, seen


def test_proposed_hours_are_those_in_which_people_usually_came() -> None:
    there, seen = week()
    there[6] = 0
    there[2, 4 * 2] = 0.4  # somebody cleans on Wednesdays
    assert propose_week(there, seen) == ["09:00-18:00"] * 6 + [""]


def test_proposed_hours_begin_and_end_with_a_quarter_hour() -> None:
    there, seen = week()
    there[0, 35] = there[0, 72] = there[0, 73] = 40  # Mondays from 8:45 to 18:30
    there[1, 36] = 0  # Tuesdays from 9:15
    assert propose_week(there, seen)[:3] == ["08:45-18:30", "09:15-18:00", "09:00-18:00"]


def test_a_quarter_hour_that_was_never_seen_is_proposed_by_other_days_and_a_day_never_seen_is_closed() -> None:
    there, seen = week()
    for unseen in ((1, slice(0, 4 * 14)), (6, slice(None))):  # the mornings of Tuesdays, and all Sundays
        there[unseen] = seen[unseen] = 0
    assert propose_week(there, seen) == ["09:00-18:00"] * 6 + [""]


def test_nothing_seen_proposes_nothing() -> None:
    assert propose_week(np.zeros((7, 96)), np.zeros((7, 96))) == [""] * 7


@pytest.mark.django_db
def test_a_plan_is_proposed_in_local_time_on_both_sides_of_a_change_of_clocks(chicago01: Device) -> None:
    every = 2**15 - 1
    first = dt.datetime(2026, 10, 12, tzinfo=CHICAGO)  # clocks change on 1 November
    local = [first + dt.timedelta(days=day, minutes=15 * quarter) for day in range(28) for quarter in range(20, 90)]
    EngagementQuarter.objects.bulk_create(
        EngagementQuarter(
            device=chicago01,
            start=start.astimezone(dt.UTC),
            frames=10,
            faces_sum=10,
            faces_peak=1,
            minutes_seen=every,
            minutes_occupied=every if dt.time(8, 15) <= start.time() < dt.time(17, 30) else 0,
            minutes_told=every,
        )
        for start in local
    )
    found = propose_plan(chicago01.site, now=dt.datetime(2026, 11, 9, 12, tzinfo=CHICAGO))
    assert set(found.values()) == {"08:15-17:30"}
