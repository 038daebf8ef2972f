import datetime as dt

import numpy as np
import pytest

from analytics.verdicts.levels import find_changes
from analytics.verdicts.matched import Floats, HourlyMeasure
from tests.analytics.verdicts.test_expected import weeks_of

MONDAY = dt.date(2026, 9, 14)


def days_of_changes(rates: Floats) -> list[dt.date]:
    return [change.day for change in find_changes(HourlyMeasure(rates, MONDAY))]


def test_where_nothing_changed_no_change_is_told() -> None:
    assert sum(bool(days_of_changes(weeks_of(9, seed=seed))) for seed in range(40)) <= 2


@pytest.mark.parametrize("lift", [0.6, 1.5])
def test_a_change_is_dated_with_its_interval(lift: float) -> None:
    rates = weeks_of(9, noise=0.05)
    rates[:, 30:] *= lift
    (change,) = find_changes(HourlyMeasure(rates, MONDAY))
    assert abs((change.day - MONDAY).days - 30) <= 1
    assert change.interval.low < lift < change.interval.high
    assert change.interval.low < change.ratio < change.interval.high


def test_two_changes_are_told_apart() -> None:
    rates = weeks_of(12, noise=0.05)
    rates[:, 28:56] *= 2
    first, second = days_of_changes(rates)
    assert abs((first - MONDAY).days - 28) <= 1
    assert abs((second - MONDAY).days - 56) <= 1


def test_hours_that_were_not_seen_are_no_change_of_level() -> None:
    rates = weeks_of(9, noise=0.05)
    rates[:, 30:, 13:] = np.nan
    assert days_of_changes(rates) == []


def test_a_single_busy_day_is_no_level() -> None:
    rates = weeks_of(9, noise=0.05)
    rates[:, 30] *= 4
    assert days_of_changes(rates) == []


@pytest.mark.parametrize(
    "rates", [weeks_of(3), np.full((2, 63, 24), np.nan), np.zeros((1, 63, 24)), np.zeros((0, 63, 24))]
)
def test_too_little_tells_no_change(rates: Floats) -> None:
    assert days_of_changes(rates) == []


def test_changes_of_less_than_a_tenth_matter_to_nobody() -> None:
    rates = weeks_of(9, people=10_000, noise=0.0)
    rates[:, 30:] *= 1.05
    assert days_of_changes(rates) == []
