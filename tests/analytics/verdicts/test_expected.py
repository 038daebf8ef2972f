import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.verdicts.expected import forecast_day, forecast_week, usual_hours
from analytics.verdicts.matched import Floats

OPEN = range(8, 20)


def weeks_of(count: int, *, people: float = 40.0, noise: float = 0.1, seed: int = 0) -> Floats:
    """The hours of a camera for whole weeks, open from eight to eight; weekends have half as many."""
    random = np.random.default_rng(seed)
    rates = np.full((1, 7 * count, 24), np.nan)
    for day in range(7 * count):
        busy = people * (0.5 if day % 7 >= 5 else 1.0) * np.exp(random.normal(0, noise))
        rates[0, day, OPEN.start : OPEN.stop] = random.poisson(busy, len(OPEN))
    return rates


def over_until(hour: int) -> "np.typing.NDArray[np.bool_]":
    return np.arange(24) < hour


OPENED = np.isin(np.arange(24), OPEN)


def test_an_hour_that_is_like_its_past_lies_in_its_band() -> None:
    bands = usual_hours(weeks_of(9), 8 * 7)
    assert [band is not None for band in bands] == [hour in OPEN for hour in range(24)]
    for hour in OPEN:
        band = bands[hour]
        assert band is not None
        assert 25 < band.low < 40 < band.high < 60


def test_a_band_holds_most_fresh_hours_and_not_all() -> None:
    held = [
        band.low <= came <= band.high
        for seed in range(30)
        for rates in [weeks_of(8, seed=seed)]
        for came, band in zip(rates[0, 50], usual_hours(rates, 50), strict=True)
        if band is not None
    ]
    assert 0.70 < np.mean(held) < 0.90


def test_the_future_and_the_day_itself_do_not_change_a_band() -> None:
    rates = weeks_of(9)
    other = rates.copy()
    other[:, 50:] = 1_000
    assert usual_hours(rates, 50) == usual_hours(other, 50)


@pytest.mark.parametrize(("weeks", "is_early"), [(5, True), (6, False)])
def test_before_six_earlier_weeks_it_is_too_early_to_tell(weeks: int, is_early: bool) -> None:
    rates = weeks_of(weeks + 1)
    bands = usual_hours(rates, 7 * weeks)
    assert all(band is None for band in bands) is is_early
    made = forecast_day(rates, 7 * weeks, over_until(12), OPENED & ~over_until(12))
    assert (made is None) is is_early


def test_the_bands_of_two_cameras_add_up() -> None:
    one = weeks_of(9)
    both = usual_hours(np.concatenate([one, one]), 56)[12]
    alone = usual_hours(one, 56)[12]
    assert both is not None
    assert alone is not None
    assert (both.low + both.high) / (alone.low + alone.high) == pytest.approx(2, rel=0.1)


def test_a_day_is_forecast_from_what_came_and_what_is_to_come() -> None:
    rates = weeks_of(9)
    made = forecast_day(rates, 56, over_until(14), OPENED & ~over_until(14))
    assert made is not None
    assert made.so_far == np.nansum(rates[0, 56, :14])
    assert made.band.low < made.expected < made.band.high
    assert made.band.low < np.nansum(rates[0, 56]) < made.band.high
    assert made.tried == 14
    assert 8 <= made.held <= 14


def test_a_busy_morning_goes_on_as_far_as_mornings_used_to() -> None:
    rates = weeks_of(9, noise=0.3)
    calm = forecast_day(rates, 56, over_until(14), OPENED & ~over_until(14))
    rates[0, 56, :14] *= 2
    busy = forecast_day(rates, 56, over_until(14), OPENED & ~over_until(14))
    assert calm is not None
    assert busy is not None
    assert busy.expected - busy.so_far > 1.5 * (calm.expected - calm.so_far)
    constant = weeks_of(9, noise=0.0)
    constant[0, 56, :14] *= 2
    alone = forecast_day(constant, 56, over_until(14), OPENED & ~over_until(14))
    assert alone is not None
    assert alone.expected - alone.so_far < 1.5 * 6 * 40, "where days do not differ, a busy morning says little"


def test_a_day_that_is_over_has_no_forecast() -> None:
    assert forecast_day(weeks_of(9), 56, over_until(24), np.zeros(24, bool)) is None


def test_a_week_is_forecast_with_how_often_such_a_forecast_held() -> None:
    rates = weeks_of(9)
    over = np.arange(7)[:, None] < np.full((1, 24), 3)
    made = forecast_week(rates, 56, over, np.tile(OPENED, (7, 1)) & ~over)
    assert made is not None
    assert made.so_far == np.nansum(rates[0, 56:59])
    assert made.expected == pytest.approx(np.nansum(rates[0, 56:63]), rel=0.15)
    assert made.tried == 4


@given(st.integers(0, 2**32 - 1), st.integers(9, 19), st.floats(0, 0.6))
def test_whatever_was_missed_a_band_is_no_less_than_nobody(seed: int, hour: int, missing: float) -> None:
    rates = weeks_of(8, people=1.0, seed=seed)
    rates[np.random.default_rng(seed).random(rates.shape) < missing] = np.nan
    for band in usual_hours(rates, 52):
        assert band is None or 0 <= band.low <= band.high
    made = forecast_day(rates, 52, over_until(hour), OPENED & ~over_until(hour))
    assert made is None or made.so_far <= made.band.low <= made.band.high
