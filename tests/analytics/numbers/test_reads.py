import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby, pairwise, product
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.counting.corrections import review
from analytics.models import Detection, Verdict
from analytics.numbers import reads
from analytics.numbers.buckets import Bucket, edges
from analytics.numbers.measures import (
    ConfidenceBucket,
    EngagementBucket,
    EpisodeBucket,
    WeekHour,
    add_up_episodes,
    merge_engagement,
    typical_week,
)
from devices.models import Device
from devices.reading.decoding import ReceivedFrame
from tests.analytics.episodes import episode_table
from tests.analytics.frames import count, detections, frames_of, identity, quarter, seen, undone

CHICAGO = ZoneInfo("America/Chicago")
QUARTER = dt.timedelta(minutes=15)
MINUTE = dt.timedelta(minutes=1)
SOME_DAY = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
"""Clocks were set back in Chicago an hour later, and half a day before and after elsewhere."""

ZONES = [
    "UTC",
    "America/Chicago",
    "America/Havana",  # clocks change at midnight
    "America/Santiago",
    "America/St_Johns",  # -03:30
    "Africa/Cairo",
    "Africa/Casablanca",  # summer time, but for Ramadan
    "Antarctica/Troll",  # two hours at once
    "Asia/Beirut",
    "Asia/Kathmandu",  # +05:45
    "Asia/Kolkata",
    "Atlantic/Azores",
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Chatham",  # +12:45
    "Pacific/Kiritimati",  # +14
]


ALL_ZONES = sorted(available_timezones())
"""Every one that IANA has, the deprecated names included."""

DAYS = [dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day) for day in range(4 * 365)]


@cache
def clock_changes(zone: ZoneInfo) -> list[dt.datetime]:
    """The UTC midnights of 2024 to 2027 after which this zone changes its clocks."""
    offsets = [day.astimezone(zone).utcoffset() for day in DAYS]
    return [day for day, (before, after) in zip(DAYS, pairwise(offsets), strict=False) if before != after]


@st.composite
def beginnings(draw: st.DrawFn, zone: ZoneInfo) -> dt.datetime:
    """Somewhere in 2024 to 2027, mostly shortly before clocks change."""
    near = st.sampled_from(clock_changes(zone) or DAYS)
    return (
        draw(near | st.sampled_from(DAYS)) + dt.timedelta(days=1) - dt.timedelta(minutes=draw(st.integers(0, 36 * 60)))
    )


