"""Somebody who stands in every registered place is found in none of them after the erasure."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import TestCase
from django_q.models import Task
from pytest_django import Settings

from analytics.models.opening import OpeningException
from devices.kept.names import Spellings
from devices.kept.register import places, tables
from devices.kept.search import find_name
from devices.models import BoxReport, Device, DeviceLog, QuarantinedMessage, Site
from faces.erasure.erasing import forget
from faces.models import Annotation, Capture, Coffee, Erasure, Face, Merge, Person, Sighting
from faces.services import create_person
from learning.models import DataSet, Picture, Prediction, Run
from notifications.models import Channel, Happening, Letter, Notice, Reader, Rule
from tests.faces.conftest import NOON, agree
from tests.faces.scripted import Scripted, detections
from tests.programs.buckets import BUCKET, pictures_on_s3

pytestmark = pytest.mark.django_db

NAME = "José Müller"
SPELLINGS = ("josé müller", "JOSE MUELLER", "Müller, José", "J. Müller", "jose_muller")
OTHER = "Maria Müller"
HERS = b"a picture of hers"


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Any, settings: Settings) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    recogniser = Scripted(detections())
    monkeypatch.setattr("faces.recognisers.recogniser.recogniser_by_name", lambda name: recogniser)
    monkeypatch.setattr("faces.recognisers.recogniser.configured_recogniser", lambda: recogniser)
    return recogniser


@pytest.fixture
def jose(seattle01: Device, scripted: Scripted) -> Person:
    return plant(seattle01)


def plant(device: Device) -> Person:
    """Put the person into every registered column and folder of the device's site."""
    site, spelled = device.site, iter(SPELLINGS * 9)
    person = create_person(site=site, name=NAME, line=f"{NAME}, the first")
    consent = agree(person)
    capture = Capture.objects.create(
        device=device, taken_at=NOON, received_at=NOON, key=1, reason=f"no face of {next(spelled)}",
        source_url="", looks=[{"of": NAME}],
    )  # fmt: skip
    capture.image.save("x.jpg", ContentFile(HERS))
    Face.objects.create(consent=consent, provider="scripted", provider_id="f-1", capture=capture)
    sighting = Sighting.objects.create(capture=capture, number=0, person=person, confidence=0.9, similarity=0.8)
    Coffee.objects.create(
        person=person, device=device, taken_at=NOON, sighting=sighting, reviewed_at=NOON, review_reason="not hers"
    )
    other = Capture.objects.create(device=device, taken_at=NOON, received_at=NOON, key=2)
    Coffee.objects.create(
        device=device, taken_at=NOON, reviewed_at=NOON, review_reason=f"it was {next(spelled)}’s cup",
        sighting=Sighting.objects.create(capture=other, number=0, confidence=0.9),
    )  # fmt: skip
    Annotation.objects.create(
        capture=other,
        width=1,
        height=1,
        boxes=[{"label": next(spelled)}],
        source=f"{next(spelled)}.xml",
        imported_at=NOON,
    )
    Merge.objects.create(
        site=site, person=person, other_number=9_999, other_name="Pepe", other_created_at=NOON, moved={}, voided=[],
        merged_at=NOON,
    )  # fmt: skip
    apps.get_model("faces.ErasureNotice").objects.create(
        person=create_person(site=site, name="Somebody else"), last_seen_at=NOON, noticed_at=NOON, erase_at=NOON,
        problem=f"{next(spelled)} is away",
    )  # fmt: skip
    apps.get_model("faces.Erasure").objects.create(
        site=site, person_number=9_998, requested_at=NOON, erased_at=NOON, reason=next(spelled), counts={}, digests=[]
    )
    DeviceLog.objects.create(device=device, at=NOON, key=1, received_at=NOON, text=f"hello {next(spelled)}, no. 3")
    DeviceLog.objects.create(device=device, at=NOON, key=2, received_at=NOON, text=f"hello {OTHER}; pepe is Pepe")
    BoxReport.objects.create(
        thing=device.thing, received_at=NOON, trouble=f"no {next(spelled)}", view=HERS, viewed_at=NOON
    )
    quarantine(1, device, f'{{"name": "{next(spelled)}"}}'.encode(), detail=next(spelled))
    quarantine(2, device, HERS, has_picture=True)
    quarantine(3, None, HERS, has_picture=True, topic=f"dt/headcount/{device.thing_name}/image")
    quarantine(4, device, b"x", detail=next(spelled))
    kind, member = ContentType.objects.get_for_model(Site), User.objects.create(username="member")
    LogEntry.objects.create(
        user=member, content_type=kind, object_id="1", object_repr=next(spelled), action_flag=CHANGE,
        change_message=next(spelled),
    )  # fmt: skip
    Task.objects.create(
        id="t" * 32, name="t", func="f", args=(next(spelled),), kwargs={"of": next(spelled)},
        result=f"{next(spelled)} failed", started=NOON, stopped=NOON, success=False,
    )  # fmt: skip
    OpeningException.objects.create(site=site, date=NOON.date(), note=f"{next(spelled)}’s birthday")
    plant_notices(device, person, spelled)
    plant_data_set(device, capture, spelled)
    return person


