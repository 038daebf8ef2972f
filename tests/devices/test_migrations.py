"""What an upgrade does with what an earlier version left."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_q.models import Schedule
from pytest_django import Settings

from devices.models import Device, FormerIdentity, PastRecord, Site
from devices.services import register_device
from tests import clock

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
        models = state_at(AFTER)
        site = models.get_model("devices", "Site").objects.create(name="Oslo", slug="oslo", timezone="Europe/Oslo")
        models.get_model("devices", "Device").objects.create(site=site, name="Oslo01", thing_name="oslo-1")
    set_clock(clock.NOW)
    migrate_to_today()
    noted = FormerIdentity.objects.values_list("version", "until")
    assert list(noted) == [(1, clock.NOW + dt.timedelta(hours=1))] * has_devices


LAST_OF_DEVICES = "0016_pictures_in_quarantine"


@pytest.mark.django_db(transaction=True)
def test_each_device_becomes_a_thing_that_has_always_been_at_its_place() -> None:
    MigrationExecutor(connection).migrate([("devices", LAST_OF_DEVICES)])
    models = state_at(LAST_OF_DEVICES)
    site = models.get_model("devices", "Site").objects.create(name="Oslo", slug="oslo", timezone="Europe/Oslo")
    devices = models.get_model("devices", "Device").objects
    devices.create(site=site, name="Gone", thing_name="gone").delete()
    first = clock.NOW - dt.timedelta(days=400)
    for number in (1, 2):
        device = devices.create(
            site=site,
            name=f"Oslo0{number}",
            thing_name=f"oslo-{number}",
            token_digest=f"digest {number}",
            clock_timezone="Europe/Oslo",
            desired_config={"cadence": number},
            config_unsent_since=first,
        )
        devices.filter(pk=device.pk).update(created_at=first)
        models.get_model("devices", "DeviceState").objects.create(device=device, software=f"software {number}")
        models.get_model("devices", "PastRecord").objects.create(device=device, key=number, read_at=first)
    migrate_to_today()
    for number in (1, 2):
        device = Device.objects.select_related("thing__state").get(name=f"Oslo0{number}")
        thing = device.thing
        assert (device.thing_name, device.since, device.until) == (f"oslo-{number}", None, None)
        assert (thing.token_digest, thing.clock_timezone, thing.desired_config, thing.config_unsent_since) == (
            f"digest {number}",
            "Europe/Oslo",
            {"cadence": number},
            first,
        )
        assert (thing.created_at, thing.state.software) == (first, f"software {number}")
        assert PastRecord.objects.get(key=number).thing == thing
    assert register_device(site=Site.objects.get(), name="Oslo03", thing_name="oslo-3").thing.pk > thing.pk


def state_at(migration: str) -> Any:
    """Return the models of the devices as they were after this migration."""
    return MigrationExecutor(connection).loader.project_state([("devices", migration)]).apps


def migrate_to_today() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
