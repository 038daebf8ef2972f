"""Counts by eye before and after a change of a camera's setup let both sides be compared."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.numbers.intervals import Interval
from analytics.verdicts.corrections import Corrected, carry_over, correct
from analytics.verdicts.expected import forecast_day, forecast_week, usual_hours
from analytics.verdicts.matched import (
    Booleans,
    Calibration,
    Comparison,
    Floats,
    HourlyMeasure,
    Side,
    UsualRange,
    compare,
    usual_range,
)
from analytics.verdicts.setups import SetupHours
from analytics.verdicts.usual_weeks import range_of_spans

MONDAY = dt.date(2026, 11, 2)
DAYS = 63
NAME = "average"


def people(*, seed: int = 1, cameras: int = 1) -> Floats:
    """The people in front of each camera, [camera, day, hour]; nobody comes at night."""
    random = np.random.default_rng(seed)
    found = np.zeros((cameras, DAYS, 24))
    found[:, :, 9:18] = np.linspace(20, 60, 9) * np.exp(random.normal(0, 0.04, (cameras, DAYS, 1)))
    return found


def days(first: int, last: int) -> Booleans:
    """The days from `first` up to `last`, counted from the end."""
    hours = np.zeros((DAYS, 24), bool)
    hours[DAYS - first : DAYS - last] = True
    return hours


def setups(changed: int, *shares: Calibration | None, cameras: int = 1) -> SetupHours:
    """The first camera had another setup in its last `changed` days; `shares` are those of its two setups."""
    numbers = np.zeros((cameras, DAYS, 24), np.int64)
    numbers[0, DAYS - changed :] = 1
    known = {key: {NAME: share} for key, share in zip("ab", shares, strict=True) if share is not None}
    return SetupHours(numbers, (), [["a", "b"]] * cameras, [1] * cameras, known)


def last_week(rates: Floats, of: SetupHours) -> tuple[Comparison, Corrected]:
    after, before = days(7, 0), days(14, 7)
    found = correct(HourlyMeasure(rates, MONDAY), NAME, of, after, before)
    return compare(Side(found.measure, after), Side(found.measure, before)), found


def reach(comparison: Comparison) -> float:
    assert comparison.interval is not None
    return comparison.interval.high / comparison.interval.low


def found_by(shares: Sequence[float], of: SetupHours, there: Floats) -> Floats:
    return np.asarray(there * np.asarray(shares)[of.numbers], np.float64)


@given(st.floats(0.2, 1.0), st.floats(0.2, 1.0), st.integers(0, 3))
def test_counts_of_both_setups_compare_people_instead_of_what_the_camera_finds(
    old: float, new: float, seed: int
) -> None:
    there = people(seed=seed)
    counted = setups(7, Calibration(old, 0, 60), Calibration(new, 0, 60))
    one_setup = setups(0, None, None)
    truth, _ = last_week(there, one_setup)
    found, corrected = last_week(found_by([old, new], counted, there), counted)
    assert corrected.spots == (0,)
    assert found.hours_in_common == truth.hours_in_common
    assert found.ratio == pytest.approx(truth.ratio)
    assert reach(found) == pytest.approx(reach(truth))


def test_the_uncertainty_of_both_calibrations_widens_the_interval() -> None:
    there = people()
    sure, _ = last_week(there, setups(7, Calibration(1, 0, 60), Calibration(1, 0, 60)))
    one, _ = last_week(there, setups(7, Calibration(1, 0.01, 60), Calibration(1, 0, 60)))
    other, _ = last_week(there, setups(7, Calibration(1, 0, 60), Calibration(1, 0.01, 60)))
    both, _ = last_week(there, setups(7, Calibration(1, 0.01, 60), Calibration(1, 0.01, 60)))
    assert reach(one) > 1.2 * reach(sure)
    assert reach(other) == pytest.approx(reach(one))
    assert np.log(reach(both)) > 1.2 * np.log(reach(one))


def test_an_error_of_a_calibration_counts_as_far_as_it_moves_the_two_sides_apart() -> None:
    there = people(cameras=4)
    unsure = Calibration(1, 0.01, 60), Calibration(1, 0.01, 60)
    alone, _ = last_week(there[:1], setups(7, *unsure))
    among_four, corrected = last_week(there, setups(7, *unsure, cameras=4))
    assert corrected.spots == (0,)
    assert np.log(reach(among_four)) < 0.5 * np.log(reach(alone))


@pytest.mark.parametrize("shares", [(None, None), (Calibration(0.9, 0, 9), None), (None, Calibration(0.9, 0, 9))])
def test_without_a_count_of_each_setup_the_camera_is_left_out(
    shares: tuple[Calibration | None, Calibration | None],
) -> None:
    found, corrected = last_week(people(), setups(7, *shares))
    assert (found.hours_in_common, found.interval, corrected.spots) == (0, None, ())


@pytest.mark.parametrize(("changed", "is_corrected", "hours"), [(2, False, 5), (5, True, 7)])
def test_a_correction_is_used_where_one_setup_leaves_less_than_half_of_the_hours(
    changed: int, is_corrected: bool, hours: int
) -> None:
    counted = setups(changed, Calibration(0.5, 0.001, 60), Calibration(0.8, 0.001, 60))
    found, corrected = last_week(found_by([0.5, 0.8], counted, people()), counted)
    assert bool(corrected.spots) is is_corrected
    assert found.hours_in_common == hours * 24
    assert found.ratio == pytest.approx(1, abs=0.05)


def test_an_hour_in_which_the_setup_changed_is_left_out() -> None:
    counted = setups(7, Calibration(1, 0, 60), Calibration(1, 0, 60))
    counted.numbers[0, DAYS - 7, 0] = -1
    found, corrected = last_week(people(), counted)
    assert corrected.spots == (0,)
    assert found.hours_in_common == 7 * 24 - 1


def usual_day(rates: Floats, of: SetupHours) -> UsualRange | None:
    """The usual range of the last day."""
    measure = carry_over(HourlyMeasure(rates, MONDAY), NAME, of, ~np.isnan(rates))
    return usual_range(Side(measure, days(1, 0)), days(DAYS, 1))


@given(st.floats(0.2, 1.0), st.floats(0.2, 1.0), st.integers(0, 3))
def test_a_usual_range_goes_on_after_a_change_if_both_setups_were_counted(old: float, new: float, seed: int) -> None:
    there, counted = people(seed=seed), setups(7, Calibration(old, 0, 60), Calibration(new, 0, 60))
    truth, found = (
        usual_day(there * new, setups(0, None, None)),
        usual_day(found_by([old, new], counted, there), counted),
    )
    assert truth is not None
    assert found is not None
    assert found.weeks == truth.weeks
    assert found.median == pytest.approx(truth.median)
    assert found.band.low == pytest.approx(truth.band.low)
    assert found.band.high == pytest.approx(truth.band.high)
    assert (truth.note, found.is_corrected) == ("", True)


def test_the_uncertainty_of_the_counts_widens_a_usual_range() -> None:
    ranges = [usual_day(people(), setups(7, *[Calibration(1, error, 60)] * 2)) for error in (0, 0.01)]
    (sure, unsure) = (found.band.high / found.band.low for found in ranges if found is not None)
    assert unsure > 1.2 * sure


@pytest.mark.parametrize("counted", [(None, None), (Calibration(1, 0, 60), None), (None, Calibration(1, 0, 60))])
def test_a_usual_range_begins_anew_if_a_setup_was_not_counted(counted: tuple[Calibration | None, ...]) -> None:
    assert usual_day(people(), setups(7, *counted)) is None


OVER, TO_COME = np.arange(24) < 13, np.arange(24) >= 13
"""The last day is under way."""

WEEK = (np.arange(7)[:, None] * 24 + np.arange(24)) < 3 * 24
"""The hours of the last week that are over."""


def expected(rates: Floats, of: SetupHours) -> list[Interval]:
    """The bands of the hours of the last day, and those of the forecasts of this day and of the last week."""
    measure = carry_over(HourlyMeasure(rates, MONDAY), NAME, of, ~np.isnan(rates))
    bands = [band for band in usual_hours(measure.rates, DAYS - 1, measure.corrected) if band is not None]
    day = forecast_day(measure.rates, DAYS - 1, OVER, TO_COME, measure.corrected)
    week = forecast_week(measure.rates, DAYS - 7, WEEK, ~WEEK, measure.corrected)
    return bands + [made.band for made in (day, week) if made is not None]


def usual_week(rates: Floats, of: SetupHours) -> UsualRange | None:
    """The usual range of the last week."""
    measure = carry_over(HourlyMeasure(rates, MONDAY), NAME, of, ~np.isnan(rates))
    return range_of_spans(measure.rates, DAYS - 7, 7, measure.corrected)


@settings(max_examples=20)
@given(st.floats(0.2, 1.0), st.floats(0.2, 1.0), st.integers(0, 3))
def test_bands_forecasts_and_usual_weeks_go_on_after_a_change_if_both_setups_were_counted(
    old: float, new: float, seed: int
) -> None:
    there, counted = people(seed=seed), setups(7, Calibration(old, 0, 60), Calibration(new, 0, 60))
    one, found = there * new, found_by([old, new], counted, there)
    truth = expected(one, setups(0, None, None))
    assert len(truth) == 24 + 2
    for band, true in zip(expected(found, counted), truth, strict=True):
        assert (band.low, band.high) == pytest.approx((true.low, true.high), abs=1e-6)
    week, true_week = usual_week(found, counted), usual_week(one, setups(0, None, None))
    assert week is not None
    assert true_week is not None
    assert (week.band.low, week.band.high) == pytest.approx((true_week.band.low, true_week.band.high))
    assert (week.is_corrected, true_week.is_corrected) == (True, False)


def test_the_uncertainty_of_the_counts_widens_bands_forecasts_and_usual_weeks() -> None:
    of = [setups(7, *[Calibration(1, error, 60)] * 2) for error in (0, 0.01)]
    came = np.random.default_rng(1).poisson(people()).astype(float)
    sure, unsure = (expected(came, each) for each in of)
    for one, other in zip(sure, unsure, strict=True):
        assert one.high == 0 or (other.low < one.low and one.high < other.high)
    weeks = [found.band.high / found.band.low for each in of if (found := usual_week(came, each)) is not None]
    assert weeks[1] > 1.2 * weeks[0]


def test_bands_forecasts_and_usual_weeks_begin_anew_if_a_setup_was_not_counted() -> None:
    for counted in ((None, None), (Calibration(1, 0, 60), None)):
        assert expected(people(), setups(7, *counted)) == []
        assert usual_week(people(), setups(7, *counted)) is None


@pytest.mark.parametrize("changed", [1, 7, 30])
def test_a_count_by_eye_makes_no_past_forecast_of_one_setup_less_sure(changed: int) -> None:
    """A forecast is tried for days whose whole past had their own setup, as if nobody had counted."""
    measure = carry_over(
        HourlyMeasure(people(), MONDAY),
        NAME,
        setups(changed, *[Calibration(1, 1.0, 60)] * 2),
        np.ones((1, DAYS, 24), bool),
    )
    day = DAYS - changed - 1
    one = forecast_day(measure.rates, day, OVER, TO_COME)
    assert forecast_day(measure.rates, day, OVER, TO_COME, measure.corrected) == one