def erase(person: Person) -> Erasure:
    """Erase the person, with what is done after the commit."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        return forget(person=person, by=None)


def quarantine(key: int, device: Device | None, payload: bytes, **values: Any) -> None:
    values = {"topic": "t", "reason": "in-future", "received_at": NOON, "size": len(payload), **values}
    QuarantinedMessage.objects.create(key=key, device=device, payload=payload, **values)


def plant_notices(device: Device, person: Person, spelled: Iterator[str]) -> None:
    site = device.site
    channel = Channel.objects.create(site=site, name="all", kind="inbox")
    rule = Rule.objects.create(site=site, kind="coffee", texts=[f"Hurrah for {next(spelled)}"])
    happening = Happening.objects.create(
        site=site, kind="coffee", key="1", device=device, person=person.pk, at=NOON, noted_at=NOON,
        details=f"Do you like {next(spelled)}?",
    )  # fmt: skip
    Letter.objects.create(
        site=site, unit="week", first=NOON.date(), last=NOON.date(), made_at=NOON,
        content={"question": f"Was {next(spelled)} here?"},
    )  # fmt: skip
    Reader.objects.create(site=site, address="Jose.Mueller@example.com", added_at=NOON)
    Notice.objects.create(
        rule=rule, channel=channel, happening=happening, subject=next(spelled), text=next(spelled),
        problem=next(spelled), happened_at=NOON, created_at=NOON,
    )  # fmt: skip


def plant_data_set(device: Device, capture: Capture, spelled: Iterator[str]) -> None:
    data_set = DataSet.objects.create(
        site=device.site, name="hands", licence=f"by {next(spelled)}", consent=f"of {next(spelled)}"
    )
    size = {"data_set": data_set, "width": 1, "height": 1}
    for number, (name, recording, of) in enumerate(
        [("a.jpg", "monday", capture), (f"{next(spelled)}.jpg", "monday", None), ("b.jpg", next(spelled), None)]
    ):
        picture = Picture(name=name, recording=recording, capture=of, sha256=str(number), **size)
        picture.image.save(name, ContentFile(HERS))
    run = Run.objects.create(
        data_set=data_set, number=1, kind="gestures", note=next(spelled), reason=next(spelled),
        split={next(spelled): "train"}, warnings=[next(spelled)],
    )  # fmt: skip
    kept = Picture(name="c.jpg", recording="tuesday", sha256="9", **size)
    kept.image.save("c.jpg", ContentFile(b"nobody's"))
    Prediction.objects.create(run=run, picture=kept, recording=next(spelled))


def hers(site: Site) -> set[tuple[str, str]]:
    found = find_name(Spellings(NAME), site=site)
    return {(table.model, column) for table, _, column in found}


def test_the_person_stands_in_every_registered_text(jose: Person) -> None:
    """Otherwise the next tests would prove nothing of a new column."""
    wanted = {(table.model, column) for table in tables() for column in (*table.names, *table.deleted)}
    assert wanted <= hers(jose.site)


def test_nothing_is_left_in_the_database_and_the_storage(jose: Person) -> None:
    site, others = jose.site, DeviceLog.objects.get(key=2).text
    erase(jose)
    assert hers(site) == set()
    assert every_text_matching("jos.{0,6} ?m") == []
    assert every_text_matching("picture of hers") == []
    assert {content for _, content in stored()} == {b"nobody's"}
    assert Happening.objects.get().person is None
    assert DeviceLog.objects.get(key=2).text == others.replace("Pepe", "[erased]").replace("pepe", "[erased]")
    call_command("check_erasure", name=[NAME, "Pepe"])


def test_the_check_finds_a_name_that_somebody_has_written_since(jose: Person, seattle01: Device) -> None:
    erase(jose)
    DeviceLog.objects.create(device=seattle01, at=NOON, key=7, received_at=NOON, text="hi J. Mueller")
    call_command("check_erasure")
    with pytest.raises(CommandError, match=r"The column text of devices\.DeviceLog \d+ still names the person\."):
        call_command("check_erasure", name=[NAME])


def test_another_site_keeps_what_it_has(jose: Person, chicago01: Device) -> None:
    DeviceLog.objects.create(device=chicago01, at=NOON, key=8, received_at=NOON, text=f"hello {NAME}")
    quarantine(8, chicago01, HERS, has_picture=True)
    erase(jose)
    assert DeviceLog.objects.get(key=8).text == f"hello {NAME}"
    assert QuarantinedMessage.objects.filter(has_picture=True).get().key == 8


def test_each_folder_of_the_storage_is_registered(jose: Person) -> None:
    assert {name.partition("/")[0] for name, _ in stored()} <= {place.folder for place in places()}


def test_no_version_is_left_in_a_bucket_that_keeps_versions(
    seattle01: Device, scripted: Scripted, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pictures_on_s3(settings, monkeypatch) as s3:
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        jose = plant(seattle01)
        name = str(Capture.objects.get(key=1).image)
        s3.delete_object(Bucket=BUCKET, Key=name)
        s3.put_object(Bucket=BUCKET, Key=name, Body=HERS)
        receipt = erase(jose)
        left = s3.list_object_versions(Bucket=BUCKET)
        assert [version["Key"] for version in left["Versions"]] == [str(Picture.objects.get().image)]
        assert "DeleteMarkers" not in left
        call_command("check_erasure")
        s3.put_object(Bucket=BUCKET, Key="captures/1.jpg", Body=HERS)
        s3.delete_object(Bucket=BUCKET, Key="captures/1.jpg")
        with pytest.raises(CommandError, match=r"A version of the picture captures/1\.jpg still exists after the"):
            call_command("check_erasure", str(receipt.pk))


def every_text_matching(pattern: str) -> list[str]:
    """Search every column of every table, whatever the register says."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    text = (
                        bytes(value).decode(errors="replace") if isinstance(value, (bytes, memoryview)) else str(value)
                    )
                    if re.search(pattern, text, re.IGNORECASE):
                        found.append(f"{table}.{name}: {text}")
    return found


def stored(folder: str = "") -> Iterator[tuple[str, bytes]]:
    folders, files = default_storage.listdir(folder)
    for file in files:
        name = f"{folder}/{file}".lstrip("/")
        with default_storage.open(name) as opened:
            yield name, opened.read()
    for inner in folders:
        yield from stored(f"{folder}/{inner}".lstrip("/"))
