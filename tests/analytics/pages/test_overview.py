import datetime as dt
from collections import Counter

import pytest

from analytics.features.galaxy.reads import Window, read_engagement_snapshot
from analytics.numbers.measures import EngagementBucket
from analytics.pages.overview import hours_today
from devices.models import Device, Site
from tests.analytics.frames import count, seen
from tests.world import places

QUARTER = dt.timedelta(minutes=15)

DAYS = [
    ("America/Chicago", "2026-11-01T12:10-06:00", 25, 25.0),
    ("America/Chicago", "2026-03-08T12:10-05:00", 23, 23.0),
    ("Australia/Lord_Howe", "2026-04-05T12:10+10:30", 25, 24.5),
    ("Australia/Lord_Howe", "2026-10-04T12:10+11:00", 24, 23.5),
    ("Asia/Kolkata", "2026-11-01T12:10+05:30", 24, 24.0),
    ("Asia/Kathmandu", "2026-11-01T12:10+05:45", 24, 24.0),
]
"""Zone, now, how many hours the local day has, and how long it is in hours."""


def device_in(zone: str) -> Device:
    site = Site.objects.create(name=zone, slug=zone.lower().replace("/", "-").replace("_", "-"), timezone=zone)
    return places.device(site, "Door", site.slug)


def frame_every_quarter(device: Device, now: dt.datetime) -> Counter[tuple[dt.date, int, dt.timedelta | None]]:
    """Count frames of 36 hours up to now; return the faces by local date, hour and offset, added up one by one."""
    faces: Counter[tuple[dt.date, int, dt.timedelta | None]] = Counter()
    for number in range(36 * 4):
        at = now - number * QUARTER
        local = at.astimezone(device.site.zone)
        count(seen(device, at, faces=[0.9] * (1 + number % 3)))
        faces[local.date(), local.hour, local.utcoffset()] += 1 + number % 3
    return faces


def faces_by_hour(hours: list[EngagementBucket]) -> dict[tuple[dt.date, int, dt.timedelta | None], int]:
    return {(hour.start.date(), hour.start.hour, hour.start.utcoffset()): hour.faces_sum for hour in hours}


@pytest.mark.parametrize(("zone", "noon", "number", "length"), DAYS)
def test_the_overview_has_every_local_hour_of_the_day(
    db: None, zone: str, noon: str, number: int, length: float
) -> None:
    now, device = dt.datetime.fromisoformat(noon).astimezone(dt.UTC), device_in(zone)
    faces = frame_every_quarter(device, now)
    hours = hours_today([device], now=now)[device.pk]
    assert len(hours) == number
    assert (hours[-1].end.astimezone(dt.UTC) - hours[0].start.astimezone(dt.UTC)) / dt.timedelta(hours=1) == length
    assert all(found == faces[hour] for hour, found in faces_by_hour(hours).items())
    assert sum(hour.minutes for hour in hours) == (now - hours[0].start.astimezone(dt.UTC)) / dt.timedelta(minutes=1)


def test_every_device_of_the_overview_has_the_day_of_its_own_zone(db: None) -> None:
    now = dt.datetime(2026, 11, 1, 18, 10, tzinfo=dt.UTC)
    devices = [device_in(zone) for zone in ("America/Chicago", "Asia/Kathmandu", "Australia/Lord_Howe")]
    faces = {device.pk: frame_every_quarter(device, now) for device in devices}
    hours = hours_today(devices, now=now)
    assert {device.site.timezone: len(hours[device.pk]) for device in devices} == {
        "America/Chicago": 25,
        "Asia/Kathmandu": 24,
        "Australia/Lord_Howe": 24,
    }
    for device in devices:
        assert all(found == faces[device.pk][hour] for hour, found in faces_by_hour(hours[device.pk]).items())


@pytest.mark.parametrize(("zone", "noon", "number", "length"), DAYS)
@pytest.mark.parametrize("window", ["today", "latest"])
def test_a_wall_has_the_same_hours_as_the_overview(
    db: None, zone: str, noon: str, number: int, length: float, window: Window
) -> None:
    now, device = dt.datetime.fromisoformat(noon).astimezone(dt.UTC), device_in(zone)
    faces = frame_every_quarter(device, now)
    (site,) = read_engagement_snapshot([device.site], now, window=window).sites
    assert all(found == faces[hour] for hour, found in faces_by_hour(list(site.hours)).items())
    if window == "today":
        assert list(site.hours) == hours_today([device], now=now)[device.pk]
