"""The numbers of contents over days and weeks: read from sums of days, and the same as from the quarter hours."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from devices.models import Device, Site
from plays.attribution import services
from plays.intake.reports import Report
from plays.intake.services import change_screen, store
from plays.models import Content, ContentDay, ContentHour, ContentQuarter, Source
from plays.numbers.audience import read_hours
from plays.numbers.contents import SUMS, Period, read_contents, read_parts
from tests import clock
from tests.plays.samples import NOON, at, camera_on, play, screen, visit
from tests.world import places

HOUR = 3_600
QUARTER = dt.timedelta(minutes=15)


class DaysAddUp(TestCase):
    """Periods of any length, from any quarter hour to any other."""

    @given(
        plays=st.lists(st.tuples(st.integers(-70, 1), st.integers(1, 3_000), st.sampled_from("ab")), max_size=8),
        first=st.integers(-290, 8),
        length=st.integers(1, 300),
    )
    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
    def test_a_period_has_the_sums_of_its_quarter_hours(self, plays: list[Any], first: int, length: int) -> None:
        device = places.seattle01()
        for hour, lasts, key in plays:
            play(screen(device), key, hour * HOUR, hour * HOUR + lasts)
            visit(device, hour * HOUR, min(lasts, 60), min(lasts, 60) / 2, key=f"{hour} {key}")
        services.compute_changed(now=clock.now())
        period = Period(NOON + first * QUARTER, NOON + (first + length) * QUARTER)
        found = read_contents([device.site], period)
        rows = list(ContentQuarter.objects.filter(device=device, start__gte=period.start, start__lt=period.end))
        assert set(found) == {row.content_id for row in rows}
        for content in Content.objects.filter(pk__in=found):
            own, numbers = [row for row in rows if row.content_id == content.pk], found[content.pk]
            assert all(getattr(numbers, name) == sum(getattr(row, name) for row in own) for name in SUMS)
            assert numbers.groups == len(own)
            assert numbers.attention_squares == sum((row.attention_ms // 100) ** 2 for row in own)
            parts = read_parts(content, period)
            assert parts.whole == numbers
            zone = device.site.zone
            assert set(parts.by_day) == {row.start.astimezone(zone).date() for row in own}
            for hour, of_hour in parts.by_hour.items():
                rows_of_hour = [row for row in own if row.start.astimezone(zone).hour == hour]
                assert of_hour.groups == len(rows_of_hour)
                assert all(getattr(of_hour, name) == sum(getattr(row, name) for row in rows_of_hour) for name in SUMS)
            assert sum(of_hour.groups for of_hour in parts.by_hour.values()) == len(own)


@pytest.mark.django_db
def test_days_follow_the_time_zone_of_the_site_also_after_it_has_changed(seattle01: Device) -> None:
    play(screen(seattle01), "film", -11 * HOUR, -11 * HOUR + 10)  # 23:00 in Los Angeles
    services.compute_changed(now=clock.now())
    before = ContentDay.objects.get()
    assert before.day == (NOON - 11 * dt.timedelta(hours=1)).astimezone(seattle01.site.zone).date()
    assert [(row.day, row.hour) for row in ContentHour.objects.all()] == [(before.day, 23)]
    Site.objects.filter(pk=seattle01.site_id).update(timezone="Asia/Tokyo")
    services.compute_changed(now=clock.now())
    after = ContentDay.objects.get()
    assert after.day == (NOON - 11 * dt.timedelta(hours=1)).astimezone(ZoneInfo("Asia/Tokyo")).date()
    assert after.day != before.day
    assert [(row.day, row.hour) for row in ContentHour.objects.all()] == [(after.day, 16)]


@pytest.mark.django_db
def test_the_hour_that_comes_twice_when_clocks_go_back_has_the_sums_of_both(seattle01: Device) -> None:
    now = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
    for hour in (8, 9, 10):  # 1:00 twice, then 2:00, in Los Angeles
        start = dt.datetime(2026, 11, 1, hour, 5, tzinfo=dt.UTC)
        store(
            screen=screen(seattle01), reports=[Report("film", start, start + QUARTER / 3)], source=Source.API, now=now
        )
    services.compute_changed(now=now)
    hours = ContentHour.objects.order_by("hour").values_list("day", "hour", "plays", "groups")
    assert list(hours) == [(dt.date(2026, 11, 1), 1, 2, 2), (dt.date(2026, 11, 1), 2, 1, 1)]


@pytest.mark.django_db
def test_a_play_that_several_cameras_see_is_one_play_also_before_a_camera_was_added(
    chicago01: Device, chicago02: Device
) -> None:
    wide = screen(chicago01)

    def told() -> tuple[float, float, int, float | None, float | None]:
        services.compute_changed(now=clock.now())
        period = Period(NOON - QUARTER, NOON + 8 * QUARTER)
        (numbers,) = read_contents([chicago01.site], period).values()
        parts = read_parts(Content.objects.get(), period)
        for found in (parts.by_hour, parts.by_day, parts.by_position, parts.by_screen):
            assert sum(each.plays for each in found.values()) == numbers.plays
        hours = read_hours(chicago01.site, [NOON.astimezone(chicago01.site.zone).date()])
        assert sum(hour.numbers.plays for hour in hours) == numbers.plays
        return numbers.plays, numbers.shown_s, numbers.impressions, numbers.coverage, numbers.average_unit_audience

    camera_on(chicago01, 0, 15)
    play(wide, "film", 0, 10)
    visit(chicago01, 0, 5, 5)
    before = told()
    assert before == (1, 10, 1, 1, 0.5)
    Device.objects.filter(pk=chicago02.pk).update(since=at(HOUR))
    wide.cameras = ["Chicago01", "Chicago02"]
    change_screen(screen=wide)
    assert told() == before
    for device in (chicago01, chicago02):
        camera_on(device, HOUR, 15)
        visit(device, HOUR, 5, 5)
    play(wide, "film", HOUR, HOUR + 10)
    assert told() == (2, 20, 3, 1, 0.75)
