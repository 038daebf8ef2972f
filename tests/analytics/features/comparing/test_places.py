import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.features.comparing import places
from analytics.features.comparing.places import ComparedPlace, PlaceNumbers, read_place_numbers
from analytics.models import EngagementQuarter
from analytics.numbers.periods import Period
from analytics.verdicts.findings import Word
from analytics.verdicts.hour_series import Measure
from devices.models import Device
from tests.analytics.frames import count, seen

SEATTLE, CHICAGO = ZoneInfo("America/Los_Angeles"), ZoneInfo("America/Chicago")
NOW = dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC)
"""15:30 in Seattle, 17:30 in Chicago."""
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def subjects(seattle01: Device, chicago01: Device) -> list[ComparedPlace]:
    """One person at nine by Seattle's clock, two at nine by Chicago's, and before that half as many."""
    for device, zone, faces in ((seattle01, SEATTLE, 2), (chicago01, CHICAGO, 4)):
        for day, some in ((20, faces), (19, faces // 2)):
            nine = dt.datetime(2026, 11, day, 9, tzinfo=zone).astimezone(dt.UTC)
            count(*(seen(device, nine + n * MINUTE, faces=[0.9] * some) for n in range(10)))
    return [
        ComparedPlace("Seattle", "/sites/seattle/", [seattle01], SEATTLE),
        ComparedPlace("Chicago", "/sites/chicago/", [chicago01], CHICAGO),
    ]


def at_nine(each: PlaceNumbers) -> float | None:
    """The average of the hour that begins at nine by the clock on which its hours are shown."""
    (hour,) = [row for row in each.hours if row.engagement.start.hour == 9]
    return hour.engagement.average_faces


def test_by_local_hour_each_has_its_own_day(subjects: list[ComparedPlace]) -> None:
    period = Period(1, dt.date(2026, 11, 20), SEATTLE, NOW, is_calendar=True)
    seattle, chicago = read_place_numbers(subjects, period, label="thumbs-up")
    assert [at_nine(seattle), at_nine(chicago)] == [2, 4]
    assert seattle.total.engagement.average_faces == 2
    assert [len(each.hours) for each in (seattle, chicago)] == [24, 24]
    assert chicago.hours[0].engagement.start.utcoffset() == dt.timedelta(hours=-6)


def test_by_the_instant_all_have_the_same_hours(subjects: list[ComparedPlace]) -> None:
    period = Period(1, dt.date(2026, 11, 20), SEATTLE, NOW, is_calendar=True)
    seattle, chicago = read_place_numbers(subjects, period, label="thumbs-up", instant=True)
    assert [row.engagement.start for row in seattle.hours] == [row.engagement.start for row in chicago.hours]
    assert at_nine(seattle) == 2
    assert at_nine(chicago) is None
    (seven,) = [row for row in chicago.hours if row.engagement.start.hour == 7]
    assert seven.engagement.average_faces == 4, "nine in Chicago is seven in Seattle"


def test_a_typical_day_goes_by_each_places_own_clock(subjects: list[ComparedPlace]) -> None:
    period = Period(7, dt.date(2026, 11, 20), SEATTLE, NOW)
    for instant in (False, True):
        figure = places.typical_day(read_place_numbers(subjects, period, label="cup", instant=instant))
        lines = {line["name"]: line["y"] for line in figure["data"]}
        assert lines["Seattle"][9] == 1.5
        assert lines["Chicago"][9] == 3.0
        assert lines["Seattle"][10] is None, "the camera was off"


def test_the_figures_have_one_scale(subjects: list[ComparedPlace]) -> None:
    period = Period(7, dt.date(2026, 11, 20), SEATTLE, NOW)
    figures = places.comparison_figures(read_place_numbers(subjects, period, label="cup"), now=NOW)
    assert {tuple(figure["layout"]["yaxis"]["range"]) for figure in figures} == {(0, 4 * 1.08)}


def test_each_is_told_beside_its_past_and_the_others(subjects: list[ComparedPlace], chicago02: Device) -> None:
    period = Period(1, dt.date(2026, 11, 20), SEATTLE, NOW, is_calendar=True)
    silent = ComparedPlace("Chicago02", "/", [chicago02], CHICAGO)
    seattle, _, nothing = read_place_numbers([*subjects, silent], period, label="cup")
    assert seattle.sentence == (
        "Seattle: 2.00 people on average; cannot tell against the same day a week before (no hour in common); "
        "cannot tell against Chicago (no hour in common); cannot tell against Chicago02 (no hour in common)."
    )
    assert nothing.sentence == "Chicago02: no camera was on that looks for faces, so there is nothing to compare."


def test_places_are_compared_over_the_hours_that_both_saw(seattle01: Device, chicago01: Device) -> None:
    """Chicago's camera sees twice as many as Seattle's, and is also on at night, when nobody comes."""
    rows = [
        EngagementQuarter(
            device=device,
            start=dt.datetime(2026, 9, 20, tzinfo=zone).astimezone(dt.UTC) + quarter * 15 * MINUTE,
            frames=900,
            faces_sum=people * (900 + quarter * 7 % 90) if 9 <= quarter // 4 % 24 < 18 else 0,
            faces_peak=2,
            minutes_seen=2**15 - 1,
            minutes_occupied=0,
            minutes_told=2**15 - 1,
        )
        for device, zone, people, open_from in ((seattle01, SEATTLE, 1, 9), (chicago01, CHICAGO, 2, 0))
        for quarter in range(4 * 24 * 42)
        if quarter // 4 % 24 >= open_from
    ]
    EngagementQuarter.objects.bulk_create(rows)
    asked = [
        ComparedPlace("Seattle", "/", [seattle01], SEATTLE),
        ComparedPlace("Chicago", "/", [chicago01], CHICAGO),
    ]
    seattle, chicago = read_place_numbers(asked, Period(7, dt.date(2026, 10, 31), SEATTLE, NOW), label="cup")
    assert (seattle.average or 0) > 0.75 * (chicago.average or 0), "the plain averages mislead"
    finding = seattle.others["Chicago"]
    assert (finding.word, finding.comparison.hours_in_common) == (Word.FEWER, 7 * 15)
    assert finding.comparison.ratio == pytest.approx(0.5, rel=0.02)
    assert chicago.others["Seattle"].comparison.ratio == pytest.approx(2, rel=0.02)
    assert chicago.past[Measure.AVERAGE].word is Word.SAME


def test_as_many_queries_for_many_places(subjects: list[ComparedPlace], chicago02: Device) -> None:
    period = Period(7, dt.date(2026, 11, 20), SEATTLE, NOW)

    def queries(*asked: ComparedPlace) -> int:
        with CaptureQueriesContext(connection) as made:
            read_place_numbers(asked, period, label="cup")
        return len(made)

    assert queries(*subjects, ComparedPlace("Chicago02", "/", [chicago02], CHICAGO)) == queries(subjects[0]) == 8
