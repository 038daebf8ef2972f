"""A backup brings everything back, tally by tally and picture by picture, except whoever was erased after it."""

import datetime as dt
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from devices.intake.batches import accept
from devices.models import Device
from devices.reading.decoding import Arrival
from faces.backups import archive
from faces.models import Person
from faces.services import create_person, forget
from tests import clock
from tests.analytics.frames import count, seen
from tests.devices.mqtt.test_ingest import database_url
from tests.faces import scenes
from tests.faces.conftest import TakePicture
from tests.house.files import ROOT
from tests.world import places

pytestmark = pytest.mark.django_db(transaction=True)

CONTENTS = """
import hashlib, json
from django.apps import apps
from django.core.files.storage import default_storage
from analytics.models.archive import ArchivedFile
from faces.models import Capture
def rows(model):
    return hashlib.sha256(repr(list(model._base_manager.order_by("pk").values_list())).encode()).hexdigest()
tables = {model._meta.label: rows(model) for model in apps.get_models()}
names = [*Capture.objects.exclude(image="").values_list("image", flat=True)]
names += ArchivedFile.objects.values_list("file", flat=True)
pictures = {name: hashlib.sha256(default_storage.open(name).read()).hexdigest() for name in names}
print(json.dumps({"tables": tables, "pictures": pictures}))
"""

ARCHIVED = """
from analytics.numbers.archived_facts import read_facts
from devices.models import Device
devices = list(Device.objects.values_list("pk", flat=True))
for kind, columns in (("frames", ["id", "faces"]), ("detections", ["id", "label", "confidence", "box"])):
    print(*read_facts(kind, columns, devices=devices, spans=[(None, None)]), sep="\\n")
"""

CHANGED_BY_A_RESTORE = {"devices.Heartbeat", "django_q.Schedule"}


def manage(environment: dict[str, str], *arguments: str, fails: bool = False) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=250)
    assert (done.returncode != 0) is fails, done.stderr
    return done.stderr if fails else done.stdout


