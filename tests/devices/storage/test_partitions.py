"""Each month of a partitioned table has a table of its own, which comes and goes while others read and write."""

import datetime as dt
import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from pytest_django import Settings

from analytics import tasks
from analytics.counting import corrections
from analytics.models import Detection, Frame
from devices.models import Device
from devices.storage import partitions
from tests import clock
from tests.analytics.frames import count, seen
from tests.programs.threads import together
from tests.world import places

MAY_2019 = dt.datetime(2019, 5, 17, 12, tzinfo=dt.UTC)
TABLES = ("analytics_frame", "analytics_detection")
TO_SEE_IT_WAIT = 1
"""Seconds."""

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps each table whole"),
]


@pytest.fixture(autouse=True)
def _keeps_ten_years(settings: Settings) -> None:
    settings.FRAME_RETENTION_DAYS = 3653


def months(table: str) -> set[str]:
    return {partition.table for partition in partitions.existing(table) if partition.state == "attached"}


def of_may_2019() -> set[str]:
    return {name for table in TABLES for name in months(table) if name.endswith("_2019_05")}


BOTH = {f"{table}_2019_05" for table in TABLES}


def taken(device: Device, at: dt.datetime = MAY_2019) -> None:
    count(seen(device, at, faces=[0.9], key=at.microsecond))


def drop() -> None:
    """Delete the frames of May 2019, as the retention does some years later."""
    corrections.forget_old_frames(now=MAY_2019)
    Detection.objects.filter(taken_at__year=2019).delete()
    Frame.objects.filter(taken_at__year=2019).delete()
    partitions.drop_empty(before=dt.datetime(2019, 6, 1, tzinfo=dt.UTC))


@pytest.fixture(autouse=True)
def _without_may_2019() -> None:
    partitions.drop_empty(before=dt.datetime(2019, 6, 1, tzinfo=dt.UTC))


def test_a_frame_of_a_year_long_past_makes_the_tables_of_its_month(seattle01: Device) -> None:
    assert not of_may_2019()
    taken(seattle01)
    assert of_may_2019() == BOTH
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM analytics_detection_2019_05")
        assert cursor.fetchone() == (1,)


def test_each_moment_of_a_year_lies_in_the_table_of_its_month_of_utc(seattle01: Device) -> None:
    edges = [dt.datetime(2020, month, 1, tzinfo=dt.UTC) for month in range(1, 13)]
    taken_at = sorted(edge - moment * dt.timedelta.resolution for edge in edges for moment in (0, 1))
    count(*(seen(seattle01, at, key=number) for number, at in enumerate(taken_at)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text, taken_at FROM analytics_frame ORDER BY taken_at")
        assert cursor.fetchall() == [(f"analytics_frame_{at:%Y_%m}", at) for at in taken_at]


def test_the_coming_months_are_made_ahead_and_once() -> None:
    tasks.make_partitions()
    now = clock.now()
    coming = {f"analytics_frame_{month:%Y_%m}" for month in (now, partitions.next_month(now))}
    assert coming <= months("analytics_frame")
    before = months("analytics_frame")
    tasks.make_partitions()
    assert months("analytics_frame") == before


def test_several_ingesters_that_begin_a_month_make_one_table() -> None:
    devices = [places.seattle01(), places.chicago01(), places.chicago02()]
    together(*(partial(taken, device) for device in devices))
    assert of_may_2019() == BOTH
    assert Frame.objects.count() == len(devices)


def test_the_retention_drops_a_month_when_its_last_day_is_deleted(seattle01: Device, settings: Settings) -> None:
    taken(seattle01)
    taken(seattle01, MAY_2019.replace(day=31, hour=23))
    settings.FRAME_RETENTION_DAYS = (clock.now() - MAY_2019).days - 7
    call_command("forget_old_frames")
    assert of_may_2019() == BOTH
    assert Frame.objects.get().taken_at.day == 31
    settings.FRAME_RETENTION_DAYS = 10
    call_command("forget_old_frames")
    assert not of_may_2019()


def test_a_month_that_was_dropped_is_made_again_for_an_import(seattle01: Device) -> None:
    taken(seattle01)
    drop()
    assert not of_may_2019()
    taken(seattle01)
    assert of_may_2019() == BOTH


def test_a_reader_delays_the_drop_and_nobody_waits_for_it(seattle01: Device) -> None:
    """A long export reads all months. Meanwhile the month is detached, and frames are read and written."""
    taken(seattle01)
    Detection.objects.all().delete()
    Frame.objects.all().delete()
    dropping = threading.Thread(
        target=together, args=[lambda: partitions.drop_empty(before=dt.datetime(2019, 6, 1, tzinfo=dt.UTC))]
    )
    with transaction.atomic():
        assert not Frame.objects.exists()
        dropping.start()
        dropping.join(TO_SEE_IT_WAIT)
        assert dropping.is_alive()
        together(lambda: taken(seattle01, clock.now()))
        assert Frame.objects.count() == 1
    dropping.join()
    assert not of_may_2019()


def test_an_import_and_the_retention_finish_a_detachment_that_was_interrupted(seattle01: Device) -> None:
    finishes: list[Callable[[], None]] = [partial(taken, seattle01), drop]
    for finish in finishes:
        taken(seattle01)
        Detection.objects.all().delete()
        Frame.objects.all().delete()
        with transaction.atomic():
            assert not Frame.objects.exists()
            together(interrupted_detachment)
        assert {p.state for p in partitions.existing("analytics_frame") if p.start and p.start.year == 2019} == {
            "detaching"
        }
        finish()
        assert of_may_2019() in (BOTH, set())
    assert Frame.objects.count() == 0


def interrupted_detachment() -> None:
    detach = "ALTER TABLE analytics_frame DETACH PARTITION analytics_frame_2019_05 CONCURRENTLY"
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")
        with pytest.raises(OperationalError):
            cursor.execute(detach)
