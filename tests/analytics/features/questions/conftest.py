"""A question of Seattle that is being asked, and what its camera saw."""

import datetime as dt

import pytest

from analytics.models import EngagementQuarter, Episode, LabelQuarter, Question
from devices.models import Device, Site
from tests.clock import SetClock

NINE = dt.datetime(2026, 11, 20, 17, tzinfo=dt.UTC)
"""09:00 in Seattle."""

NOW = NINE + dt.timedelta(minutes=90)
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


@pytest.fixture
def at_half_past_ten(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def asked(seattle: Site, seattle01: Device) -> Question:
    """Asked from nine to noon; in its first hour four said yes and one no, in the second nobody came so far."""
    for number in range(4):
        shown(seattle01, NINE + number * MINUTE, "thumbs-up")
    shown(seattle01, NINE + 59 * MINUTE, "thumbs-down")
    for number in range(6):
        on(seattle01, NINE + number * 15 * MINUTE)
    return Question.objects.create(
        site=seattle, text="Enjoying your coffee?", asked_from=NINE, asked_until=NINE + 3 * HOUR
    )


def shown(device: Device, at: dt.datetime, label: str, detections: int = 10, visit: str = "") -> None:
    """A gesture that ten frames show."""
    Episode.objects.create(
        device=device, label=label, visit=visit, started=at, ended=at + MINUTE / 12, peak=1, confidence=0.9
    )
    quarter = at.replace(minute=at.minute // 15 * 15)
    tally, _ = LabelQuarter.objects.get_or_create(
        device=device,
        start=quarter,
        label=label,
        confidence_bin=18,
        defaults={"count": 0, "rejected": 0, "confidence_millionths_sum": 0},
    )
    LabelQuarter.objects.filter(pk=tally.pk).update(count=tally.count + detections)


def on(device: Device, start: dt.datetime) -> None:
    """A quarter hour in which the camera saw nobody."""
    EngagementQuarter.objects.create(
        device=device,
        start=start,
        frames=60,
        faces_sum=0,
        faces_peak=0,
        minutes_seen=2**15 - 1,
        minutes_occupied=0,
        minutes_told=2**15 - 1,
    )