def contents(environment: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(manage(environment, "shell", "--no-imports", "-c", CONTENTS))
    return found


@contextmanager
def another_database(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the environment of a platform with an empty database and folder of its own."""
    own = {"DATA_DIR": str(folder), "SECRET_KEY": "another key of more than fifty characters, as it has to be"}
    if connection.vendor == "sqlite":
        yield own | {"DATABASE_URL": f"sqlite:///{folder}/headcount.sqlite3"}
        return
    where, name = connection.settings_dict, f"restored_{uuid.uuid4().hex}"
    with psycopg.connect(host=where["HOST"], user=where["USER"], dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield own | {"DATABASE_URL": f"postgres://{where['USER']}@{quote(where['HOST'], safe='')}/{name}"}
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def here() -> dict[str, str]:
    """Return the environment of a process that uses the tests' database and folder."""
    return {"DATA_DIR": str(settings.DATA_DIR), "DATABASE_URL": database_url()}


@pytest.fixture
def key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    """A key's file, and its public key."""
    path = tmp_path / "backup.key"
    call_command("backup", path, new_key=True)
    assert path.stat().st_mode & 0o777 == 0o600
    return path, capsys.readouterr().out.strip()


@pytest.fixture
def two_people(seattle01: Device, take_picture: TakePicture) -> list[Person]:
    """Two people, frames with tallies, and a picture."""
    frames = [Arrival(f"$aws/things/{places.SEATTLE01}/infer", b'{"face": 0.9%d}' % n, clock.now()) for n in range(9)]
    accept(frames)
    take_picture(scenes.jpeg(scenes.portrait()))
    return [create_person(site=seattle01.site, name=name, line="") for name in ("Ada", "Grace")]


def test_a_restored_backup_has_every_row_and_every_picture(
    two_people: list[Person], key: tuple[Path, str], tmp_path: Path
) -> None:
    backup = tmp_path / "backup.age"
    call_command("backup", backup, to=key[1])
    # A short word stands in so many random bytes by chance; a thing's name is long enough.
    assert places.SEATTLE01.encode() not in backup.read_bytes()
    with another_database(tmp_path / "other") as other:
        Path(other["DATA_DIR"]).mkdir()
        said = manage(other, "restore", str(backup), "--key", str(key[0]))
        assert said.startswith("Restored the state of ")
        assert (Path(other["DATA_DIR"]) / "restored-secret-key").read_text().strip() == settings.SECRET_KEY
        before, after = contents(here()), contents(other)
        assert before["pictures"] == after["pictures"]
        assert len(before["pictures"]) == 1
        differs = {table for table, rows in before["tables"].items() if after["tables"][table] != rows}
        assert differs <= CHANGED_BY_A_RESTORE


@pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL has a table for each month")
def test_a_restored_backup_has_the_archived_facts(
    two_people: list[Person], seattle01: Device, key: tuple[Path, str], tmp_path: Path, settings: Any
) -> None:
    settings.FRAME_RETENTION_DAYS, settings.FACTS_IN_DATABASE_DAYS = 7305, 365
    count(seen(seattle01, clock.NOW - dt.timedelta(days=900), faces=[0.9], labels=[("cup", 0.5)]))
    call_command("archive_facts")
    backup, erasures = tmp_path / "backup.age", tmp_path / "erasures.json"
    call_command("backup", backup, to=key[1])
    forget(person=two_people[0], by=None)
    call_command("backup", erasures, erasures=True)
    with another_database(tmp_path / "other") as other:
        Path(other["DATA_DIR"]).mkdir()
        manage(other, "restore", str(backup), "--key", str(key[0]), "--erasures", str(erasures))
        before, after = (manage(where, "shell", "--no-imports", "-c", ARCHIVED) for where in (here(), other))
        assert after == before
        assert "'cup', 0.5" in after


def test_who_was_erased_after_the_backup_is_erased_again(
    two_people: list[Person], key: tuple[Path, str], tmp_path: Path
) -> None:
    backup, erasures = tmp_path / "backup.age", tmp_path / "erasures.json"
    call_command("backup", backup, to=key[1])
    ada = two_people[0].pk
    forget(person=two_people[0], by=None)
    call_command("backup", erasures, erasures=True)
    assert json.loads(erasures.read_text()) == [ada]
    with another_database(tmp_path / "other") as other:
        Path(other["DATA_DIR"]).mkdir()
        said = manage(other, "restore", str(backup), "--key", str(key[0]), "--erasures", str(erasures))
        assert "1 people who were erased after the backup are erased again." in said
        # A second restore takes the erasures from the database that it replaces.
        refused = manage(other, "restore", str(backup), "--key", str(key[0]), fails=True)
        assert "The database is not empty. Add --replace" in refused
        again = manage(other, "restore", str(backup), "--key", str(key[0]), "--replace")
        assert "1 people who were erased after the backup are erased again." in again
        names = "from faces.models import Person; print(*Person.objects.values_list('name', flat=True))"
        assert manage(other, "shell", "--no-imports", "-c", names).split() == ["Grace"]


@pytest.mark.parametrize("damage", ["cut", "changed", "another key", "another file", "newer"])
def test_a_backup_that_cannot_be_used_is_refused_before_anything_changes(
    damage: str, two_people: list[Person], key: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = tmp_path / "backup.age"
    if damage == "newer":
        migrations = {("devices", "9999_of_the_future"): clock.now()}
        monkeypatch.setattr("faces.backups.archive.MigrationRecorder.applied_migrations", lambda recorder: migrations)
    call_command("backup", backup, to=key[1])
    content = backup.read_bytes()
    if damage == "cut":
        backup.write_bytes(content[: len(content) // 2])
    elif damage == "changed":
        backup.write_bytes(content[:-9] + b"123456789")
    elif damage == "another file":
        backup.write_bytes(b"no backup" * 100)
    elif damage == "another key":
        key[0].write_text(archive.new_key()[0])
    with pytest.raises(CommandError) as error:
        call_command("restore", backup, key=key[0], replace=True)
    assert "\n" not in str(error.value)
    assert ("newer than this one" in str(error.value)) is (damage == "newer")
    assert Person.objects.count() == 2


def test_a_backup_that_fails_leaves_no_file(two_people: list[Person], key: tuple[Path, str], tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is no public key of age"):
        call_command("backup", tmp_path / "backup.age", to="age1nonsense")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("backup", tmp_path / "no folder" / "backup.age", to=key[1])
    assert {path.name for path in tmp_path.iterdir()} == {"backup.key"}
