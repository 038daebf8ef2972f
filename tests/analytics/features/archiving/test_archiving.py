"""Facts of old months leave PostgreSQL for files, whole and once, and are read from there."""

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from pyarrow import parquet
from rest_framework.test import APIClient

from analytics import tasks
from analytics.features.archiving import writing
from analytics.models import Detection, EngagementQuarter, Frame, Review, Verdict
from analytics.models.archive import ArchivedFile
from devices.intake.batches import accept
from devices.models import Device, QuarantinedMessage, Reason
from devices.reading.decoding import Arrival
from devices.storage import partitions
from tests import clock
from tests.analytics.frames import count, seen
from tests.world import places

MARCH = dt.datetime(2019, 3, 30, 23, 59, 59, tzinfo=dt.UTC)
TABLES = ("analytics_frame_2019_03", "analytics_detection_2019_03")
ADDRESS = "/api/v1/archived-facts/"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL has a table for each month"),
]


@pytest.fixture(autouse=True)
def _keeps_ten_years(settings: Any, tmp_path: Any) -> None:
    settings.FRAME_RETENTION_DAYS, settings.FACTS_IN_DATABASE_DAYS = 7305, 365
    settings.MEDIA_ROOT = tmp_path


def fill(device: Device) -> None:
    """Three frames of two days of March 2019, the first with two detections, and a frame of today."""
    frames = [
        seen(device, MARCH, faces=[0.9], labels=[("cup", 0.5)], key=1),
        seen(device, MARCH + dt.timedelta(seconds=1), faces=[], key=2),
        seen(device, MARCH + dt.timedelta(seconds=2), faces=None, key=3),
    ]
    count(*frames, seen(device, clock.now(), faces=[0.9], key=4))


def months() -> set[str]:
    found = {part.table for table in ("analytics_frame", "analytics_detection") for part in partitions.existing(table)}
    return found & set(TABLES)


def exported(user: User, **query: str) -> list[dict[str, str]]:
    client = APIClient()
    client.force_authenticate(user)
    response = client.get(ADDRESS, {"format": "csv", **query})
    assert response.status_code == 200, response.content
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def test_facts_of_old_months_are_moved_into_files_and_read_from_there(seattle01: Device, viewer: User) -> None:
    fill(seattle01)
    tallies = sorted(EngagementQuarter.objects.values_list("start", "frames", "faces_sum"))
    call_command("archive_facts")
    assert (months(), Frame.objects.count(), Detection.objects.count()) == (set(), 1, 1)
    assert sorted(EngagementQuarter.objects.values_list("start", "frames", "faces_sum")) == tallies
    frames = exported(viewer, kind="frames")
    assert [(row["device"], row["taken_at"], row["faces"]) for row in frames] == [
        (seattle01.name, "2019-03-30T23:59:59+00:00", "1"),
        (seattle01.name, "2019-03-31T00:00:00+00:00", "0"),
        (seattle01.name, "2019-03-31T00:00:01+00:00", ""),
    ]
    detections = exported(
        viewer, kind="detections", site=seattle01.site.slug, **{"from": "2019-03-30", "to": "2019-03-30"}
    )
    assert {(row["label"], row["confidence"]) for row in detections} == {("face", "0.9"), ("cup", "0.5")}
    assert {row["frame_id"] for row in detections} == {frames[0]["id"]}


def test_a_file_has_a_days_rows_for_any_program_that_reads_parquet(seattle01: Device) -> None:
    fill(seattle01)
    call_command("archive_facts")
    stored = ArchivedFile.objects.get(kind="detections")
    with stored.file.open("rb") as file:
        rows = parquet.read_table(file).to_pylist()
    assert (stored.day, stored.rows, len(rows)) == (dt.date(2019, 3, 30), 2, 2)
    assert [(row["taken_at"], row["label"], row["box"]) for row in rows if row["label"] == "face"] == [
        (MARCH, "face", "[1, 2, 30, 40]")
    ]


