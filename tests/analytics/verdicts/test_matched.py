import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.verdicts.matched import (
    Calibration,
    Comparison,
    Floats,
    HourlyMeasure,
    Side,
    UsualRange,
    compare,
    usual_range,
)

MONDAY = dt.date(2026, 11, 2)
OPEN = slice(9, 18)
NIGHT = slice(0, 6)


def weeks(number: int, *, seed: int = 1, noise: float = 0.05) -> Floats:
    """Rates of one camera for so many weeks, [camera, day, hour]: days differ by `noise`, and nobody comes at night."""
    random = np.random.default_rng(seed)
    rates = np.zeros((1, 7 * number, 24))
    rates[:, :, OPEN] = np.linspace(20, 60, 9) * np.exp(random.normal(0, noise, (1, 7 * number, 1)))
    return rates


def span(rates: Floats, first: int, last: int) -> Side:
    """The days from `first` up to `last`, counted from the end."""
    hours = np.zeros(rates.shape[1:], bool)
    hours[len(hours) - first : len(hours) - last] = True
    return Side(HourlyMeasure(rates, MONDAY), hours)


def last_week(rates: Floats, events: Floats | None = None) -> Comparison:
    """Compare the last week with the week before."""
    late, early = span(rates, 7, 0), span(rates, 14, 7)
    measure = HourlyMeasure(rates, MONDAY, events)
    return compare(replace(late, measure=measure), replace(early, measure=measure))


def reach(comparison: Comparison) -> float:
    assert comparison.interval is not None
    return comparison.interval.high / comparison.interval.low


def test_a_camera_that_was_off_at_night_in_one_week_has_not_changed_anything() -> None:
    rates = weeks(2, noise=0)
    rates[:, :7, NIGHT] = np.nan
    assert np.nanmean(rates[:, :7]) > 1.3 * np.nanmean(rates[:, 7:]), "the plain averages differ"
    found = last_week(rates)
    assert found.ratio == pytest.approx(1)
    assert found.hours_in_common == 7 * 18


@given(st.floats(0.2, 5), st.integers(2, 9), st.integers(0, 5))
def test_the_ratio_is_that_of_the_matched_hours(lift: float, number: int, seed: int) -> None:
    rates = weeks(number, noise=0)
    rates[:, -7:] *= lift
    rates[np.random.default_rng(seed).random(rates.shape) < 0.3] = np.nan
    assert last_week(rates).ratio == pytest.approx(lift)


def test_each_hour_of_the_week_weighs_alike_however_often_a_side_has_it() -> None:
    rates = weeks(8, noise=0)
    rates[:, :, 12] = 1_000
    rates[:, -28:-7, 12] = np.nan
    found = compare(span(rates, 28, 0), span(rates, 56, 28))
    assert found.ratio == pytest.approx(1)
    assert found.hours_in_common == 4 * 7 * 23 + 7


def test_the_same_numbers_always_give_the_same_interval() -> None:
    assert last_week(weeks(4)) == last_week(weeks(4))


def test_the_interval_contains_the_ratio_and_grows_with_the_noise_of_days() -> None:
    found = [last_week(weeks(9, noise=noise)) for noise in (0.02, 0.1, 0.3)]
    for each in found:
        assert each.interval is not None
        assert each.interval.low < (each.ratio or 0) < each.interval.high
    assert sorted(found, key=reach) == found


def test_a_past_makes_the_interval_narrower() -> None:
    narrower = [reach(last_week(weeks(9, seed=seed))) < reach(last_week(weeks(2, seed=seed))) for seed in range(20)]
    assert sum(narrower) >= 17


def test_a_past_whose_weeks_differ_makes_the_interval_wider() -> None:
    steady = weeks(9)
    uneven = steady * np.repeat([1, 1.3, 0.8, 1.2, 0.7, 1.1, 0.9, 1, 1], 7)[None, :, None]
    assert reach(last_week(uneven)) > 1.5 * reach(last_week(steady))


def test_a_change_itself_does_not_make_the_interval_wider() -> None:
    steady, changed = weeks(9), weeks(9)
    changed[:, -7:] *= 3
    assert reach(last_week(changed)) == pytest.approx(reach(last_week(steady)), rel=0.01)


def test_hours_that_only_one_side_saw_are_left_out() -> None:
    rates = weeks(2, noise=0)
    rates[:, :7, 9:14] = np.nan
    rates[:, 7:, 14:18] = np.nan
    found = last_week(rates)
    assert found.hours_in_common == 7 * 15
    assert found.ratio is None, "in the hours in common nobody came"
    assert found.p_value == 1


def test_sides_without_an_hour_in_common_cannot_be_compared() -> None:
    rates = weeks(2)
    rates[:, :7] = np.nan
    assert last_week(rates) == Comparison(0, None, None, 1.0)
    assert compare(span(weeks(2), 7, 0), span(weeks(2), 0, 0)) == Comparison(0, None, None, 1.0)


