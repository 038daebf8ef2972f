import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from analytics.numbers.buckets import Bucket, day_start, edges, offsets


def bucket_lengths(zone: str, start: str, end: str, bucket: Bucket) -> list[float]:
    """Hours of each bucket; `start` and `end` are local."""
    here = ZoneInfo(zone)
    first, last = (dt.datetime.fromisoformat(text).replace(tzinfo=here).astimezone(dt.UTC) for text in (start, end))
    found = edges(zone=here, start=first, end=last, bucket=bucket)
    return [(after - before) / dt.timedelta(hours=1) for before, after in pairwise(found)]


@pytest.mark.parametrize(
    ("zone", "start", "end", "bucket", "lengths"),
    [
        ("America/Chicago", "2026-03-07", "2026-03-10", "day", [24, 23, 24]),
        ("America/Chicago", "2026-10-31", "2026-11-03", "day", [24, 25, 24]),
        ("America/Chicago", "2026-11-01", "2026-11-02", "hour", [1] * 25),
        ("America/Chicago", "2026-03-08", "2026-03-09", "hour", [1] * 23),
        ("America/Chicago", "2026-03-08", "2026-03-09", "quarter", [0.25] * 92),
        ("Asia/Kolkata", "2026-03-08", "2026-03-08T03:00", "hour", [1] * 3),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-06", "day", [24.5]),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-05T03:00", "hour", [1, 1, 0.5, 1]),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-04T04:00", "hour", [1, 1, 0.5, 1]),
        ("Asia/Beirut", "2026-03-29", "2026-03-30", "day", [23]),
        ("America/Havana", "2025-11-02", "2025-11-03", "day", [25]),
        ("America/Havana", "2025-11-02", "2025-11-02T02:00", "hour", [1, 1, 1]),
    ],
)
def test_clock_changes_make_longer_and_shorter_buckets(
    zone: str, start: str, end: str, bucket: Bucket, lengths: list[float]
) -> None:
    assert bucket_lengths(zone, start, end, bucket) == lengths


def test_the_first_and_the_last_bucket_are_whole() -> None:
    assert bucket_lengths("Asia/Kathmandu", "2026-01-01T10:20", "2026-01-01T11:01", "hour") == [1, 1]
    assert bucket_lengths("Asia/Kathmandu", "2026-01-01T10:20", "2026-01-02T00:01", "day") == [24, 24]


def test_the_first_and_the_last_week_or_month_have_only_the_days_of_the_period() -> None:
    day = 24
    assert bucket_lengths("UTC", "2026-11-12", "2026-11-24", "week") == [4 * day, 7 * day, 1 * day]
    assert bucket_lengths("UTC", "2025-12-30", "2026-03-02", "month") == [2 * day, 31 * day, 28 * day, 1 * day]
    assert bucket_lengths("UTC", "2026-11-12T10:00", "2026-11-13T10:00", "month") == [2 * day]
    assert bucket_lengths("America/Chicago", "2026-03-01", "2026-04-01", "month") == [31 * day - 1]


def test_an_end_on_an_edge_begins_no_bucket() -> None:
    assert bucket_lengths("Asia/Kathmandu", "2026-01-01T10:00", "2026-01-01T11:00", "hour") == [1]


def test_nothing_lies_between_a_moment_and_itself() -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert edges(zone=ZoneInfo("UTC"), start=now, end=now, bucket="day") == []


def test_a_day_begins_at_one_where_clocks_are_set_forward_at_midnight() -> None:
    beirut = ZoneInfo("Asia/Beirut")
    assert day_start(dt.date(2026, 3, 29), beirut).astimezone(beirut).isoformat() == "2026-03-29T01:00:00+03:00"


@pytest.mark.parametrize(
    ("zone", "moment", "first"),
    [
        ("America/Chicago", "2026-11-01T01:30-05:00", "2026-11-01T01:00:00-05:00"),
        ("America/Chicago", "2026-11-01T01:30-06:00", "2026-11-01T01:00:00-06:00"),
        ("Australia/Lord_Howe", "2026-04-05T01:45+11:00", "2026-04-05T01:00:00+11:00"),
        ("Australia/Lord_Howe", "2026-04-05T01:45+10:30", "2026-04-05T01:30:00+10:30"),
    ],
)
def test_a_moment_in_either_one_o_clock_lies_in_its_own_hour(zone: str, moment: str, first: str) -> None:
    start = dt.datetime.fromisoformat(moment)
    found = edges(zone=ZoneInfo(zone), start=start, end=start + dt.timedelta(minutes=1), bucket="hour")
    assert found[0].astimezone(ZoneInfo(zone)).isoformat() == first
    assert len(found) == 2


@pytest.mark.parametrize(
    "name", ["America/Havana", "America/Los_Angeles", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]
)
def test_the_offsets_of_two_years_are_those_of_each_quarter(name: str) -> None:
    zone = ZoneInfo(name)
    start, end = (dt.datetime(year, 1, 1, tzinfo=zone) for year in (2024, 2026))
    found = offsets(edges(zone=zone, start=start, end=end, bucket="day"), zone)
    quarters = edges(zone=zone, start=start, end=end, bucket="quarter")
    expected = [quarter.astimezone(zone).utcoffset() for quarter in quarters]
    assert [max(each for each in found if each[0] <= quarter)[1] for quarter in quarters] == expected