def name(moment: dt.datetime, zone: ZoneInfo, bucket: Bucket) -> Any:
    """What people there would call the bucket that this moment lies in."""
    local = moment.astimezone(zone)
    day, hour = local.date(), (local.date(), local.hour, local.utcoffset())
    return {"day": day, "hour": hour, "quarter": (*hour, local.minute // 15)}[bucket]


def plain_buckets(
    zone: ZoneInfo, start: dt.datetime, end: dt.datetime, bucket: Bucket
) -> list[tuple[dt.datetime, dt.datetime]]:
    """Every bucket that overlaps the period, found by naming each quarter hour around it."""
    first = dt.datetime.fromtimestamp(start.timestamp() // 900 * 900, dt.UTC) - dt.timedelta(days=2)
    quarters = [first + QUARTER * i for i in range((end - first + dt.timedelta(days=2)) // QUARTER)]
    runs = [list(run) for _, run in groupby(quarters, lambda quarter: name(quarter, zone, bucket))]
    return [(run[0], run[-1] + QUARTER) for run in runs if run[0] < end and run[-1] + QUARTER > start]


def plain_engagement(
    frames: Sequence[ReceivedFrame], first: dt.datetime, last: dt.datetime, now: dt.datetime, devices: int
) -> dict[str, Any]:
    here = [frame for frame in frames if first <= frame.taken_at < last]
    known = [len(frame.frame.faces) for frame in here if frame.frame.faces is not None]
    minute = [(frame.device.pk, frame.taken_at.replace(second=0, microsecond=0)) for frame in here]
    occupied = [at for frame, at in zip(here, minute, strict=True) if frame.frame.faces]
    begun = [m for m in range((last - first) // MINUTE) if first + m * MINUTE < now]
    return {
        "minutes": len(begun) * devices,
        "frames": len(known),
        "faces_sum": sum(known),
        "faces_peak": max(known, default=0),
        "minutes_seen": len(set(minute)),
        "minutes_occupied": len(set(occupied)),
    }


def in_utc(buckets: Sequence[Any]) -> list[tuple[dt.datetime, dt.datetime]]:
    """A local time that there is twice never equals a time of another zone."""
    return [(bucket.start.astimezone(dt.UTC), bucket.end.astimezone(dt.UTC)) for bucket in buckets]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(data=st.data())
def test_buckets_are_what_counting_frame_by_frame_gives(
    seattle01: Device, chicago01: Device, data: st.DataObject
) -> None:
    zone = ZoneInfo(data.draw(st.sampled_from(ALL_ZONES) | st.sampled_from(ZONES)))
    bucket: Bucket = data.draw(st.sampled_from(["quarter", "hour", "day"]))
    start = data.draw(beginnings(zone))
    end = start + dt.timedelta(minutes=data.draw(st.integers(1, 60 * 60)))
    now = start + dt.timedelta(seconds=data.draw(st.integers(-3600, 60 * 3600)))
    moments = st.integers(-26 * 3600, 90 * 3600).map(lambda second: start + dt.timedelta(seconds=second))
    devices = [seattle01, chicago01]
    frames = data.draw(st.lists(frames_of(devices, moments), unique_by=identity, max_size=20))
    with undone():
        count(*frames)
        selections = [reads.Selection(devices, zone, start, end)]
        (engagement,) = reads.read_engagement(selections, bucket=bucket, now=now)
        (cups,) = reads.read_counts(selections, label="cup", bucket=bucket)
        (spells,) = reads.read_episodes(selections, label="face", bucket=bucket)
        (shown,) = reads.read_episodes(selections, label="cup", bucket=bucket)
    expected = plain_buckets(zone, start, end, bucket)
    assert in_utc(engagement) == expected
    assert in_utc(cups) == expected
    for found, (first, last) in zip(engagement, expected, strict=True):
        plain = plain_engagement(frames, first, last, now, len(devices))
        assert {name: getattr(found, name) for name in plain} == plain
    for counted, (first, last) in zip(cups, expected, strict=True):
        here = [
            round(confidence * 1_000_000)
            for frame in frames
            if first <= frame.taken_at < last
            for label, confidence in detections(frame)
            if label == "cup"
        ]
        assert (counted.count, counted.confidence_millionths_sum) == (len(here), sum(here))
        on = any(first <= quarter(frame.taken_at) < last for frame in frames)
        assert counted.known_count == (len(here) if on else None)
    for label, found_episodes in (("face", spells), ("cup", shown)):
        plain_episodes = [row[3:] for row in episode_table(frames) if row[1] == label]
        assert in_utc(found_episodes) == expected
        for each, (first, last) in zip(found_episodes, expected, strict=True):
            begun = [episode for episode in plain_episodes if first <= episode[0] < last]
            assert list(each.seconds) == sorted((ended - started).total_seconds() for started, ended, _, _ in begun)
    if bucket == "hour":
        assert_week(zone, frames, expected, typical_week(engagement, spells))


def assert_week(
    zone: ZoneInfo,
    frames: Sequence[ReceivedFrame],
    hours: Sequence[tuple[dt.datetime, dt.datetime]],
    found: Sequence[Sequence[WeekHour]],
) -> None:
    """A typical week has each frame in the hour that a clock on the wall showed, both hours of one o'clock in one."""
    inside = [frame for frame in frames if hours[0][0] <= frame.taken_at < hours[-1][1]]
    local = [(frame.taken_at.astimezone(zone), frame.frame.faces) for frame in inside]
    for weekday, hour in product(range(7), range(24)):
        faces = [len(f) for at, f in local if f is not None and (at.weekday(), at.hour) == (weekday, hour)]
        engaged = found[weekday][hour].engagement
        assert (engaged.frames, engaged.faces_sum) == (len(faces), sum(faces))


@st.composite
def selections_of(draw: st.DrawFn, devices: Sequence[Device]) -> reads.Selection:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    start = SOME_DAY + dt.timedelta(minutes=draw(st.integers(-26 * 60, 26 * 60)))
    end = start + dt.timedelta(minutes=draw(st.integers(1, 40 * 60)))
    mine = draw(st.lists(st.sampled_from(devices), min_size=1, unique=True))
    return reads.Selection(mine, zone, start, end, single_bucket=draw(st.booleans()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=25)
@given(data=st.data())
def test_selections_read_together_get_the_buckets_of_each_alone(
    seattle01: Device, chicago01: Device, data: st.DataObject
) -> None:
    """Whatever offsets their zones have, and whether a bucket is the whole period."""
    devices = [seattle01, chicago01]
    bucket: Bucket = data.draw(st.sampled_from(["quarter", "hour", "day"]))
    selections = data.draw(st.lists(selections_of(devices), min_size=1, max_size=3))
    moments = st.integers(-60 * 3600, 70 * 3600).map(lambda second: SOME_DAY + dt.timedelta(seconds=second))
    with undone():
        count(*data.draw(st.lists(frames_of(devices, moments), unique_by=identity, max_size=16)))
        engagement = reads.read_engagement(selections, bucket=bucket, now=SOME_DAY)
        with_engagement: dict[str, Any] = {"bucket": bucket, "engagement": engagement}
        episodes = reads.read_episodes_by_label(selections, labels=["face", "cup"], **with_engagement)
        for label in ("face", "cup"):
            confidences = reads.read_confidences(selections, label=label, **with_engagement)
            together = zip(selections, engagement, episodes[label], confidences, strict=True)
            for selection, engagement_alone, episodes_alone, confidences_alone in together:
                assert_alone(selection, label, bucket, engagement_alone, episodes_alone, confidences_alone)
            counts, _ = reads.read_counts_and_labels(selections, label=label, **with_engagement)
            assert counts == [[each.at_least(0) for each in buckets] for buckets in confidences]


def assert_alone(
    selection: reads.Selection,
    label: str,
    bucket: Bucket,
    engagement: Sequence[EngagementBucket],
    episodes: Sequence[EpisodeBucket],
    confidences: Sequence[ConfidenceBucket],
) -> None:
    alone = [replace(selection, single_bucket=False)]
    kind: Bucket = "hour" if selection.single_bucket else bucket
    (engaged,) = reads.read_engagement(alone, bucket=kind, now=SOME_DAY)
    (began,) = reads.read_episodes(alone, bucket=kind, label=label)
    (sure,) = reads.read_confidences(alone, bucket=kind, label=label)
    if not selection.single_bucket:
        assert (list(engagement), list(episodes), list(confidences)) == (engaged, began, sure)
        return
    (one,), (those,), (all_of_them,) = engagement, episodes, confidences
    assert (one.start, one.end) == (those.start, those.end) == (engaged[0].start, engaged[-1].end)
    assert one == merge_engagement(engaged)
    total = add_up_episodes(began)
    assert (sorted(those.seconds), those.is_known) == (sorted(total.seconds), total.is_known)
    assert all_of_them.bins == tuple(map(sum, zip(*(each.bins for each in sure), strict=True)))


@pytest.mark.parametrize("bucket", ["hour", "day"])
def test_the_buckets_of_every_zone_are_what_its_clocks_show_when_they_change(bucket: Bucket) -> None:
    wrong = []
    for name_of_zone in ALL_ZONES:
        zone = ZoneInfo(name_of_zone)
        for change in clock_changes(zone)[:2] or DAYS[:1]:
            start, end = change - dt.timedelta(hours=1), change + dt.timedelta(hours=26)
            found = edges(zone=zone, start=start, end=end, bucket=bucket)
            if list(pairwise(found)) != plain_buckets(zone, start, end, bucket):
                wrong.append(name_of_zone)
    assert not wrong


def chicago(text: str, fold: int = 0) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=CHICAGO, fold=fold).astimezone(dt.UTC)


def test_both_hours_of_one_o_clock_keep_their_own_frames(chicago01: Device) -> None:
    count(
        seen(chicago01, chicago("2026-11-01T01:30", fold=0), faces=[0.9]),
        seen(chicago01, chicago("2026-11-01T01:30", fold=1), faces=[0.9, 0.9, 0.9]),
    )
    selection = reads.Selection([chicago01], CHICAGO, chicago("2026-11-01T01:00"), chicago("2026-11-01T02:00"))
    (found,) = reads.read_engagement([selection], bucket="hour", now=chicago("2026-11-02"))
    assert [(each.start.isoformat(), each.average_faces) for each in found] == [
        ("2026-11-01T01:00:00-05:00", 1),
        ("2026-11-01T01:00:00-06:00", 3),
    ]


def hour(device: Device, *, now: str = "2026-11-20T10:00") -> EngagementBucket:
    selection = reads.Selection([device], CHICAGO, chicago("2026-11-20T09:00"), chicago("2026-11-20T10:00"))
    ((found,),) = reads.read_engagement([selection], bucket="hour", now=chicago(now))
    return found


def test_nobody_there_differs_from_camera_off(chicago01: Device) -> None:
    off = hour(chicago01)
    assert (off.average_faces, off.coverage, off.occupied_share) == (None, 0.0, None)
    count(*(seen(chicago01, chicago("2026-11-20T09:00") + minute * MINUTE) for minute in range(30)))
    empty = hour(chicago01)
    assert (empty.average_faces, empty.coverage, empty.occupied_share) == (0.0, 0.5, 0.0)


def test_a_camera_that_counts_no_faces_is_seen_and_has_no_average(chicago01: Device) -> None:
    count(seen(chicago01, chicago("2026-11-20T09:00"), faces=None))
    found = hour(chicago01)
    assert (found.average_faces, found.minutes_seen, found.occupied_share) == (None, 1, None)


def test_coverage_is_of_the_time_that_has_passed(chicago01: Device) -> None:
    count(*(seen(chicago01, chicago("2026-11-20T09:00") + minute * MINUTE) for minute in range(12)))
    assert hour(chicago01, now="2026-11-20T09:11:30").coverage == 1.0
    assert hour(chicago01, now="2026-11-20T09:24:00").coverage == 0.5
    assert hour(chicago01, now="2026-11-20T09:00:00").coverage == 0.0


def test_a_fast_device_clock_cannot_make_coverage_more_than_whole(chicago01: Device) -> None:
    count(*(seen(chicago01, chicago("2026-11-20T09:00") + minute * MINUTE) for minute in range(12)))
    assert hour(chicago01, now="2026-11-20T09:05").coverage == 1.0


def test_a_site_weighs_all_frames_alike(chicago01: Device, chicago02: Device) -> None:
    nine = chicago("2026-11-20T09:00")
    count(*(seen(chicago01, nine + minute * MINUTE, faces=[0.9]) for minute in range(3)), seen(chicago02, nine))
    selection = reads.Selection([chicago01, chicago02], CHICAGO, nine, nine + MINUTE)
    ((found,),) = reads.read_engagement([selection], bucket="hour", now=nine + 60 * MINUTE)
    assert (found.average_faces, found.faces_peak, found.minutes, found.minutes_seen) == (0.75, 1, 120, 4)


def test_rejected_detections_are_left_out(chicago01: Device, superuser: User) -> None:
    nine = chicago("2026-11-20T09:00")
    count(seen(chicago01, nine, labels=[("cup", 0.9), ("cup", 0.7)]))
    review(verdicts={Detection.objects.get(confidence=0.9): Verdict.WRONG}, by=superuser, now=nine)
    selection = reads.Selection([chicago01], CHICAGO, nine, nine + MINUTE)
    ((found,),) = reads.read_counts([selection], label="cup", bucket="day")
    assert (found.count, found.mean_confidence) == (1, 0.7)


def test_a_label_that_was_never_seen_has_no_mean(chicago01: Device) -> None:
    nine = chicago("2026-11-20T09:00")
    selection = reads.Selection([chicago01], CHICAGO, nine, nine + MINUTE)
    ((found,),) = reads.read_counts([selection], label="cup", bucket="day")
    assert (found.count, found.mean_confidence) == (0, None)


@pytest.mark.parametrize("label", ["face", "cup", "mug"])
def test_counts_are_read_with_all_labels_that_were_detected(chicago01: Device, label: str) -> None:
    nine = chicago("2026-11-20T09:00")
    count(seen(chicago01, nine, faces=[0.9], labels=[("cup", 0.9), ("thumbs-up", 0.8)]))
    count(seen(chicago01, nine + 60 * MINUTE, labels=[("thumbs-down", 0.9)]))
    selections = [reads.Selection([chicago01], CHICAGO, nine, nine + 60 * MINUTE)]
    engagement = reads.read_engagement(selections, bucket="hour", now=nine)
    with CaptureQueriesContext(connection) as queries:
        ((found,),), labels = reads.read_counts_and_labels(
            selections, label=label, bucket="hour", engagement=engagement
        )
    assert len(queries) == 1
    assert found.known_count == {"face": 1, "cup": 1, "mug": 0}[label]
    assert labels == {"cup", "thumbs-up"}


@pytest.mark.parametrize("days", [1, 400])
def test_a_period_takes_the_same_queries_however_long(chicago01: Device, chicago02: Device, days: int) -> None:
    end = chicago("2026-11-20T09:00")
    selections = [reads.Selection([chicago01, chicago02], CHICAGO, end - dt.timedelta(days=days), end)]

    def with_engagement() -> None:
        engagement = reads.read_engagement(selections, bucket="hour", now=end)
        more: dict[str, Any] = {"bucket": "hour", "engagement": engagement}
        reads.read_episodes(selections, label="cup", **more)
        reads.read_confidences(selections, label="cup", **more)
        reads.read_episodes_by_label(selections, labels=["face", "cup"], **more)

    queries_of: list[tuple[int, Callable[[], Any]]] = [
        (1, lambda: reads.read_engagement(selections, bucket="hour", now=end)),
        (2, lambda: reads.read_counts(selections, label="cup", bucket="hour")),
        (2, lambda: reads.read_episodes(selections, label="cup", bucket="hour")),
        (2, lambda: reads.read_confidences(selections, label="cup", bucket="hour")),
        (4, with_engagement),
    ]
    for number, read in queries_of:
        with CaptureQueriesContext(connection) as queries:
            read()
        assert len(queries) == number
