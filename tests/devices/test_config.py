"""A device's settings: edited in the admin, retained at the broker, reported back in the device's status."""

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from devices import services, tasks
from devices.intake.batches import accept
from devices.models import Device, Thing
from devices.mqtt import settings as device_settings
from devices.mqtt.broker import BrokerUnavailable
from devices.mqtt.settings import things_to_configure
from devices.reading.decoding import Arrival
from edge_agent import messages
from tests import clock
from tests.edge_agent.platforms import platform
from tests.programs.brokers import Mosquitto, mosquitto
from tests.programs.waiting import eventually
from tests.world import places

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 20, 20, 0, tzinfo=dt.UTC)
CONFIG = messages.topic_to_device(places.SEATTLE01, "config")
IN_FORCE = messages.Settings(("faces",), 2.0, 0.6, 0.5, 0.35, 0.6, 4.0, 10.0, "frame", 0.6)


def change(user: User, device: Device, **settings: Any) -> str:
    """The admin's answer to this change."""
    client = Client()
    client.force_login(user)
    identity = {"site": device.site_id, "name": device.name, "thing_name": device.thing_name, "clock_timezone": "UTC"}
    page = f"/admin/devices/device/{device.pk}/change/"
    return client.post(page, identity | settings, follow=True).content.decode()


def report(device: Device, status: messages.Status) -> None:
    topic = messages.topic_from_device(device.thing_name, "status")
    accept([Arrival(topic, messages.encode(status), clock.now())])


def test_settings_of_the_admin_reach_a_device_that_comes_later(
    tmp_path: Path,
    settings: Settings,
    superuser: User,
    seattle01: Device,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with mosquitto(tmp_path) as broker:
        settings.MQTT_URL = broker.url
        with django_capture_on_commit_callbacks(execute=True):
            change(superuser, seattle01, detectors=["faces", "objects"], cadence="5", picture="crop")
        with platform(broker, confirms=False, topics=CONFIG) as device:
            assert eventually(lambda: len(device.received) == 1)
            told = messages.decode_settings(device.received[0][1])
            assert told == messages.DesiredSettings(detectors=("faces", "objects"), cadence=5.0, picture="crop")
            with django_capture_on_commit_callbacks(execute=True):
                change(superuser, seattle01)
            assert eventually(lambda: device.received[-1][1] == b"{}")
        # A device that was away learns it too.
        with platform(broker, confirms=False, topics=CONFIG) as later:
            assert eventually(lambda: [payload for _, payload in later.received] == [b"{}"])
    seattle01.refresh_from_db()
    assert seattle01.thing.config_unsent_since is None
    assert seattle01.thing.desired_config == {}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"cadence": "0"}, "This must be a number above 0."),
        ({"face_threshold": "60"}, "This must be a number of at most 1."),
        ({"countdown": "soon"}, "Enter a number."),
        ({"detectors": ["noses"]}, "noses is not one of the available choices."),
    ],
)
def test_what_the_device_would_refuse_is_refused_at_its_field(
    superuser: User, seattle01: Device, given: dict[str, Any], sentence: str
) -> None:
    assert sentence in change(superuser, seattle01, **given)
    seattle01.refresh_from_db()
    assert seattle01.thing.desired_config == {}