def test_other_sites_do_not_see_archived_facts(seattle01: Device, outsider: User) -> None:
    fill(seattle01)
    call_command("archive_facts")
    assert exported(outsider, kind="frames") == []


def test_an_archive_that_was_interrupted_goes_on(seattle01: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(seattle01)
    with monkeypatch.context() as patched:
        patched.setattr(writing, "_drop", interrupted)
        with pytest.raises(CommandError, match="Stopped"):
            call_command("archive_facts")
    before = list(ArchivedFile.objects.values_list("pk", flat=True))
    assert months() == set(TABLES)
    call_command("archive_facts")
    assert (months(), list(ArchivedFile.objects.values_list("pk", flat=True))) == (set(), before)
    assert all(ArchivedFile.objects.values_list("is_complete", flat=True))


def interrupted(month: writing.Month, written: list[int]) -> int:
    raise KeyboardInterrupt


def test_facts_that_change_while_they_are_moved_stay(seattle01: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(seattle01)
    settle = writing._settle

    def change(months: Any) -> None:
        settle(months)
        Detection.objects.filter(label="cup").update(review=Verdict.WRONG)

    with monkeypatch.context() as patched:
        patched.setattr(writing, "_settle", change)
        with pytest.raises(CommandError, match="changed"):
            call_command("archive_facts")
    assert Detection.objects.filter(label="cup").count() == 1
    call_command("archive_facts")
    stored = ArchivedFile.objects.get(kind="detections")
    with stored.file.open("rb") as file:
        assert "wrong" in parquet.read_table(file)["review"].to_pylist()


def test_verdicts_stay_with_the_detection_and_single_reviews_go(seattle01: Device, viewer: User) -> None:
    fill(seattle01)
    cup = Detection.objects.get(label="cup")
    cup.review = Verdict.WRONG
    cup.save()
    Review.objects.create(detection=cup, reviewer=viewer, verdict=Verdict.WRONG, at=MARCH)
    call_command("archive_facts")
    assert not Review.objects.exists()
    assert [row["review"] for row in exported(viewer, kind="detections") if row["label"] == "cup"] == ["wrong"]


def test_a_message_of_archived_time_is_quarantined_because_it_may_be_counted(seattle01: Device) -> None:
    late = clock.now() - dt.timedelta(days=366)
    content = f'{{"id": "late", "frames": [{{"taken_at": {round(late.timestamp() * 1000)}, "faces": []}}]}}'.encode()
    accept([Arrival(f"dt/headcount/{places.SEATTLE01}/frames", content, clock.now())])
    assert QuarantinedMessage.objects.get().reason == Reason.TOO_OLD


def test_files_are_deleted_after_the_retention(seattle01: Device, settings: Any) -> None:
    fill(seattle01)
    call_command("archive_facts")
    names = [str(stored.file) for stored in ArchivedFile.objects.all()]
    settings.FRAME_RETENTION_DAYS = (clock.now() - MARCH).days - 10
    elsewhere = ArchivedFile.objects.earliest("pk")
    ArchivedFile.objects.create(
        kind=elsewhere.kind, day=elsewhere.day - dt.timedelta(days=1), file="../elsewhere", digest=0, rows=0
    )
    tasks.archive_old_facts()
    # A file that cannot be deleted keeps none of the others.
    assert [str(stored.file) for stored in ArchivedFile.objects.all()] == ["../elsewhere"]
    assert [name for name in names if default_storage.exists(name)] == []


def test_the_pages_of_devices_offer_the_archived_days(seattle01: Device, client: Any, viewer: User) -> None:
    fill(seattle01)
    call_command("archive_facts")
    client.force_login(viewer)
    page = client.get(seattle01.get_absolute_url()).content.decode()
    assert f'action="{reverse("archived-fact-list")}"' in page
    assert "from 30 Mar 2019 to 31 Mar 2019" in page
