"""A device that says that it detected nothing was on: that is coverage, and no number of faces."""

import datetime as dt

import pytest

from analytics.counting import corrections
from analytics.models import EngagementQuarter, Frame, SignOfLifeQuarter
from devices.intake.batches import accept
from devices.intake.decoding import Arrival
from devices.models import Device
from tests import clock, places

pytestmark = pytest.mark.django_db


def nothing_detected(at: dt.datetime, *, retained: bool = False) -> Arrival:
    topic = f"$aws/things/{places.CHICAGO01}/infer"
    return Arrival(topic, b"NO DETECTIONS MADE", at, retained=retained)


def two_minutes() -> list[Arrival]:
    return [nothing_detected(clock.NOW + dt.timedelta(seconds=second)) for second in range(120)]


def seen() -> tuple[int, int]:
    """The number of minutes in which the camera was on, and the number of frames with a known number of faces."""
    quarter = EngagementQuarter.objects.get()
    return quarter.minutes_seen.bit_count(), quarter.frames


def test_a_device_that_detects_nothing_for_two_minutes_was_on_for_two_minutes(chicago01: Device) -> None:
    accept(two_minutes())
    assert seen() == (2, 0)
    assert not Frame.objects.exists()


def test_signs_of_life_count_once_however_often_they_come(chicago01: Device) -> None:
    accept(two_minutes())
    accept(two_minutes()[:70])
    assert seen() == (2, 0)


def test_signs_of_life_and_frames_add_up(chicago01: Device) -> None:
    face = Arrival(f"$aws/things/{places.CHICAGO01}/infer", b'{"face": 0.9}', clock.NOW + dt.timedelta(minutes=5))
    accept([*two_minutes(), face])
    assert seen() == (3, 1)


def test_a_rebuild_keeps_the_minutes_of_signs_of_life(chicago01: Device) -> None:
    accept(two_minutes())
    (stretch,) = corrections.stretches(devices=[chicago01], now=clock.NOW)
    assert corrections.rebuild(stretch) == 0
    EngagementQuarter.objects.all().delete()
    (stretch,) = corrections.stretches(devices=[chicago01], now=clock.NOW)
    assert corrections.rebuild(stretch) == 1
    assert seen() == (2, 0)


def test_signs_of_life_are_kept_as_long_as_frames(chicago01: Device) -> None:
    accept(two_minutes())
    list(corrections.forget_old_frames(now=clock.NOW + dt.timedelta(days=3650)))
    assert not SignOfLifeQuarter.objects.exists()
    assert seen() == (2, 0)


def test_a_retained_sign_of_life_is_none(chicago01: Device) -> None:
    accept([nothing_detected(clock.NOW, retained=True)])
    assert not EngagementQuarter.objects.exists()
