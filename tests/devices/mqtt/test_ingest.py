"""From a real broker into the real database: nothing lost, nothing twice, acknowledged after the commit."""

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import paho.mqtt.client as paho
import pytest
from django.db import OperationalError, connection
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from analytics.models import EngagementQuarter, Frame
from devices.intake import batches, redelivery
from devices.models import Device, DeviceLog, QuarantinedMessage, Reason
from devices.mqtt import assignments, broker, ingester
from devices.mqtt.suspects import Suspects
from edge_agent import messages
from tests import clock
from tests.programs.brokers import Mosquitto, mosquitto
from tests.programs.waiting import PATIENCE_S, eventually
from tests.world import places

ROOT = Path(__file__).resolve().parents[3]
KILLS = 3
INFER = f"$aws/things/{places.CHICAGO01}/infer"
EVERYTHING = assignments.all_messages("tests")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mqtt(tmp_path: Path, settings: Any) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "mosquitto", "max_inflight_messages 0") as running:
        settings.MQTT_URL = running.url
        yield running


@contextmanager
def peer(mqtt: Mosquitto, *topics: str) -> Iterator[tuple[paho.Client, list[paho.MQTTMessage]]]:
    """A client of the broker, connected and subscribed, with what it has received."""
    heard: list[paho.MQTTMessage] = []
    ready = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
    client.on_message = lambda _client, _data, message: heard.append(message)

    def subscribe(*_: object) -> None:
        for topic in topics:
            client.subscribe(topic, 1)
        if not topics:
            ready.set()

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: ready.set()
    client.connect(mqtt.host, mqtt.port)
    client.loop_start()
    assert ready.wait(PATIENCE_S)
    try:
        yield client, heard
    finally:
        client.disconnect()
        client.loop_stop()


def subscribed(mqtt: Mosquitto, assignment: assignments.Assignment = EVERYTHING) -> broker.Subscription:
    """A session that the broker keeps messages for, if the assignment says so."""
    first = redelivery.next_sequence(assignment.client_id)
    subscription = broker.Subscription(mqtt.url, assignment, first_sequence=first, clock=clock.now)
    subscription.start()
    assert subscription.subscribed.wait(PATIENCE_S)
    return subscription


@contextmanager
def ingesting(mqtt: Mosquitto, assignment: assignments.Assignment = EVERYTHING) -> Iterator[broker.Subscription]:
    """One ingester's loop in a thread of this process, on this test's database."""
    stop = threading.Event()
    subscription = subscribed(mqtt, assignment)

    def run() -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                suspects = Suspects(Path(folder), assignment.lasting_name)
                ingester.Ingester(subscription, stop, suspects=suspects).run()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield subscription
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        subscription.stop()


def publish(client: paho.Client, topic: str, payload: bytes) -> None:
    client.publish(topic, payload, qos=1).wait_for_publish(PATIENCE_S)


def frame_message(number: int) -> bytes:
    now = clock.epoch_ms()
    frame = messages.Frame(taken_at=now - number, faces=(messages.Face(0.9),))
    return messages.encode(messages.Frames(id=f"m{number}", frames=(frame,)))


def test_an_agents_message_is_committed_and_then_answered_with_a_receipt(mqtt: Mosquitto, seattle01: Device) -> None:
    topic = messages.topic_from_device(places.SEATTLE01, "frames")
    with ingesting(mqtt), peer(mqtt, messages.topic_to_device(places.SEATTLE01, "receipt")) as (client, heard):
        publish(client, topic, frame_message(1))
        assert eventually(lambda: bool(heard))
        assert json.loads(heard[0].payload) == {"ids": ["m1"]}
        assert Frame.objects.count() == 1


