"""A person's counts and a camera's minutes: averages, bias, errors, and intervals that hold what they promise."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.features.groundtruth.comparison import MINUTE, Count, Minute, average, compare, effective_count, minutes

NINE = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


def counted(*counts: tuple[float, int | None]) -> list[Count]:
    """Seconds after nine, and how many people there were from then on."""
    return [(NINE + second * SECOND, people) for second, people in counts]


def looked(*pairs: tuple[float, float | None], start: dt.datetime = NINE) -> list[Minute]:
    """What a person and a camera, which took 100 frames a minute, saw in these minutes."""
    return [
        Minute(start + place * MINUTE, person, 0 if camera is None else 100, round(100 * (camera or 0)))
        for place, (person, camera) in enumerate(pairs)
    ]


def test_an_average_weighs_each_number_by_how_long_it_stood() -> None:
    assert average(counted((0, 2), (10, 4), (20, 0)), NINE + 40 * SECOND) == 1.5
    assert average(counted((0, 2), (10, None), (1000, 4)), NINE + 1010 * SECOND) == 3
    assert average(counted((0, 7)), NINE) is None
    assert average([], NINE) is None


def test_counts_after_the_end_are_none_of_the_sessions() -> None:
    counts = counted((0, 2), (100, 9))
    assert average(counts, NINE + 60 * SECOND) == 2
    assert [minute.person for minute in minutes(counts, NINE + 60 * SECOND, {})] == [2]


def test_only_whole_minutes_of_the_clock_are_compared() -> None:
    found = minutes(counted((30, 1), (90, 3)), NINE + 200 * SECOND, {NINE + MINUTE: (10, 25)})
    assert found == [Minute(NINE + MINUTE, 2.0, 10, 25), Minute(NINE + 2 * MINUTE, 3.0, 0, 0)]
    assert [minute.camera for minute in found] == [2.5, None]


def test_minutes_in_which_nobody_was_counting_are_left_out() -> None:
    found = minutes(counted((0, 1), (90, None), (150, 2)), NINE + 300 * SECOND, {})
    assert [(minute.start - NINE) // MINUTE for minute in found] == [0, 3, 4]


@given(
    st.lists(st.tuples(st.integers(0, 600), st.none() | st.integers(0, 9)), max_size=30),
    st.integers(0, 700),
)
def test_minutes_equal_a_count_second_by_second(changes: list[tuple[int, int | None]], until: int) -> None:
    changes.sort(key=lambda change: change[0])
    timeline = np.full(720, np.nan)
    for at, people in changes:
        timeline[at:] = np.nan if people is None else people
    timeline[until:] = np.nan
    walked = timeline.reshape(-1, 60).mean(axis=1)
    expected = [(minute, value) for minute, value in enumerate(walked.tolist()) if value == value]
    found = minutes(counted(*((at, people) for at, people in changes)), NINE + until * SECOND, {})
    assert [(minute.start - NINE) // MINUTE for minute in found] == [minute for minute, _ in expected]
    assert [minute.person for minute in found] == pytest.approx([value for _, value in expected])
    whole = average(counted(*((at, people) for at, people in changes)), NINE + until * SECOND)
    if not np.isnan(timeline).all():
        assert whole == pytest.approx(np.nanmean(timeline))
    else:
        assert whole is None


def test_a_comparison_is_the_studys() -> None:
    """Its person counted 2.5 people on average, its camera 2.1."""
    found = compare([looked((2, 2), (3, 2.2), (2.5, 2.1))])
    assert (found.minutes, found.minutes_off) == (3, 0)
    assert found.person == pytest.approx(2.5)
    assert found.camera == pytest.approx(2.1)
    assert found.bias == pytest.approx(-0.4)
    assert found.absolute_error == pytest.approx(0.4)
    assert found.share == pytest.approx(0.84)


def test_errors_of_both_signs_cancel_in_the_bias_only() -> None:
    found = compare([looked((2, 3), (2, 1))])
    assert (found.bias, found.absolute_error, found.share) == (0, 1, 1)


def test_a_camera_that_was_off_is_no_zero() -> None:
    found = compare([looked((2, 2), (4, None), (4, None))])
    assert (found.minutes, found.minutes_off, found.person, found.camera, found.bias) == (1, 2, 2, 2, 0)
    nothing = compare([looked((4, None))])
    assert (nothing.minutes, nothing.minutes_off, nothing.person, nothing.bias, nothing.share) == (
        0,
        1,
        None,
        None,
        None,
    )
    assert compare([]).minutes == 0


def test_where_the_person_saw_nobody_there_is_no_share() -> None:
    found = compare([looked((0, 1), (0, 0))])
    assert (found.share, found.share_interval, found.bias) == (None, None, 0.5)


def test_one_minute_has_no_interval() -> None:
    found = compare([looked((2, 1))])
    assert (found.bias_interval, found.share_interval) == (None, None)


def test_independent_minutes_have_students_interval() -> None:
    """The example's differences are -1, 1, -2 and 0, apart from each other; t(3) at 97.5 % is 3.1824."""
    sessions = [looked((2, 1)), looked((2, 3)), looked((2, 0)), looked((2, 2))]
    interval = compare(sessions).bias_interval
    assert interval is not None
    reach = 3.182446 * np.std([-1, 1, -2, 0], ddof=1) / 2
    assert (interval.low, interval.high) == pytest.approx((-0.5 - reach, -0.5 + reach))


