"""What an upgrade does with what an earlier version left."""

import datetime as dt
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_q.models import Schedule
from pytest_django import Settings

from devices.models import Device, FormerIdentity
from tests import clock, places

BEFORE, AFTER = "0008_uploads_tell_what_they_show", "0009_pictures_come_in_one_request"


@pytest.mark.django_db(transaction=True)
def test_of_uploads_that_an_earlier_version_began_nothing_stays(
    seattle01: Device, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    past = MigrationExecutor(connection)
    past.migrate([("devices", BEFORE)])
    uploads = past.loader.project_state([("devices", BEFORE)]).apps.get_model("devices", "Upload").objects
    default_storage.save("uploads/one.jpg", ContentFile(b"half of a picture"))
    for name in ("uploads/one.jpg", "uploads/nothing has come of it.jpg"):
        now = clock.now()
        uploads.create(device_id=seattle01.pk, key=len(name), name=name, size=9, taken_at=now, expires_at=now)
    Schedule.objects.create(name="tidy", func="devices.tasks.tidy_uploads", schedule_type="I")
    MigrationExecutor(connection).migrate([("devices", AFTER)])
    assert default_storage.listdir("uploads")[1] == []
    assert "devices_upload" not in connection.introspection.table_names()
    assert not Schedule.objects.filter(func="devices.tasks.tidy_uploads").exists()
    migrate_to_today()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_devices", [True, False])
def test_an_installation_with_devices_notes_until_when_its_facts_have_their_former_identity(
    has_devices: bool, set_clock: clock.SetClock
) -> None:
    MigrationExecutor(connection).migrate([("devices", AFTER)])
    if has_devices:
        places.seattle01()
    set_clock(clock.NOW)
    migrate_to_today()
    noted = FormerIdentity.objects.values_list("version", "until")
    assert list(noted) == [(1, clock.NOW + dt.timedelta(hours=1))] * has_devices


def migrate_to_today() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