def test_an_ingester_that_starts_knows_the_devices_so_its_first_draft_holds(
    mqtt: Mosquitto, seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts: list[batches.Draft] = []
    draft = batches.draft

    def noted(*asked: Any) -> batches.Draft:
        drafts.append(draft(*asked))
        return drafts[-1]

    monkeypatch.setattr(batches, "draft", noted)
    with ingesting(mqtt), peer(mqtt) as (client, _):
        publish(client, messages.topic_from_device(places.SEATTLE01, "frames"), frame_message(1))
        assert eventually(Frame.objects.exists)
    assert len(drafts) == 1


def test_odd_messages_are_quarantined_and_the_ingester_goes_on(mqtt: Mosquitto, chicago01: Device) -> None:
    odd = [b"\xff\xfe", b'{"face": NaN}', b'{"fa', b'{"image_string": "/9j/4AAQ"}', b"[" * 50_000, b"x" * 132_000]
    with ingesting(mqtt), peer(mqtt) as (client, _):
        for payload in odd:
            publish(client, INFER, payload)
        publish(client, "dt/headcount/nobody/frames", frame_message(1))
        publish(client, "dt/headcount/nobody/\u200bnonsense", b"{}")
        publish(client, INFER, b'{"face": 0.5}')
        assert eventually(lambda: Frame.objects.count() == 1)
        assert eventually(lambda: QuarantinedMessage.objects.count() == len(odd) + 2)


def test_messages_published_while_the_ingester_is_away_are_kept_for_it(mqtt: Mosquitto, chicago01: Device) -> None:
    with ingesting(mqtt):
        pass
    with peer(mqtt) as (client, _):
        for number in range(20):
            publish(client, INFER, b"line %d" % number)
    with ingesting(mqtt):
        assert eventually(lambda: DeviceLog.objects.count() == 20)


def test_a_large_backlog_is_committed_and_acknowledged_whole_on_one_connection(
    mqtt: Mosquitto, chicago01: Device
) -> None:
    keep_a_session(mqtt, EVERYTHING)
    backlog = 3 * redelivery.RECEIVE_MAXIMUM
    with peer(mqtt) as (client, _):
        for number in range(backlog):
            last = client.publish(INFER, b'{"face": 0.%06d}' % (number + 1), qos=1)
        last.wait_for_publish(PATIENCE_S)
    with ingesting(mqtt) as subscription:
        assert eventually(lambda: Frame.objects.count() == backlog)
        assert subscription._connection == 0
    following = subscribed(mqtt)
    assert following.take(1, timeout_s=0.5) == []
    following.stop()


def keep_a_session(mqtt: Mosquitto, assignment: assignments.Assignment) -> None:
    """Have the broker keep the assignment's messages, as a client does that does not limit how many it is sent."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=assignment.client_id, protocol=paho.MQTTv5)
    ready = threading.Event()

    def subscribe(*_: object) -> None:
        client.subscribe([(topic, 1) for topic in assignment.topics])

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: ready.set()
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = broker.SESSION_EXPIRY_S
    client.connect(mqtt.host, mqtt.port, clean_start=True, properties=session)
    client.loop_start()
    assert ready.wait(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def test_what_was_not_committed_comes_again_after_the_database_was_away(
    mqtt: Mosquitto, chicago01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = threading.Event()
    away.set()

    def write() -> None:
        if away.is_set():
            raise OperationalError("away")

    monkeypatch.setattr(batches, "_sinks", [lambda _: write, *batches._sinks])
    with ingesting(mqtt), peer(mqtt) as (client, _):
        for _ in range(10):
            publish(client, INFER, b"{}")
        time.sleep(0.5)
        assert not Frame.objects.exists()
        away.clear()
        assert eventually(lambda: Frame.objects.count() == 10)


def test_a_committed_message_whose_ack_was_lost_is_not_counted_again(mqtt: Mosquitto, chicago01: Device) -> None:
    """The ack is lost as by a power cut between the commit and the ack: the next session is sent everything again."""
    subscription = subscribed(mqtt)
    with peer(mqtt) as (client, _):
        for _ in range(5):
            publish(client, INFER, b"{}")
    delivered = subscription.take(100, timeout_s=PATIENCE_S)
    while len(delivered) < 5:
        delivered += subscription.take(100, timeout_s=PATIENCE_S)
    batches.accept([each.arrival for each in delivered])
    subscription.stop()
    with ingesting(mqtt):
        time.sleep(1)
    assert Frame.objects.count() == 5


def test_faces_that_the_broker_kept_for_a_resumed_session_are_not_taken_as_timely(
    mqtt: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "KEPT_FOR", dt.timedelta(seconds=PATIENCE_S))
    subscribed(mqtt).stop()
    with peer(mqtt) as (client, _):
        publish(client, INFER, b"{}")
    subscription = subscribed(mqtt)
    (kept,) = subscription.take(10, timeout_s=PATIENCE_S)
    subscription.stop()
    assert kept.arrival.delivery is not None
    assert kept.arrival.delivery.was_kept


def test_large_messages_are_taken_a_few_at_a_time(mqtt: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "MAX_TAKE_BYTES", 2_000)
    subscription = subscribed(mqtt)
    with peer(mqtt) as (client, _):
        for _ in range(5):
            publish(client, INFER, b"x" * 1_000)
    assert eventually(lambda: subscription.waiting() == 5)
    assert [len(subscription.take(100, timeout_s=1)) for _ in range(4)] == [2, 2, 1, 0]
    subscription.stop()


def test_a_message_of_32_mb_neither_reaches_the_intake_nor_holds_it_up(
    mqtt: Mosquitto, seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[int] = []
    read = paho.Client._sock_recv
    with ingesting(mqtt) as subscription, peer(mqtt) as (client, _):
        monkeypatch.setattr(subscription._client, "_sock_recv", lambda size: _noted(received, read, subscription, size))
        client.publish(INFER, bytes(32 * 1024 * 1024), qos=1).wait_for_publish(PATIENCE_S)
        publish(client, messages.topic_from_device(places.SEATTLE01, "frames"), frame_message(1))
        assert eventually(lambda: Frame.objects.count() == 1)
        assert subscription._connection == 0
    assert 0 < sum(received) < 1_000
    assert not QuarantinedMessage.objects.exists()


def _noted(received: list[int], read: Any, subscription: broker.Subscription, size: int) -> bytes:
    data: bytes = read(subscription._client, size)
    received.append(len(data))
    return data


def test_messages_about_as_large_as_they_may_be_are_set_aside_or_kept_back_and_the_connection_stays(
    mqtt: Mosquitto, seattle01: Device
) -> None:
    around = len(INFER) + 10
    with ingesting(mqtt) as subscription, peer(mqtt) as (client, _):
        for size in range(messages.MAX_PACKET_BYTES - around - 8, messages.MAX_PACKET_BYTES - around + 16):
            publish(client, INFER, b"x" * size)
        publish(client, messages.topic_from_device(places.SEATTLE01, "frames"), frame_message(1))
        assert eventually(lambda: Frame.objects.count() == 1)
        assert subscription._connection == 0
    reasons = set(QuarantinedMessage.objects.values_list("reason", flat=True))
    assert reasons == {Reason.TOO_LARGE}
    assert QuarantinedMessage.objects.count() < 24


def test_with_the_documented_settings_the_sender_of_a_larger_message_learns_so(tmp_path: Path, settings: Any) -> None:
    recipe = (ROOT / "docs" / "edge-agent.md").read_text()
    (line,) = [line for line in recipe.splitlines() if line.startswith("max_packet_size ")]
    assert line == f"max_packet_size {messages.MAX_PACKET_BYTES}"
    with mosquitto(tmp_path / "mosquitto", line) as strict, peer(strict, INFER) as (client, heard):
        publish(client, INFER, b"x" * messages.MAX_MESSAGE_BYTES)
        assert eventually(lambda: len(heard) == 1)
        ended = threading.Event()
        client.on_disconnect = lambda *_: ended.set()
        client.publish(INFER, b"x" * messages.MAX_PACKET_BYTES)
        assert ended.wait(PATIENCE_S)


def test_a_late_ack_is_not_sent_on_the_next_connection(mqtt: Mosquitto, chicago01: Device) -> None:
    subscription = subscribed(mqtt)
    with peer(mqtt) as (client, _):
        publish(client, INFER, b"first")
    late = subscription.take(10, timeout_s=PATIENCE_S)
    subscription.subscribed.clear()
    mqtt.kill()  # without persistence on disk yet: the session is new afterwards, and packet ids start over
    mqtt.start()
    assert subscription.subscribed.wait(PATIENCE_S)
    with peer(mqtt) as (client, _):
        publish(client, INFER, b"second")
    second = subscription.take(10, timeout_s=PATIENCE_S)
    assert [each.arrival.payload for each in second] == [b"second"]
    assert second[0].packet_id == late[0].packet_id
    subscription.ack(late)
    subscription.stop()
    with ingesting(mqtt):
        assert eventually(lambda: DeviceLog.objects.filter(text="second").exists())


def test_killed_again_and_again_the_command_loses_nothing_and_counts_nothing_twice(
    mqtt: Mosquitto, chicago01: Device
) -> None:
    environment = os.environ | {"MQTT_URL": mqtt.url, "DATABASE_URL": database_url(), "MQTT_CLIENT_ID": "killed"}
    subscribed(
        mqtt, assignments.all_messages("killed")
    ).stop()  # what is published before the session exists is for nobody
    sent = 0
    with peer(mqtt) as (client, _):
        for _ in range(KILLS):
            process = subprocess.Popen([sys.executable, "manage.py", "ingest"], cwd=ROOT, env=environment)
            before = Frame.objects.count()
            while Frame.objects.count() == before:
                for _ in range(20):
                    publish(client, INFER, b'{"face": 0.5}')
                    sent += 1
                time.sleep(0.1)
            process.kill()
            process.wait()
    with peer(mqtt) as (client, _), ingesting_command(environment):
        publish(client, INFER, b'{"face": 0.5}')  # comes after all that is delivered again
        sent += 1
        assert eventually(lambda: Frame.objects.count() >= sent)
    assert Frame.objects.count() == sent
    assert sum(EngagementQuarter.objects.values_list("frames", flat=True)) == sent


def database_url() -> str:
    """The tests' own database, for another process."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return f"postgres://{database['USER']}@/{database['NAME']}?host={quote(database['HOST'], safe='')}"


@contextmanager
def ingesting_command(environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "manage.py", "ingest"], cwd=ROOT, env=environment)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_what_a_deeplens_sent_before_the_stop_is_committed(mqtt: Mosquitto, chicago01: Device, tmp_path: Path) -> None:
    """A message of QoS 0 is nowhere but in the ingester, once the broker has sent it."""
    stop, subscription = threading.Event(), subscribed(mqtt)
    with peer(mqtt) as (deeplens, _):
        for number in range(20):
            deeplens.publish(INFER, json.dumps({"face": 0.5 + number / 100}), qos=0)
        assert eventually(lambda: subscription.waiting() == 20)
    stop.set()
    ingester.Ingester(subscription, stop, suspects=Suspects(tmp_path, "stopped")).run()
    assert Frame.objects.count() == 20
    assert not subscription.is_connected()
