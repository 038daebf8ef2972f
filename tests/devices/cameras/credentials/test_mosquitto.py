"""Each thing has its own user at a real Mosquitto, may use its own topics alone, and is refused once it has left."""

import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pytest_django import Settings

from devices import health, services
from devices.cameras.credentials import issuing
from devices.models import BrokerCredentials, Device, Site
from devices.mqtt.assignments import all_messages
from devices.mqtt.broker import Subscription
from devices.mqtt.ingester import Ingester
from devices.mqtt.suspects import Suspects
from tests import clock
from tests.house.files import ROOT
from tests.programs.brokers import Mosquitto, mosquitto
from tests.programs.waiting import PATIENCE_S, eventually
from tests.world import places

pytestmark = [pytest.mark.real_clock, pytest.mark.once, pytest.mark.django_db(transaction=True)]

PASSWORD = "the platform's own"
WITHIN = 20.0
"""Seconds within which a broker answers, also on a busy machine."""

PLUGIN = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)
RIGHTS = (("publishClientSend", "cmd/headcount/#"), ("subscribePattern", "$aws/things/+/infer"))
"""The rights that these tests need, of those that docs/edge-agent.md has the administrator give to the platform."""


def secured(folder: Path, state: Path) -> AbstractContextManager[Mosquitto]:
    """Return a broker with the plugin, configured as docs/edge-agent.md says."""
    assert PLUGIN is not None, "Debian's package mosquitto has the plugin"
    return mosquitto(folder, f"allow_anonymous false\nplugin {PLUGIN}\nplugin_opt_config_file {state}")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's state after the commands of docs/edge-agent.md, of which each takes ten seconds."""
    folder = tmp_path_factory.mktemp("prepared")
    state = folder / "dynamic-security.json"
    control = ["mosquitto_ctrl", "dynsec", "init", str(state), "platform", PASSWORD]
    subprocess.run(control, check=True, capture_output=True)
    with secured(folder / "broker", state) as running:
        access = ["-h", running.host, "-p", str(running.port), "-u", "platform", "-P", PASSWORD]
        for right in RIGHTS:
            command = ["mosquitto_ctrl", *access, "dynsec", "addRoleACL", "admin", *right, "allow"]
            subprocess.run(command, check=True, capture_output=True)
        running.stop()
    return state


@pytest.fixture
def broker(tmp_path: Path, prepared: Path, settings: Settings) -> Iterator[Mosquitto]:
    state = tmp_path / prepared.name
    shutil.copy(prepared, state)
    with secured(tmp_path / "broker", state) as running:
        settings.MQTT_URL = f"mqtt://platform:the%20platform's%20own@{running.host}:{running.port}"
        settings.DEVICES_MQTT_URL = running.url
        settings.DEVICE_CREDENTIALS = "mosquitto"
        yield running


def issue(device: Device) -> issuing.Credentials:
    issued = issuing.issue(thing_name=device.thing_name, thing_pk=device.thing.pk)
    assert issued is not None
    return issued


class Client:
    """A device's client at the broker, which records what the broker answers."""

    def __init__(self, broker: Mosquitto, name: str, credentials: issuing.Credentials) -> None:
        self.connected, self.ended = threading.Event(), threading.Event()
        self.refusal = ""
        self.answers: list[Any] = []
        self.received: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.answered = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv5)
        self._client.username_pw_set(credentials.username, credentials.password)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self.ended.set()
        self._client.on_publish = self._on_answer
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = lambda client, data, message: self.received.put(message.topic)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.refusal = str(reason)
            self.ended.set()
        else:
            self.connected.set()

    def _on_answer(self, client: Any, data: Any, packet_id: Any, reason: Any, properties: Any) -> None:
        self.answers.append(reason)
        self.answered.set()

    def _on_subscribe(self, client: Any, data: Any, packet_id: Any, reasons: Any, properties: Any) -> None:
        self.answers += reasons
        self.answered.set()

    def may_publish(self, topic: str) -> bool:
        self.answered.clear()
        self._client.publish(topic, b"{}", qos=1)
        assert self.answered.wait(WITHIN)
        return not self.answers[-1].is_failure

    def may_subscribe(self, topic: str) -> bool:
        self.answered.clear()
        self._client.subscribe(topic, qos=1)
        assert self.answered.wait(WITHIN)
        return not self.answers[-1].is_failure

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def client(broker: Mosquitto, name: str, credentials: issuing.Credentials) -> Iterator[Client]:
    opened = Client(broker, name, credentials)
    try:
        yield opened
    finally:
        opened.close()


def test_the_page_gives_the_platform_the_rights_of_the_access_list() -> None:
    commands = (ROOT / "docs" / "edge-agent.md").read_text()
    of_platform = (ROOT / "deploy" / "mosquitto" / "headcount.acl").read_text().partition("user headcount\n")[2]
    topics = re.findall(r"^topic (?:write|readwrite) (\S+)$", of_platform, re.MULTILINE)
    assert "dt/headcount/#" in topics
    # Of the devices' topics the platform writes only its own message to itself.
    written = {"dt/headcount/+/loopback" if topic == "dt/headcount/#" else topic for topic in topics}
    rights = {*RIGHTS, *(("publishClientSend", topic) for topic in written)}
    assert rights == set(re.findall(r"addRoleACL admin (\w+) '(\S+)' allow", commands))


