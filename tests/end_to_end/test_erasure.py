"""Somebody who used the whole platform is erased; then every table, column and file is searched for a trace."""

import base64
import datetime as dt
import pickle
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django_q.models import OrmQ
from pytest_django.fixtures import Settings

from analytics.features.galaxy.serving.services import create_wall_token
from devices.models import Device, Site
from devices.services import issue_device_token
from faces.models import Capture, Coffee, Erasure, Face, Mode, Person, Sighting
from faces.pictures import storage
from faces.services import recognise, set_policy
from tests import clock
from tests.faces import scenes
from tests.programs.brokers import free_port

NAME = "Adelaide Quillfeather"


@pytest.fixture
def staff(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def enrol(staff: Client, site: Site) -> Person:
    now = clock.now()
    signed, expires = now - dt.timedelta(days=1), now + dt.timedelta(days=365)
    form = {
        "site": site.pk,
        "name": NAME,
        "line": f"{NAME} the First",
        "consent_text": f"I, {NAME}, agree.",
        "consent_version": "1",
        "consent_method": "paper",
        "consent_signed_by": NAME,
        "consent_signed_at_0": f"{signed:%Y-%m-%d}",
        "consent_signed_at_1": f"{signed:%H:%M:%S}",
        "consent_expires_at_0": f"{expires:%Y-%m-%d}",
        "consent_expires_at_1": f"{expires:%H:%M:%S}",
        "consents-TOTAL_FORMS": "0",
        "consents-INITIAL_FORMS": "0",
        "pictures": SimpleUploadedFile(f"{NAME}.jpg", scenes.jpeg(scenes.portrait())),
    }
    assert staff.post("/admin/faces/person/add/", form).status_code == 302
    return Person.objects.get(name=NAME)


def everything_kept() -> Iterator[tuple[str, bytes]]:
    """Each value of each column of each table, with what is packed in it, and each file."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                yield from ((f"{table}.{name}", as_bytes(value)) for name, value in zip(columns, row, strict=True))
        cursor.execute("SELECT value FROM django_cache")
        yield from (("the cache", base64.b64decode(value)) for (value,) in cursor.fetchall())
    yield from (("a session", repr(session.get_decoded()).encode()) for session in Session.objects.all())
    yield from (("a task", pickle.dumps(task.task)) for task in OrmQ.objects.all())
    yield from ((str(path), contents_of(path)) for path in Path(settings.MEDIA_ROOT).rglob("*"))
    if connection.vendor == "sqlite":
        database = Path(connection.settings_dict["NAME"])
        yield from ((str(path), read_apart(path)) for path in database.parent.glob(f"{database.name}*"))


def contents_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (IsADirectoryError, FileNotFoundError):  # The running programs delete files.
        return b""


def read_apart(path: Path) -> bytes:
    """Read the file in another process: to close a file of SQLite in this one would end the locks on its database."""
    done = subprocess.run(["cat", "--", path], capture_output=True)
    assert done.returncode == 0 or not path.exists(), done.stderr
    return done.stdout


def as_bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()


def holders_of(*secrets: bytes) -> set[str]:
    """Where one of these is kept, also as base64 or hexadecimal."""
    spelled = {form for one in secrets for form in (one, base64.b64encode(one)[:-4], one.hex().encode())}
    return {where for where, kept in everything_kept() if any(form in kept for form in spelled)}


def take_picture(device: Device) -> Capture:
    """As a device gives it, and a worker recognises it."""
    client = Client(headers={"Authorization": f"Device {issue_device_token(device=device)}"})
    picture = SimpleUploadedFile("1.jpg", scenes.jpeg(scenes.portrait_with_cup()))
    assert client.post("/api/v1/captures/", {"image": picture}).status_code == 201
    return recognise(capture_id=Capture.objects.get().pk)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_left_anywhere_of_somebody_who_was_erased(
    staff: Client, owner: User, seattle01: Device, settings: Settings, tmp_path: Path
) -> None:
    # Other tests of this process may have left the same photograph.
    shutil.rmtree(settings.DATA_DIR / "pictures", ignore_errors=True)
    settings.MQTT_URL, settings.MEDIA_ROOT = f"mqtt://127.0.0.1:{free_port()}", tmp_path
    seattle = seattle01.site
    set_policy(site=seattle, mode=Mode.ENROLLED, confirmed_by=owner)
    person = enrol(staff, seattle)
    capture = take_picture(seattle01)
    coffee = Coffee.objects.get(person=person)
    for review in ({"voided": "on", "review_reason": f"Tea, says {NAME}."}, {"review_reason": f"No, {NAME}: coffee."}):
        assert staff.post(f"/admin/faces/coffee/{coffee.pk}/change/", review).status_code == 302
    _, token = create_wall_token(name="Lobby", sites=[seattle], by=owner)
    assert Client().get(f"/wall/t/{token}/seattle/leaderboard/of/1.svg").status_code == 200
    assert "the cache" in holders_of(NAME.encode()), "the wall shows the leaderboard"

    face, picture = Face.objects.get(), storage.read(capture)
    secrets = [NAME.encode(), face.provider_id.encode(), bytes(face.embedding or b""), picture]
    for secret in secrets:
        assert holders_of(secret), f"the search does not find {secret[:40]!r}"
    secrets += [str(capture.image).encode()]
    assert staff.post(f"/admin/faces/person/{person.pk}/delete/", {"post": "yes"}).status_code == 302
    staff.get("/admin/")  # shows, and so forgets, that it was done

    assert Erasure.objects.get().erased_at is not None
    assert holders_of(*secrets) == set()
    assert (Sighting.objects.get().person, Coffee.objects.get().person) == (None, None)
    call_command("check_erasure")
