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
from plays.models import Content, ContentDay, ContentQuarter
from plays.numbers.contents import SUMS, Period, read_contents, read_parts
from tests import clock, places
from tests.plays.samples import NOON, play, screen, visit

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
                assert of_hour.plays == sum(row.plays for row in own if row.start.astimezone(zone).hour == hour)


@pytest.mark.django_db
def test_days_follow_the_time_zone_of_the_site_also_after_it_has_changed(seattle01: Device) -> None:
    play(screen(seattle01), "film", -11 * HOUR, -11 * HOUR + 10)  # 23:00 in Los Angeles
    services.compute_changed(now=clock.now())
    before = ContentDay.objects.get()
    assert before.day == (NOON - 11 * dt.timedelta(hours=1)).astimezone(seattle01.site.zone).date()
    Site.objects.filter(pk=seattle01.site_id).update(timezone="Asia/Tokyo")
    services.compute_changed(now=clock.now())
    after = ContentDay.objects.get()
    assert after.day == (NOON - 11 * dt.timedelta(hours=1)).astimezone(ZoneInfo("Asia/Tokyo")).date()
    assert after.day != before.day
