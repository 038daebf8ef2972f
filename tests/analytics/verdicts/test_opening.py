import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from analytics.models import FACE, OpeningException, OpeningPlan
from analytics.models.opening import DAYS
from analytics.models.opening_hours import DAY_QUARTERS, Hours, find_overlap, format_hours, parse_hours
from analytics.numbers.buckets import day_start
from analytics.numbers.open_spans import OpenSpans
from analytics.numbers.reads import Selection, read_counts, read_engagement, read_episodes
from analytics.verdicts.hour_series import read_hour_series
from analytics.verdicts.opening import SiteOpening, open_spans, read_site_hours, with_opening_hours
from devices.models import Device, Site
from tests.analytics.frames import count, seen

CHICAGO = ZoneInfo("America/Chicago")
ZONES = ["UTC", "America/Chicago", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo"]
MINUTE = dt.timedelta(minutes=1)
LATER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
NINE_TO_SIX = dict.fromkeys(DAYS, "09:00-18:00")


def opening(site: Site, **fields: Any) -> OpeningPlan:
    plan = OpeningPlan(site=site, **{**NINE_TO_SIX, **fields})
    plan.full_clean()
    plan.save()
    return plan


# -- hours as text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("", ()),
        ("09:00-18:00", ((36, 72),)),
        ("13:00 – 18:15,9:00-12:00", ((36, 48), (52, 73))),
        ("00:00-24:00", ((0, 96),)),
        ("22:00-02:00 next day", ((88, 104),)),
    ],
)
def test_hours_are_read_from_text(text: str, hours: Hours) -> None:
    assert parse_hours(text) == hours
    assert parse_hours(format_hours(hours)) == hours


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nine to five", "no span of time"),
        ("18:00-09:00", "ends before it starts; write “18:00-09:00 next day” if it ends on the next morning"),
        ("09:00-09:00", "ends before it starts"),
        ("09:00-12:00, 11:00-15:00", "11:00-15:00 begins before the span before it ends"),
        ("09:10-12:00", "not in quarter hours"),
        ("25:00-26:00", "no clock shows"),
        ("09:75-12:00", "no clock shows"),
        ("09:00-12:00 next day", "longer than a day"),
    ],
)
def test_hours_that_make_no_sense_are_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_hours(text)