def test_a_thing_may_use_its_own_topics_and_no_others(broker: Mosquitto, seattle01: Device) -> None:
    thing = seattle01.thing_name
    with client(broker, thing, issue(seattle01)) as device:
        assert device.connected.wait(WITHIN), device.refusal
        assert device.may_publish(f"dt/headcount/{thing}/frames")
        assert device.may_publish(f"$aws/things/{thing}/infer")
        assert device.may_subscribe(f"cmd/headcount/{thing}/receipt")
        assert not device.may_publish("dt/headcount/another/frames")
        assert not device.may_publish("$aws/things/another/infer")
        assert not device.may_subscribe("dt/headcount/#")
        assert not device.may_subscribe("cmd/headcount/another/receipt")


def test_an_ingester_that_the_broker_refuses_the_subscription_is_not_well(
    broker: Mosquitto, seattle01: Device, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = issue(seattle01)
    url = f"mqtt://{quote(given.username)}:{quote(given.password)}@{broker.host}:{broker.port}"
    subscription = Subscription(url, all_messages(seattle01.thing_name), first_sequence=1, clock=clock.now)
    subscription.start()
    stop = threading.Event()
    try:
        assert eventually(lambda: "refused the subscription to dt/headcount/+/+" in caplog.text)
        threading.Timer(0.1, stop.set).start()
        Ingester(subscription, stop, suspects=Suspects(tmp_path, "refused")).run()
    finally:
        subscription.stop()
    (line,) = (each for each in health.report(clock.now()) if each.part.startswith("ingest"))
    assert not line.well
    assert "the broker refuses the subscription: check its access rules" in line.text


def test_the_platform_receives_what_a_thing_publishes_and_answers(
    broker: Mosquitto, seattle01: Device, settings: Settings
) -> None:
    thing = seattle01.thing_name
    platform = Subscription(settings.MQTT_URL, all_messages("tests"), first_sequence=0, clock=clock.now)
    platform.start()
    try:
        assert platform.subscribed.wait(PATIENCE_S)
        with client(broker, thing, issue(seattle01)) as device:
            assert device.connected.wait(WITHIN), device.refusal
            assert device.may_subscribe(f"cmd/headcount/{thing}/receipt")
            for topic in (f"dt/headcount/{thing}/frames", f"$aws/things/{thing}/infer"):
                assert device.may_publish(topic)
                (taken,) = platform.take(1, timeout_s=WITHIN)
                assert taken.arrival.topic == topic
            platform.publish([(f"cmd/headcount/{thing}/receipt", b"{}")])
            assert device.received.get(timeout=WITHIN) == f"cmd/headcount/{thing}/receipt"
    finally:
        platform.stop()


def test_new_credentials_end_the_former_ones(broker: Mosquitto, seattle01: Device) -> None:
    former, new = issue(seattle01), issue(seattle01)
    with client(broker, seattle01.thing_name, former) as device:
        assert device.ended.wait(WITHIN)
        assert "Not authorized" in device.refusal
    with client(broker, seattle01.thing_name, new) as device:
        assert device.connected.wait(WITHIN)


def test_a_retired_thing_is_disconnected_and_refused(broker: Mosquitto, seattle01: Device) -> None:
    credentials = issue(seattle01)
    with client(broker, seattle01.thing_name, credentials) as device:
        assert device.connected.wait(WITHIN)
        services.retire_device(device=seattle01, at=clock.now())
        assert issuing.end_unused() == 1
        assert device.ended.wait(WITHIN)
    with client(broker, seattle01.thing_name, credentials) as device:
        assert device.ended.wait(WITHIN)
        assert "Not authorized" in device.refusal
    assert not BrokerCredentials.objects.exists()


def test_a_thing_that_moves_keeps_its_credentials(broker: Mosquitto, seattle01: Device, chicago: Site) -> None:
    credentials = issue(seattle01)
    services.move_device(device=seattle01, site=chicago, name="Chicago09", at=clock.now())
    assert issuing.end_unused() == 0
    with client(broker, seattle01.thing_name, credentials) as device:
        assert device.connected.wait(WITHIN), device.refusal


def test_credentials_end_later_where_the_broker_is_away(broker: Mosquitto, seattle01: Device) -> None:
    issue(seattle01)
    services.retire_device(device=seattle01, at=clock.now())
    broker.stop()
    assert issuing.end_unused() == 0
    broker.start()
    assert issuing.end_unused() == 1


def test_a_broker_without_the_plugin_is_told_in_one_sentence(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = places.seattle01()
    monkeypatch.setattr("devices.mqtt.broker.TIMEOUT_S", 0.5)
    settings.DEVICE_CREDENTIALS = "mosquitto"
    with mosquitto(tmp_path / "plain") as plain:
        settings.MQTT_URL = plain.url
        with pytest.raises(issuing.CredentialsUnavailable, match="Nothing at the broker answered"):
            issue(device)
    assert not BrokerCredentials.objects.exists()