def test_one_day_beside_another_without_a_past_has_no_interval() -> None:
    rates = np.full((1, 14, 24), np.nan)
    rates[:, [6, 13]] = 5.0
    found = last_week(rates)
    assert (found.hours_in_common, found.ratio, found.interval) == (24, 1.0, None)


def test_few_counted_events_have_no_interval() -> None:
    rates = weeks(9)
    assert last_week(rates, events=rates).interval is not None
    few = rates / rates[:, -7:].sum() * 9
    assert last_week(few, events=few).interval is None


def test_counted_events_vary_at_least_as_chance_does() -> None:
    rates = weeks(9, noise=0)
    thousand = rates / rates[:, -7:].sum() * 1_000
    assert reach(last_week(thousand, events=thousand)) > np.exp(2 * 1.96 * np.sqrt(2 / 1_000))


def test_two_cameras_are_compared_each_with_itself() -> None:
    rates = np.concatenate([weeks(3, noise=0), 10 * weeks(3, noise=0)])
    rates[1, -7:] = np.nan
    assert last_week(rates).ratio == pytest.approx(1), "the busier camera was off in the last week"
    with pytest.raises(ValueError, match="same number of cameras"):
        compare(span(rates, 7, 0), span(weeks(3), 7, 0))


def test_two_places_are_compared_by_the_hours_that_both_saw() -> None:
    one, other = weeks(9, seed=1), 2 * weeks(9, seed=2)
    one[:, :, NIGHT] = np.nan
    found = compare(span(other, 7, 0), span(one, 7, 0))
    assert found.hours_in_common == 7 * 18
    assert found.interval is not None
    assert found.interval.low < 2 < found.interval.high
    assert found.p_value < 0.001
    back = found.reversed
    assert (back.ratio, back.interval and back.interval.low) == (1 / (found.ratio or 0), 1 / found.interval.high)


def today(rates: Floats, until: int = 24, events: Floats | None = None) -> UsualRange | None:
    """The usual range of the last day's hours before `until`; all days before are its past."""
    day = np.zeros(rates.shape[1:], bool)
    past = np.ones(rates.shape[1:], bool)
    day[-1, :until], past[-1] = True, False
    return usual_range(Side(HourlyMeasure(rates, MONDAY, events), day), past)


def test_a_day_is_held_against_the_same_hours_of_the_same_weekday() -> None:
    rates = weeks(9)
    rates[:, 6::7] *= 3
    rates[:, -1] *= 2
    found = today(rates, until=12)
    assert found is not None
    assert found.weeks == 8
    assert found.median == pytest.approx(3 * rates[0, :6, :12].sum(axis=1).mean(), rel=0.1), "Sundays are busy"
    assert found.value == rates[0, -1, :12].sum()
    assert found.band.low < found.median < found.band.high < found.value


def test_a_day_without_its_busy_hours_is_held_against_days_without_them() -> None:
    rates = weeks(9, noise=0.01)
    rates[:, -1, 12:] = np.nan
    found = today(rates)
    assert found is not None
    assert found.band.low < found.value < found.band.high


@pytest.mark.parametrize(("number", "is_known"), [(6, False), (7, True)])
def test_six_earlier_weeks_are_needed_to_say_what_is_usual(number: int, is_known: bool) -> None:
    assert (today(weeks(number)) is not None) == is_known


def test_where_hardly_anybody_comes_nothing_is_usual() -> None:
    rates = weeks(9)
    few = rates / rates[:, -1].sum()
    assert today(few, events=few) is None
    assert today(np.full((1, 63, 24), np.nan)) is None
    assert today(rates, until=0) is None


def test_calibrations_correct_the_ratio_and_widen_the_interval() -> None:
    one, other = weeks(9, seed=1), 2 * weeks(9, seed=2)
    sides = span(one, 7, 0), span(other, 7, 0)
    plain = compare(*sides)
    sure = compare(*sides, (Calibration(0.8, 0.0, 100), Calibration(0.4, 0.0, 100)))
    assert plain.ratio is not None
    assert sure.ratio == pytest.approx(plain.ratio / 2)
    assert reach(sure) == pytest.approx(reach(plain))
    unsure = compare(*sides, (Calibration(0.8, 0.01, 100), Calibration(0.4, 0.02, 100)))
    assert unsure.ratio == sure.ratio
    assert reach(unsure) > 1.3 * reach(plain)


def test_cameras_that_find_different_shares_of_the_same_people_see_as_many() -> None:
    people = weeks(9, noise=0.02)
    sides = span(0.9 * people, 7, 0), span(0.6 * people, 7, 0)
    assert compare(*sides).ratio == pytest.approx(1.5)
    found = compare(*sides, (Calibration(0.9, 0.0004, 60), Calibration(0.6, 0.0004, 60)))
    assert found.ratio == pytest.approx(1)
    assert found.interval is not None
    assert found.interval.low < 1 < found.interval.high
