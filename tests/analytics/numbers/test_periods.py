import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.numbers import periods
from analytics.numbers.periods import DAYS, MOST_DAYS, UNITS, Period, parse

CHICAGO = ZoneInfo("America/Chicago")
NOW = dt.datetime(2026, 11, 20, 20, 25, tzinfo=dt.UTC)
"""14:25 in Chicago."""


def asked(days: str | None = None, last: str | None = None, now: dt.datetime = NOW) -> Period:
    return parse({"days": days, "to": last}, zone=CHICAGO, now=now)


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
        ("0", None, "A period of “0” days is not possible"),
        ("3661", None, "A period of 3,661 days is not possible; choose 1 to 3,660 days"),
        ("36500", None, "A period of 36,500 days is not possible"),
        ("-7", None, "is not possible"),
        ("many", None, "is not possible"),
        ("7", "yesterday", "“yesterday” is not a date"),
        ("7", "0001-01-01", "from 2000 on"),
    ],
)
def test_parameters_that_are_no_period_are_refused(days: str, last: str | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        asked(days, last)


def named(**given: str) -> Period:
    return parse(given, zone=CHICAGO, now=NOW)


@pytest.mark.parametrize(
    ("unit", "to", "first", "last", "name", "before", "previous"),
    [
        ("today", "2026-11-20", (11, 20), (11, 20), "Fri 20 Nov 2026", "the same day a week before", (11, 13)),
        ("week", "2026-11-20", (11, 16), (11, 20), "16 – 20 Nov 2026", "the same part of the week before", (11, 9)),
        ("week", "2026-11-15", (11, 9), (11, 15), "9 – 15 Nov 2026", "the week before", (11, 2)),
        (
            "month",
            "2026-11-20",
            (11, 1),
            (11, 20),
            "November 2026 so far",
            "the same part of the month before",
            (10, 1),
        ),
        ("month", "2026-02-10", (2, 1), (2, 28), "February 2026", "the month before", (1, 1)),
        ("quarter", "2026-11-20", (10, 1), (11, 20), "Q4 2026 so far", "the same part of the quarter before", (7, 1)),
        ("quarter", "2026-06-30", (4, 1), (6, 30), "Q2 2026", "the quarter before", (1, 1)),
        ("year", "2026-11-20", (1, 1), (11, 20), "2026 so far", "the same part of the year before", (1, 1)),
    ],
)
def test_a_part_of_the_calendar_is_named_in_the_address(
    unit: str, to: str, first: tuple[int, int], last: tuple[int, int], name: str, before: str, previous: tuple[int, int]
) -> None:
    period = named(period=unit, to=to)
    assert (period.first, period.last) == (dt.date(2026, *first), dt.date(2026, *last))
    assert (period.name, period.previous_name) == (name, before)
    assert period.previous_start.date() == dt.date(2025 if unit == "year" else 2026, *previous)
    assert period.previous_end <= period.start


def test_a_month_under_way_is_compared_with_the_same_part_of_the_month_before() -> None:
    assert named(period="month").previous_end.isoformat() == "2026-10-20T14:25:00-05:00"
    march = parse({"period": "month"}, zone=CHICAGO, now=dt.datetime(2026, 3, 31, 18, tzinfo=dt.UTC))
    assert march.previous_end == march.start, "February has no 31st"


def test_one_steps_from_month_to_month() -> None:
    period = named(period="month", to="2026-09-30")
    assert (period.older, period.newer) == (dt.date(2026, 8, 31), dt.date(2026, 10, 31))
    assert named(period="month", to="2026-10-31").newer == NOW.date()


def test_any_days_are_a_period() -> None:
    period = named(**{"from": "2025-11-01", "to": "2026-10-31"})
    assert (period.days, period.name, period.bucket_name, period.plot_bucket) == (
        365,
        "1 Nov 2025 – 31 Oct 2026",
        "week",
        "day",
    )
    rows = [named(days=str(days)).bucket_name for days in (1, 2, 92, 93, 366, 367)]
    assert rows == ["hour", "day", "day", "week", "week", "month"]
    assert [named(days=str(days)).plot_bucket for days in (31, 32, 366, 367)] == ["hour", "day", "day", "month"]


def test_two_periods_are_chosen_freely() -> None:
    for chosen in ({"beside": "2026-03-01..2026-03-31"}, {"beside_from": "2026-03-01", "beside_to": "2026-03-31"}):
        period = named(period="week", to="2026-11-15", **chosen)
        assert period.previous_start.isoformat() == "2026-03-01T00:00:00-06:00"
        assert period.previous_end.isoformat() == "2026-04-01T00:00:00-05:00"
        assert period.previous_name == "1 – 31 Mar 2026"
        assert period.past_start <= period.previous_start


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"period": "decade"}, "A period is today, week, month, quarter or year, not “decade”"),
        ({"from": "2026-11-21"}, "The period would begin on 2026-11-21, after its end on 2026-11-20"),
        ({"from": "2000-01-01"}, "A period of 9,821 days is not possible"),
        ({"from": "1926-01-01"}, "from 2000 on"),
        ({"beside": "2026-01-01"}, "need a first and a last day"),
        ({"beside": "2026-02-01..2026-01-01"}, "the first before the last"),
        ({"beside_from": "2026-02-01"}, "need a first and a last day"),
        ({"hours": "some"}, "Hours are open or all"),
        ({"days": "٣"}, "is not possible"),
    ],
)
def test_other_parameters_are_refused_with_a_sentence(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        named(**given)


@given(
    st.one_of(
        st.builds(lambda unit: {"period": unit}, st.sampled_from(UNITS)),
        st.builds(lambda days: {"days": str(days)}, st.integers(1, MOST_DAYS)),
    ),
    st.dates(dt.date(2000, 1, 1), dt.date(2030, 12, 31)),
    st.datetimes(dt.datetime(2005, 1, 1), dt.datetime(2026, 12, 31), timezones=st.just(dt.UTC)),  # noqa: DTZ001
)
def test_the_parameters_of_a_period_stand_for_it(given: dict[str, str], to: dt.date, now: dt.datetime) -> None:
    period = parse({**given, "to": to.isoformat()}, zone=CHICAGO, now=now)
    assert parse(period.parameters, zone=CHICAGO, now=now) == period
    assert period.previous_start < period.previous_end <= period.start < period.end
    assert period.first <= period.last <= period.today


@given(
    st.sampled_from(DAYS),
    st.dates(dt.date(2000, 1, 1), dt.date(2026, 12, 31)),
    st.sampled_from(["America/Chicago", "Asia/Kathmandu", "Africa/Cairo", "Australia/Lord_Howe"]),
    st.datetimes(dt.datetime(2025, 1, 1), dt.datetime(2026, 12, 31), timezones=st.just(dt.UTC)),  # noqa: DTZ001
)
def test_periods_follow_each_other(days: int, last: dt.date, zone: str, now: dt.datetime) -> None:
    period = parse({"days": str(days), "to": last.isoformat()}, zone=ZoneInfo(zone), now=now)
    start, end = period.start.astimezone(dt.UTC), period.end.astimezone(dt.UTC)
    previous_start, previous_end = period.previous_start.astimezone(dt.UTC), period.previous_end.astimezone(dt.UTC)
    assert period.past_start.astimezone(dt.UTC) <= previous_start < previous_end <= start < end
    assert start <= now < end or not period.is_current
    before = periods.Period(days, period.older, period.zone, now)
    assert period.is_rolling or before.end.astimezone(dt.UTC) == start