def test_where_no_minute_differs_the_interval_is_that_of_the_rule_of_three() -> None:
    """Sixty people came in forty minutes, and the camera counted each: up to 3 of 60 may still be missed."""
    found = compare([looked(*[(1, 1), (2, 2)] * 20)])
    assert found.share_interval is not None
    assert (found.share_interval.low, found.share_interval.high) == pytest.approx((0.95, 1.05))
    assert found.bias_interval is not None
    assert (found.bias_interval.low, found.bias_interval.high) == pytest.approx((-0.075, 0.075))


def test_minutes_that_are_alike_are_worth_fewer() -> None:
    assert effective_count([[1, 1, 1, -1, -1, -1]]) == pytest.approx(6 * (1 - 0.6) / (1 + 0.6))
    assert effective_count([[1], [1], [1], [-1], [-1], [-1]]) == 6, "no two of them are neighbours"
    assert effective_count([[1, -1, 1, -1]]) == 4, "never more than there are"
    assert effective_count([[0, 0]]) == 2


@given(st.lists(st.lists(st.floats(-9, 9), max_size=20), max_size=5))
def test_no_minutes_are_worth_more_than_they_are(runs: list[list[float]]) -> None:
    assert 0 <= effective_count(runs) <= sum(map(len, runs))


def simulated(random: np.random.Generator, share: float, correlation: float, length: int) -> Sequence[Minute]:
    """A session whose camera measures this share, with errors that a minute hands on to the next."""
    people = random.uniform(1, 4, length)
    errors, error = [], random.normal()
    for _ in range(length):
        error = correlation * error + np.sqrt(1 - correlation**2) * random.normal()
        errors.append(0.5 * error)
    return looked(*((person, share * person + error) for person, error in zip(people, errors, strict=True)))


@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_intervals_hold_the_truth_about_as_often_as_they_say(correlation: float) -> None:
    random = np.random.default_rng(1)
    held = {"share": 0, "bias": 0}
    for _ in range(300):
        found = compare([simulated(random, 0.84, correlation, 30) for _ in range(2)])
        assert found.share_interval
        assert found.bias_interval
        held["share"] += found.share_interval.low <= 0.84 <= found.share_interval.high
        held["bias"] += found.bias_interval.low <= -0.16 * 2.5 <= found.bias_interval.high
    assert all(270 <= times <= 297 for times in held.values()), held
