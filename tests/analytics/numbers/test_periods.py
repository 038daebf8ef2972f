import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.numbers import periods
from analytics.numbers.periods import DAYS, Period, parse

CHICAGO = ZoneInfo("America/Chicago")
NOW = dt.datetime(2026, 11, 20, 20, 25, tzinfo=dt.UTC)
"""14:25 in Chicago."""


def asked(days: str | None = None, last: str | None = None, now: dt.datetime = NOW) -> Period:
    return parse(days, last, zone=CHICAGO, now=now)


def test_the_default_is_the_week_up_to_today() -> None:
    period = asked()
    assert (period.days, period.last, period.name) == (7, dt.date(2026, 11, 20), "14 – 20 Nov 2026")
    assert period.start.isoformat() == "2026-11-14T00:00:00-06:00"
    assert period.end.isoformat() == "2026-11-21T00:00:00-06:00"
    assert period.previous_start.isoformat() == "2026-11-07T00:00:00-06:00"
    assert period.previous_end.isoformat() == "2026-11-13T14:25:00-06:00"
    assert period.previous_name == "the 7 days before"
    assert (period.older, period.newer) == (dt.date(2026, 11, 13), None)


@pytest.mark.parametrize(("days", "first"), [("1", (9, 19)), ("7", (9, 19)), ("14", (9, 19)), ("30", (9, 19))])
def test_nine_weeks_are_read_for_a_comparison(days: str, first: tuple[int, int]) -> None:
    past = asked(days).past_start
    assert (past.month, past.day, past.hour) == (*first, 0)


def test_a_day_that_is_today_is_the_last_24_hours() -> None:
    period = asked("1")
    assert period.name == "Last 24 hours"
    assert period.start.isoformat() == "2026-11-19T15:00:00-06:00"
    assert period.end.isoformat() == "2026-11-20T15:00:00-06:00"
    assert period.previous_start.isoformat() == "2026-11-12T15:00:00-06:00"
    assert period.previous_end.isoformat() == "2026-11-13T14:25:00-06:00"
    assert period.previous_name == "the same hours a week before"


def test_a_past_day_is_from_midnight_to_midnight() -> None:
    period = asked("1", "2026-11-01")
    assert period.name == "Sun 1 Nov 2026"
    assert period.end.astimezone(dt.UTC) - period.start.astimezone(dt.UTC) == dt.timedelta(hours=25)
    assert period.previous_start.isoformat() == "2026-10-25T00:00:00-05:00"
    assert period.previous_end.isoformat() == "2026-10-26T00:00:00-05:00"
    assert period.previous_name == "the same day a week before"
    assert period.newer == dt.date(2026, 11, 2)


def test_the_later_period_ends_today_at_most() -> None:
    assert asked("14", "2026-11-19").newer == dt.date(2026, 11, 20)
    assert asked("14", "2030-01-01").last == dt.date(2026, 11, 20)


def test_today_is_the_sites_own() -> None:
    assert asked(now=dt.datetime(2026, 11, 21, 5, tzinfo=dt.UTC)).last == dt.date(2026, 11, 20)


@pytest.mark.parametrize(
    ("last", "name"), [("2026-11-03", "28 Oct – 3 Nov 2026"), ("2026-01-02", "27 Dec 2025 – 2 Jan 2026")]
)
def test_the_name_of_a_period_has_month_and_year_where_they_change(last: str, name: str) -> None:
    assert asked("7", last).name == name


@pytest.mark.parametrize(
    ("days", "last", "sentence"),
    [
        ("3", None, "A period of “3” days is not possible"),
        ("-7", None, "is not possible"),
        ("many", None, "is not possible"),
        ("7", "yesterday", "“yesterday” is not a date"),
        ("7", "0001-01-01", "from 2000 on"),
    ],
)
def test_parameters_that_are_no_period_are_refused(days: str, last: str | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        asked(days, last)


@given(
    st.sampled_from(DAYS),
    st.dates(dt.date(2000, 1, 1), dt.date(2026, 12, 31)),
    st.sampled_from(["America/Chicago", "Asia/Kathmandu", "Africa/Cairo", "Australia/Lord_Howe"]),
    st.datetimes(dt.datetime(2025, 1, 1), dt.datetime(2026, 12, 31), timezones=st.just(dt.UTC)),  # noqa: DTZ001
)
def test_periods_follow_each_other(days: int, last: dt.date, zone: str, now: dt.datetime) -> None:
    period = parse(str(days), last.isoformat(), zone=ZoneInfo(zone), now=now)
    start, end = period.start.astimezone(dt.UTC), period.end.astimezone(dt.UTC)
    previous_start, previous_end = period.previous_start.astimezone(dt.UTC), period.previous_end.astimezone(dt.UTC)
    assert period.past_start.astimezone(dt.UTC) <= previous_start < previous_end <= start < end
    assert start <= now < end or not period.is_current
    before = periods.Period(days, period.older, period.zone, now)
    assert period.is_rolling or before.end.astimezone(dt.UTC) == start