def test_settings_that_the_broker_did_not_take_are_sent_once_it_does(
    tmp_path: Path,
    settings: Settings,
    superuser: User,
    seattle01: Device,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    broker = Mosquitto(tmp_path)
    settings.MQTT_URL = broker.url
    with django_capture_on_commit_callbacks(execute=True):
        change(superuser, seattle01, cadence="5")
    seattle01.refresh_from_db()
    assert seattle01.thing.desired_config == {"cadence": 5.0}
    with pytest.raises(BrokerUnavailable, match="cannot be reached"):
        device_settings.send_config(thing=seattle01.thing)
    assert tasks.send_missing_settings() == 0
    client = Client()
    client.force_login(superuser)
    action = {"action": "send_settings", "_selected_action": [seattle01.pk]}
    page = client.post("/admin/devices/device/", action, follow=True).content.decode()
    assert "are saved, but could not be sent yet. Headcount tries every minute. The broker at 127.0.0.1" in page
    shown = client.get(f"/admin/devices/device/{seattle01.pk}/change/").content.decode()
    assert "UTC could not be sent to the broker yet. They are tried again every minute." in shown
    broker.start()
    try:
        assert tasks.send_missing_settings() == 1
        with platform(broker, confirms=False, topics=CONFIG) as device:
            assert eventually(lambda: [payload for _, payload in device.received] == [b'{"cadence":5.0}'])
        assert tasks.send_missing_settings() == 0
    finally:
        broker.kill()


def test_settings_that_changed_while_they_were_sent_are_sent_again(
    tmp_path: Path, settings: Settings, seattle01: Device
) -> None:
    services.configure_device(device=seattle01, settings=messages.DesiredSettings(cadence=5.0), now=NOW)
    stale = Thing.objects.get()
    later = NOW + dt.timedelta(seconds=1)
    services.configure_device(device=seattle01, settings=messages.DesiredSettings(cadence=6.0), now=later)
    with mosquitto(tmp_path) as broker:
        settings.MQTT_URL = broker.url
        device_settings.send_config(thing=stale)
        assert things_to_configure() == [seattle01.thing]
        assert tasks.send_missing_settings() == 1
    assert things_to_configure() == []


def test_settings_that_the_broker_refuses_keep_no_others_waiting(
    tmp_path: Path, settings: Settings, seattle01: Device, chicago01: Device
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic write {messages.topic_to_device(chicago01.thing_name, 'config')}\n")
    for device in (seattle01, chicago01):
        services.configure_device(device=device, settings=messages.DesiredSettings(cadence=5.0), now=NOW)
    with mosquitto(tmp_path / "mosquitto", f"acl_file {acl}") as broker:
        settings.MQTT_URL = broker.url
        assert tasks.send_missing_settings() == 1
    assert things_to_configure() == [seattle01.thing]


def test_settings_of_many_devices_are_sent_in_parts(
    tmp_path: Path, settings: Settings, seattle01: Device, chicago01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_settings, "AT_ONCE", 1)
    for device in (seattle01, chicago01):
        services.configure_device(device=device, settings=messages.DesiredSettings(cadence=5.0), now=NOW)
    with mosquitto(tmp_path) as broker:
        settings.MQTT_URL = broker.url
        assert [tasks.send_missing_settings() for _ in range(3)] == [1, 1, 0]


def test_a_device_that_lives_by_other_settings_is_told_again_unless_it_said_why(seattle01: Device) -> None:
    desired = messages.DesiredSettings(cadence=5.0)
    services.configure_device(device=seattle01, settings=desired, now=NOW)
    Thing.objects.update(config_unsent_since=None)
    assert things_to_configure() == []
    report(seattle01, messages.Status(True, 17, settings=IN_FORCE))
    assert things_to_configure() == [seattle01.thing]
    report(seattle01, messages.Status(True, 17, settings=IN_FORCE, settings_error="There is no camera."))
    assert things_to_configure() == []
    report(seattle01, messages.Status(True, 17, settings=IN_FORCE))
    report(seattle01, messages.Status(False))
    assert things_to_configure() == []
    report(seattle01, messages.Status(True, 17, settings=msgspec.structs.replace(IN_FORCE, cadence=5.0)))
    assert things_to_configure() == []


def test_the_admin_shows_desired_against_reported(superuser: User, seattle01: Device) -> None:
    client = Client()
    client.force_login(superuser)
    page = f"/admin/devices/device/{seattle01.pk}/change/"
    assert "has not reported any settings yet" in client.get(page).content.decode()
    desired = messages.DesiredSettings(cadence=2.0, cooldown=60.0)
    services.configure_device(device=seattle01, settings=desired, now=NOW)
    report(seattle01, messages.Status(True, 17, settings=IN_FORCE, settings_error="No <noses>."))
    shown = client.get(page).content.decode()
    assert "<tr><th>cadence</th><td>2.0</td><td>2.0</td><td>in force</td></tr>" in shown
    assert "<tr><th>cooldown</th><td>60.0</td><td>10.0</td><td>not in force</td></tr>" in shown
    assert "<tr><th>detectors</th><td>as on the device</td><td>faces</td><td></td></tr>" in shown
    assert "No &lt;noses&gt;." in shown
    assert 'name="cooldown" value="60.0"' in shown


def test_a_report_changes_with_each_status_and_a_last_will_keeps_it(seattle01: Device) -> None:
    report(seattle01, messages.Status(True, 17, settings=IN_FORCE, settings_error="no sense"))
    report(seattle01, messages.Status(False))
    state = Device.objects.get(pk=seattle01.pk).thing.state
    assert state.reported_config is not None
    assert state.reported_config["cadence"] == 2.0
    assert state.reported_config["detectors"] == ["faces"]
    assert state.config_error == "no sense"
    report(seattle01, messages.Status(True, 17, settings=IN_FORCE))
    state.refresh_from_db()
    assert state.config_error == ""


def test_an_agent_that_reports_nothing_is_no_trouble(seattle01: Device) -> None:
    report(seattle01, messages.Status(True, 17))
    assert Device.objects.get(pk=seattle01.pk).thing.state.reported_config is None


def test_two_agents_with_one_name_are_told_of_it(tmp_path: Path, settings: Settings, seattle01: Device) -> None:
    for instance, minute in (("a", 1), ("b", 2), ("a", 3)):
        at = clock.now() + dt.timedelta(minutes=minute)
        status = messages.Status(True, round(at.timestamp() * 1000), instance=instance)
        accept([Arrival(messages.topic_from_device(places.SEATTLE01, "status"), messages.encode(status), at)])
    with mosquitto(tmp_path) as broker:
        settings.MQTT_URL = broker.url
        with platform(broker, confirms=False, topics="cmd/headcount/#") as device:
            assert tasks.warn_of_shared_names() == 1
            warning = (messages.topic_to_device(places.SEATTLE01, "receipt"), b'{"ids":[],"name_is_shared":true}')
            assert eventually(lambda: device.received == [warning])
