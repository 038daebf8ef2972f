"""What an upgrade does with what an earlier version left."""

import datetime as dt
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from pytest_django import Settings

from devices.models import Device, FormerIdentity, PastRecord, Site
from devices.services import register_device
from tests import clock
from tests.world.upgrades import created, migrate, models_at, using

UPLOADS = [("devices", "0008_uploads_tell_what_they_show"), ("django_q", "0016_schedule_intended_date_kwarg")]
NO_UPLOADS = [("devices", "0009_pictures_come_in_one_request")]
BEFORE_IDENTITIES = [("devices", "0010_past_records_count_once")]
IDENTITIES = [("devices", "0011_former_identities")]
BEFORE_THINGS = [("devices", "0016_pictures_in_quarantine")]
FIRST = clock.NOW - dt.timedelta(days=400)

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_installation_of_an_early_version_is_brought_up_to_date(
    settings: Settings, tmp_path: Path, set_clock: clock.SetClock
) -> None:
    """One database goes through all versions, as the way takes ten seconds, and the way back twice as long."""
    settings.MEDIA_ROOT = tmp_path / "pictures"
    set_clock(clock.NOW)
    with created(tmp_path) as name, using(name):
        migrate(UPLOADS)
        begin_uploads()
        migrate(NO_UPLOADS)
        check_that_nothing_stays_of_uploads()

        models_at(NO_UPLOADS).get_model("devices", "Device").objects.all().delete()
        migrate(IDENTITIES)
        assert not FormerIdentity.objects.exists(), "without devices, no fact has a former identity"
        migrate(BEFORE_IDENTITIES)
        add_devices()
        migrate(IDENTITIES)
        until = clock.NOW + dt.timedelta(hours=1)
        assert list(FormerIdentity.objects.values_list("version", "until")) == [(1, until)]

        migrate(BEFORE_THINGS)
        describe_devices()
        migrate()
        check_that_each_device_is_a_thing_that_has_always_been_at_its_place()


def begin_uploads() -> None:
    models = models_at(UPLOADS)
    site = models.get_model("devices", "Site").objects.create(name="Bergen", slug="bergen", timezone="Europe/Oslo")
    device = models.get_model("devices", "Device").objects.create(site=site, name="Bergen01", thing_name="bergen-1")
    default_storage.save("uploads/one.jpg", ContentFile(b"half of a picture"))
    for name in ("uploads/one.jpg", "uploads/nothing has come of it.jpg"):
        models.get_model("devices", "Upload").objects.create(
            device=device, key=len(name), name=name, size=9, taken_at=clock.NOW, expires_at=clock.NOW
        )
    schedules = models.get_model("django_q", "Schedule").objects
    schedules.create(name="tidy", func="devices.tasks.tidy_uploads", schedule_type="I")


def check_that_nothing_stays_of_uploads() -> None:
    assert default_storage.listdir("uploads")[1] == []
    assert "devices_upload" not in connection.introspection.table_names()
    schedules = models_at(UPLOADS).get_model("django_q", "Schedule").objects
    assert not schedules.filter(func="devices.tasks.tidy_uploads").exists()


def add_devices() -> None:
    models = models_at(BEFORE_IDENTITIES)
    site = models.get_model("devices", "Site").objects.create(name="Oslo", slug="oslo", timezone="Europe/Oslo")
    devices = models.get_model("devices", "Device").objects
    devices.create(site=site, name="Gone", thing_name="gone").delete()
    for number in (1, 2):
        devices.create(site=site, name=f"Oslo0{number}", thing_name=f"oslo-{number}")


def describe_devices() -> None:
    models = models_at(BEFORE_THINGS)
    devices = models.get_model("devices", "Device").objects
    for number in (1, 2):
        device = devices.get(name=f"Oslo0{number}")
        devices.filter(pk=device.pk).update(
            created_at=FIRST,
            token_digest=f"digest {number}",
            clock_timezone="Europe/Oslo",
            desired_config={"cadence": number},
            config_unsent_since=FIRST,
        )
        models.get_model("devices", "DeviceState").objects.create(device=device, software=f"software {number}")
        models.get_model("devices", "PastRecord").objects.create(device=device, key=number, read_at=FIRST)


def check_that_each_device_is_a_thing_that_has_always_been_at_its_place() -> None:
    for number in (1, 2):
        device = Device.objects.select_related("thing__state").get(name=f"Oslo0{number}")
        thing = device.thing
        assert (device.thing_name, device.since, device.until) == (f"oslo-{number}", None, None)
        assert (thing.token_digest, thing.clock_timezone, thing.desired_config, thing.config_unsent_since) == (
            f"digest {number}",
            "Europe/Oslo",
            {"cadence": number},
            FIRST,
        )
        assert (thing.created_at, thing.state.software) == (FIRST, f"software {number}")
        assert PastRecord.objects.get(key=number).thing == thing
    site = Site.objects.get(slug="oslo")
    assert register_device(site=site, name="Oslo03", thing_name="oslo-3").thing.pk > thing.pk
