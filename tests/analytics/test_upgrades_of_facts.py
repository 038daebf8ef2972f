"""What an upgrade does with the frames, detections and reviews that an earlier version has stored."""

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from analytics.counting import corrections
from analytics.migrations import _filling
from analytics.models import Detection, Frame, Review, Verdict
from devices.models import Device
from devices.storage import partitions
from tests import clock
from tests.analytics.frames import count, seen
from tests.world.upgrades import created, migrate, using

BEFORE = [("analytics", "0017_devices_that_said_face")]
KEYED = [("analytics", "0021_facts_are_keyed_by_device_and_month")]
"""The last migration of the upgrade that these tests are about."""
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db(transaction=True)


def is_migrated(target: list[tuple[str, str]]) -> bool:
    return not MigrationExecutor(connection).migration_plan(target)


class Earlier:
    """The database of an earlier version, which the first test makes and each test copies: the way back takes long."""

    def __init__(self, folder: Path, until_the_end: ExitStack) -> None:
        self.folder, self.until_the_end = folder, until_the_end
        self.name = ""
        self.rows: list[tuple[Any, ...]] = []


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Earlier]:
    with ExitStack() as until_the_end:
        yield Earlier(tmp_path_factory.mktemp("earlier"), until_the_end)


@pytest.fixture
def stored(earlier: Earlier, seattle01: Device, chicago01: Device, superuser: User) -> Iterator[list[tuple[Any, ...]]]:
    """What an earlier version stored: frames of two months at two devices, with detections and a review."""
    if not earlier.name:
        store(seattle01, chicago01, superuser)
        earlier.rows = facts()
        earlier.name = earlier.until_the_end.enter_context(created(earlier.folder, connection.settings_dict["NAME"]))
        for model in (Review, Detection, Frame):
            model._default_manager.all()._raw_delete("default")
        partitions.drop_empty(before=dt.datetime.max.replace(tzinfo=dt.UTC))
        with using(earlier.name):
            migrate(BEFORE)
    with created(earlier.folder, earlier.name) as name, using(name):
        yield earlier.rows


def store(seattle01: Device, chicago01: Device, superuser: User) -> None:
    frames = [
        seen(device, at, faces=[0.9] * faces, labels=[("cup", 0.5)], key=faces)
        for device in (seattle01, chicago01)
        for at in (NOON, NOON - dt.timedelta(days=40))
        for faces in range(3)
    ]
    count(*frames)
    cup = Detection.objects.filter(label="cup", device=chicago01)[0]
    corrections.review(verdicts={cup: Verdict.WRONG}, by=superuser, now=clock.now())


def facts() -> list[tuple[Any, ...]]:
    return [
        *Frame.objects.order_by("pk").values_list("pk", "device", "taken_at", "key", "faces", "received_at"),
        *Detection.objects.order_by("pk").values_list("pk", "device", "taken_at", "frame_id", "label", "review"),
        *Review.objects.order_by("pk").values_list("pk", "device", "taken_at", "detection_id", "verdict"),
    ]


def test_new_facts_join_those_that_an_earlier_version_stored(stored: list[tuple[Any, ...]]) -> None:
    migrate()
    known, seattle01 = Frame.objects.count(), Device.objects.get(name="Seattle01")
    count(seen(seattle01, NOON, key=1), seen(seattle01, NOON + dt.timedelta(days=90), faces=[0.9]))
    assert Frame.objects.count() == known + 1
    assert Frame.objects.latest("taken_at").pk > max(row[0] for row in stored[:known])
    for table in ("analytics_frame", "analytics_detection"):
        # SQLite keeps each table whole.
        assert {partition.start is None for partition in partitions.existing(table)} in ({True, False}, set())
    stretches = corrections.stretches(devices=list(Device.objects.all()), now=clock.now())
    assert {corrections.rebuild(stretch) for stretch in stretches} == {0}


def test_a_detection_without_a_frame_is_deleted_and_told(
    stored: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_frame WHERE id = (SELECT max(frame_id) FROM analytics_detection)")
    migrate()
    assert "3 detections without a frame were deleted" in capsys.readouterr().out
    assert all(detection.frame for detection in Detection.objects.select_related("frame"))
    assert len(facts()) == len(stored) - 4


@contextmanager
def failing_after(statements: int) -> Iterator[None]:
    """Have the database refuse the statement after so many."""
    number = 0

    def refuse(execute: Any, *arguments: Any) -> Any:
        nonlocal number
        number += 1
        if number == statements + 1:
            raise DatabaseError("The test interrupts the upgrade here.")
        return execute(*arguments)

    with connection.execute_wrapper(refuse):
        yield


def test_an_upgrade_that_is_interrupted_again_and_again_goes_on(
    stored: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_filling, "AT_ONCE", 5)
    statements, interruptions = 5, 0
    while not is_migrated(KEYED):
        try:
            with failing_after(statements):
                migrate(KEYED)
        except DatabaseError:
            interruptions += 1
            # The next attempt is another process, with a connection of its own.
            connection.close()
            connection.connect()
        statements += 15
    assert interruptions > 3
    migrate()
    assert facts() == stored
    assert Review.objects.get().detection.frame.faces == Review.objects.get().detection.frame.detections.count() - 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_the_earlier_version_writes_while_the_long_part_runs(stored: list[tuple[Any, ...]]) -> None:
    migrate([("analytics", "0019_existing_detections_know_device_and_time")])
    earlier = MigrationExecutor(connection).loader.project_state(BEFORE).apps
    frame = earlier.get_model("analytics", "Frame").objects.latest("pk")
    late = earlier.get_model("analytics", "Detection").objects.create(frame_id=frame.pk, label="late", confidence=0.5)
    migrate()
    found = Detection.objects.get(label="late")
    assert (found.pk, found.frame.pk, found.device_id) == (late.pk, frame.pk, frame.device_id)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite may copy a table")
def test_the_visits_of_gestures_are_added_without_rewriting_a_table() -> None:
    """So that the upgrade takes a moment, however many detections there are."""
    migrate([("analytics", "0022_walls_expire_and_tell_their_use")])
    try:
        before = files_of_tables()
    finally:
        migrate()
    assert before
    assert files_of_tables() == before


def files_of_tables() -> list[tuple[str, int]]:
    """The file of each table and partition; a table that is rewritten gets another one."""
    tables = "^analytics_(detection|episode|reportedgesture|visit)"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_relation_filenode(oid) FROM pg_class WHERE relkind = 'r' AND relname ~ %s ORDER BY 1",
            [tables],
        )
        return [(str(table), int(file)) for table, file in cursor.fetchall()]
