"""A device that says that it detected nothing was on: that is coverage, and no number of faces.

It saw none of its labels, unless it waits between uploads and says so whatever it sees.
"""

import datetime as dt
from typing import Any

import numpy as np
import pytest

from analytics.counting import corrections
from analytics.models import EngagementQuarter, Frame, SignOfLifeQuarter
from analytics.numbers.reads import Selection, read_confidences, read_counts, read_engagement, read_episodes
from analytics.verdicts.hour_series import Measure, read_hour_series
from devices.intake.batches import accept
from devices.models import Device
from devices.reading.decoding import Arrival
from tests import clock
from tests.world import places

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


LABEL = "thumbs-up"
HOUR = dt.timedelta(hours=1)


def record(at: dt.datetime, name: str = "image_at") -> Arrival:
    stamp = f"{at:%Y%m%d-%H%M%S}"
    link = f"https://s3.amazonaws.com/bucket/images/{name}_{stamp}.jpg"
    objects = f'[{{"object": "{LABEL}", "confidence": 0.9}}]'
    payload = f'{{"timestamp": "{stamp}", "objects": {objects}, "link_to_img": "{link}"}}'
    return Arrival(f"$aws/things/{places.CHICAGO01}/infer", payload.encode(), at)


def an_hour_with_a_record(name: str) -> list[Arrival]:
    """A sign of life a second, but for one record, in the first two minutes of an hour and of the next one."""
    first, second = two_minutes(), [nothing_detected(each.received_at + HOUR) for each in two_minutes()]
    return [*first[:30], record(first[30].received_at, name), *first[31:], *second]


def known(device: Device) -> list[tuple[int | None, int | None, int | None, int]]:
    """For two hours: detections, episodes, confidences of the label, and minutes in which it is known."""
    device.refresh_from_db()
    selections = [Selection([device], device.site.zone, clock.NOW, clock.NOW + 2 * HOUR)]
    (counts,) = read_counts(selections, label=LABEL, bucket="hour")
    (episodes,) = read_episodes(selections, label=LABEL, bucket="hour")
    (confidences,) = read_confidences(selections, label=LABEL, bucket="hour")
    (engagement,) = read_engagement(selections, bucket="hour", now=clock.NOW + 2 * HOUR)
    assert read_episodes(selections, label=LABEL, bucket="hour", engagement=[engagement]) == [episodes]
    return [
        (each.known_count, shown.known_count, found.at_least(0).known_count, bucket.minutes_told)
        for each, shown, found, bucket in zip(counts, episodes, confidences, engagement, strict=True)
    ]


def test_labels_of_a_device_that_waits_are_unknown_where_it_only_said_that_it_was_on(chicago01: Device) -> None:
    accept(an_hour_with_a_record("image_Chicago01"))
    assert known(chicago01) == [(1, 1, 1, 1), (None, None, None, 0)]


def test_labels_of_a_device_that_does_not_wait_are_zero_where_it_only_said_that_it_was_on(chicago01: Device) -> None:
    accept(an_hour_with_a_record("image_at"))
    assert known(chicago01) == [(1, 1, 1, 2), (0, 0, 0, 2)]


def test_somebody_may_correct_that_a_device_waits_and_the_past_follows(chicago01: Device) -> None:
    accept(an_hour_with_a_record("image_Chicago01"))
    Device.objects.update(waits_between_uploads=False, sought_is_corrected=True)
    accept(an_hour_with_a_record("image_Chicago01"))
    assert known(chicago01) == [(1, 1, 1, 2), (0, 0, 0, 2)]


def quarters() -> list[dict[str, Any]]:
    return [each | {"id": None} for each in EngagementQuarter.objects.order_by("start").values()]


def test_a_rebuild_keeps_the_minutes_in_which_labels_are_known(chicago01: Device) -> None:
    accept(an_hour_with_a_record("image_Chicago01"))
    stored = quarters()
    (stretch,) = corrections.stretches(devices=[chicago01], now=clock.NOW + HOUR)
    assert corrections.rebuild(stretch) == 0
    EngagementQuarter.objects.all().delete()
    assert corrections.rebuild(stretch) == 2
    assert quarters() == stored


@pytest.mark.parametrize("batch", [1, 7, 1_000])
def test_the_order_and_the_repetition_of_messages_change_no_minute(chicago01: Device, batch: int) -> None:
    arrivals = an_hour_with_a_record("image_Chicago01")
    for start in range(0, len(arrivals), batch):
        accept(arrivals[start : start + batch])
    accept(arrivals[::-1])
    assert known(chicago01) == [(1, 1, 1, 1), (None, None, None, 0)]


@pytest.mark.parametrize(("name", "hours_known"), [("image_Chicago01", 0), ("image_at", 1)])
def test_gestures_are_compared_over_the_minutes_that_tell_of_them(
    chicago01: Device, name: str, hours_known: int
) -> None:
    minutes = [clock.NOW + dt.timedelta(minutes=minute) for minute in range(60)]
    accept([record(clock.NOW, name), *map(nothing_detected, minutes)])
    chicago01.refresh_from_db()
    selection = Selection([chicago01], chicago01.site.zone, clock.NOW, clock.NOW + HOUR)
    (series,) = read_hour_series([selection], label=LABEL, now=clock.NOW + HOUR)
    rates = series.measures()[Measure.GESTURES].rates
    assert np.isfinite(rates).sum() == hours_known


@pytest.mark.parametrize("batch", [1, 5, 1_000])
@pytest.mark.parametrize(
    ("signs", "waits"), [([11, 12, 11, 13], True), ([11, 12, 11], None), ([11, 12, 3, 11, 11, 11], False)]
)
def test_a_device_that_lets_many_signs_pass_between_all_uploads_waits(
    chicago01: Device, signs: list[int], waits: bool | None, batch: int
) -> None:
    arrivals, at = [], clock.NOW
    for number in signs:
        for _ in range(number):
            at += dt.timedelta(seconds=1)
            arrivals.append(nothing_detected(at))
        at += dt.timedelta(seconds=1)
        arrivals.append(record(at))
    for start in range(0, len(arrivals), batch):
        accept(arrivals[start : start + batch])
    chicago01.refresh_from_db()
    assert chicago01.waits_between_uploads is waits


def test_a_device_that_never_says_that_it_is_on_is_not_judged(chicago01: Device) -> None:
    accept([record(clock.NOW + dt.timedelta(seconds=second)) for second in range(9)])
    chicago01.refresh_from_db()
    assert chicago01.waits_between_uploads is None