def test_a_night_must_not_reach_into_the_next_days_hours(chicago: Site) -> None:
    assert find_overlap([((88, 104),), ((8, 40),), (), (), (), (), ()]) is None
    assert find_overlap([((0, 8),), (), (), (), (), (), ((88, 105),)]) == 6
    with pytest.raises(ValidationError, match="The hours of Sunday reach into those of Monday"):
        opening(chicago, sunday="22:00-10:00 next day")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"country": "XX"}, "No holidays are known of “XX”"),
        ({"region": "IL"}, "A region needs its country"),
        ({"country": "US", "region": "Atlantis"}, "US has no region “Atlantis”"),
        ({"tuesday": "18:00-09:00"}, "ends before it starts"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(chicago: Site, fields: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        opening(chicago, **fields)


# -- spans of time ---------------------------------------------------------------------------------------------------


spans = st.lists(st.integers(0, DAY_QUARTERS), max_size=6, unique=True).map(
    lambda edges: tuple(zip(*[iter(sorted(edges)[: len(edges) // 2 * 2])] * 2, strict=True))
)


@given(st.sampled_from(ZONES), st.dates(dt.date(2024, 1, 1), dt.date(2027, 12, 1)), st.data())
def test_a_quarter_hour_is_open_if_its_local_time_is(zone: str, first: dt.date, data: st.DataObject) -> None:
    """Whatever the zone, and where hours are lost or doubled."""
    week: list[Hours] = data.draw(st.lists(spans, min_size=7, max_size=7))
    plan = OpeningPlan(**{day: format_hours(hours) for day, hours in zip(DAYS, week, strict=True)})
    local = ZoneInfo(zone)
    start, end = day_start(first, local), day_start(first + dt.timedelta(days=4), local)
    found = open_spans(SiteOpening([plan], {}), zone=local, start=start, end=end)
    quarters = np.arange(int(start.timestamp()), int(end.timestamp()), 900)
    moments = [dt.datetime.fromtimestamp(int(quarter), local) for quarter in quarters]
    expected = [
        any(opens <= at.hour * 4 + at.minute // 15 < closes for opens, closes in week[at.weekday()]) for at in moments
    ]
    assert found.contains(quarters).tolist() == expected
    assert found.seconds_before(quarters[-1:] + 900) - found.seconds_before(quarters[:1]) == 900 * sum(expected)


def hours_of(hours: SiteOpening, *, start: dt.date, days: int, zone: ZoneInfo = CHICAGO) -> list[str]:
    found = open_spans(
        hours, zone=zone, start=day_start(start, zone), end=day_start(start + dt.timedelta(days=days), zone)
    )
    local = [dt.datetime.fromtimestamp(bound, zone) for bound in found.bounds.tolist()]
    first, last = start, start + dt.timedelta(days=days)
    return [
        f"{opens:%a %H:%M}-{closes:%a %H:%M}"
        for opens, closes in zip(local[::2], local[1::2], strict=True)
        if first <= opens.date() < last
    ]


def test_hours_go_on_across_midnight() -> None:
    plan = OpeningPlan(friday="22:00-02:00 next day")
    assert hours_of(SiteOpening([plan], {}), start=dt.date(2026, 11, 16), days=7) == ["Fri 22:00-Sat 02:00"]


@pytest.mark.parametrize(("night", "length"), [(dt.date(2026, 3, 7), 3), (dt.date(2026, 10, 31), 5)])
def test_a_night_with_a_lost_or_doubled_hour_is_shorter_or_longer(night: dt.date, length: int) -> None:
    plan = OpeningPlan(saturday="23:00-03:00 next day")
    found = open_spans(
        SiteOpening([plan], {}),
        zone=CHICAGO,
        start=day_start(night, CHICAGO),
        end=day_start(night, CHICAGO) + 30 * MINUTE * 60,
    )
    assert np.diff(found.bounds).tolist() == [length * 3600]


def test_public_holidays_and_exceptions_have_hours_of_their_own() -> None:
    plan = OpeningPlan(**NINE_TO_SIX, country="US", region="IL", holiday="10:00-12:00")
    hours = SiteOpening([plan], {dt.date(2026, 11, 27): (), dt.date(2026, 11, 28): ((0, 96),)})
    assert hours_of(hours, start=dt.date(2026, 11, 25), days=4) == [
        "Wed 09:00-Wed 18:00",
        "Thu 10:00-Thu 12:00",
        "Sat 00:00-Sun 00:00",
    ], "Thanksgiving is a Thursday"


def test_the_past_keeps_the_hours_that_it_had(chicago: Site) -> None:
    opening(chicago, since=dt.date(2026, 11, 1))
    opening(chicago, since=dt.date(2026, 11, 18), **dict.fromkeys(DAYS, "12:00-13:00"))
    hours = read_site_hours([chicago.pk])[chicago.pk]
    assert hours_of(hours, start=dt.date(2026, 11, 17), days=2) == ["Tue 09:00-Tue 18:00", "Wed 12:00-Wed 13:00"]
    assert hours.of(dt.date(2026, 10, 31)) is None, "before the first plan, all hours count"
    assert hours_of(hours, start=dt.date(2026, 10, 31), days=1) == []
    found = open_spans(hours, zone=CHICAGO, start=day_start(dt.date(2026, 10, 30), CHICAGO), end=LATER)
    assert found.contains(np.array([day_start(dt.date(2026, 10, 31), CHICAGO).timestamp()])).all()


def test_a_site_that_is_never_open_has_no_spans() -> None:
    found = open_spans(SiteOpening([OpeningPlan()], {}), zone=CHICAGO, start=LATER, end=LATER + 7 * 1440 * MINUTE)
    assert found.bounds.size == 0
    assert found.seconds_before(np.array([0, 2**33])).tolist() == [0, 0]
    assert not found.contains(np.array([round(LATER.timestamp())])).any()


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_spans_hold_what_they_were_made_of(is_open: list[bool]) -> None:
    starts = np.arange(len(is_open)) * 900
    found = OpenSpans.of(starts, np.array(is_open), 900)
    assert found.contains(starts).tolist() == is_open
    assert found.seconds_before(starts).tolist() == [900 * sum(is_open[:place]) for place in range(len(is_open))]


# -- numbers ---------------------------------------------------------------------------------------------------------

DAY = dt.date(2026, 11, 18)
"""A Wednesday."""


@pytest.fixture
def frames(chicago01: Device) -> None:
    """Two faces and a cup each minute from 08:00 to 10:00; the cup is there the whole time."""
    eight = day_start(DAY, CHICAGO) + 8 * 60 * MINUTE
    count(*(seen(chicago01, eight + n * MINUTE, faces=[0.9] * 2, labels=[("cup", 0.8)]) for n in range(120)))


def selection(*devices: Device, hours: Any = "open") -> list[Selection]:
    start, end = day_start(DAY, CHICAGO), day_start(DAY + dt.timedelta(days=1), CHICAGO)
    return with_opening_hours([Selection(devices, CHICAGO, start, end)], hours)


def test_averages_counts_and_coverage_are_about_open_hours(frames: None, chicago: Site, chicago01: Device) -> None:
    opening(chicago, **dict.fromkeys(DAYS, "09:30-18:00"))
    (day,) = read_engagement(selection(chicago01), bucket="day", now=LATER)[0]
    assert (day.minutes, day.minutes_seen, day.frames) == (510, 30, 30)
    (all_day,) = read_engagement(selection(chicago01, hours="all"), bucket="day", now=LATER)[0]
    assert (all_day.minutes, all_day.minutes_seen, all_day.frames) == (1440, 120, 120)
    assert read_counts(selection(chicago01), label="cup", bucket="day")[0][0].count == 30
    assert len(read_episodes(selection(chicago01), label=FACE, bucket="day")[0][0].seconds) == 30
    (series,) = read_hour_series(selection(chicago01), label="cup", now=LATER)
    assert series.minutes[0, 0].tolist() == [0] * 9 + [30] + [60] * 8 + [0] * 6
    assert (series.frames[0, 0, 9], series.spells[0, 0, 9], series.spells[0, 0, 8]) == (30, 30, 0)
    assert series.known[0, 0].nonzero()[0].tolist() == [9]


def test_closed_hours_differ_from_hours_without_a_camera(frames: None, chicago: Site, chicago01: Device) -> None:
    opening(chicago)
    (hours,) = read_engagement(selection(chicago01), bucket="hour", now=LATER)
    states = [hour.state for hour in hours]
    assert states == ["closed"] * 9 + ["people"] + ["off"] * 8 + ["closed"] * 6
    halfway = day_start(DAY, CHICAGO) + (12 * 60 + 30) * MINUTE
    (hours,) = read_engagement(selection(chicago01), bucket="hour", now=halfway)
    assert [hour.minutes for hour in hours] == [0] * 9 + [60] * 3 + [30] + [0] * 11
    assert [hour.state for hour in hours][12:] == ["off", *["ahead"] * 5, *["closed"] * 6]


def test_each_device_has_the_hours_of_its_own_site(
    frames: None, chicago: Site, chicago01: Device, seattle01: Device
) -> None:
    opening(chicago)
    (day,) = read_engagement(selection(chicago01, seattle01), bucket="day", now=LATER)[0]
    assert day.minutes == 9 * 60 + 24 * 60, "Seattle has no opening hours"
    assert day.frames == 60


def test_opening_hours_take_two_queries_for_any_number_of_sites(
    chicago: Site, seattle: Site, chicago01: Device, seattle01: Device
) -> None:
    for site in (chicago, seattle):
        opening(site)
        OpeningException.objects.create(site=site, date=DAY)
    with CaptureQueriesContext(connection) as made:
        limited = selection(chicago01, seattle01)
    assert len(made) == 2
    assert set(limited[0].hours) == {chicago01.pk, seattle01.pk}
