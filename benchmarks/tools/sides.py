"""`python -m benchmarks.tools.sides NAME …`: the programs with which the ingester is compared, each in its own process.

`acks PORT TOPIC CLIENT COUNT`   a paho subscriber that only acknowledges; prints messages per second
`saves PORT TOPIC CLIENT COUNT`  a subscriber that calls `Model.save()` for each message and then acknowledges it
`copy COUNT`                     writes the rows of COUNT messages by COPY, without MQTT; prints messages per second
`prepare`                        creates the tables and the devices for all programs
"""

import datetime as dt
import os
import sys
import threading
import time
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.tools.publisher import MOST_DEVICES, TOPICS

IN_FLIGHT = 4_000
"""The largest number of unacknowledged messages, as in the ingester."""

KEPT_S = 3_600


def connected(
    port: int, topic: str, name: str, take: Callable[[paho.Client, paho.MQTTMessage], None]
) -> tuple[paho.Client, threading.Event]:
    """Return a client with a persistent session, and an event that is set when the broker confirms the subscription."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv5, manual_ack=True)
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = KEPT_S
    session.ReceiveMaximum = IN_FLIGHT
    subscribed = threading.Event()

    def subscribe(*_: object) -> None:
        client.subscribe(topic, 1)

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda client, _, message: take(client, message)
    client.connect("127.0.0.1", port, clean_start=False, properties=session)
    client.loop_start()
    return client, subscribed


def acks(port: str, topic: str, name: str, count: str) -> None:
    moments: list[float] = []
    done = threading.Event()

    def take(client: paho.Client, message: paho.MQTTMessage) -> None:
        client.ack(message.mid, message.qos)
        moments.append(time.monotonic())
        if len(moments) == int(count):
            done.set()

    connected(int(port), topic, name, take)
    done.wait()
    print((len(moments) - 1) / (moments[-1] - moments[0]))


def saves(port: str, topic: str, name: str, count: str) -> None:
    from analytics.models import Frame
    from devices.models import Device
    from devices.reading.identity import digest

    device = Device.objects.get(thing__name=topic.split("/")[2])
    done = threading.Event()
    saved = 0

    def take(client: paho.Client, message: paho.MQTTMessage) -> None:
        nonlocal saved
        now = dt.datetime.now(dt.UTC)
        Frame(device=device, taken_at=now, received_at=now, key=digest(bytes(message.payload)), faces=1).save()
        client.ack(message.mid, message.qos)
        saved += 1
        if saved == int(count):
            done.set()

    connected(int(port), topic, name, take)
    done.wait()


def copy(count: str) -> None:
    from django.db import connection

    now = dt.datetime.now(dt.UTC)
    with connection.cursor() as cursor:
        for table in ("analytics_frame", "analytics_detection"):
            cursor.execute(f"DROP TABLE IF EXISTS copied_{table}")
            cursor.execute(f"CREATE TABLE copied_{table} (LIKE {table} INCLUDING ALL)")
        began = time.monotonic()
        with cursor.copy("COPY copied_analytics_frame (id, device_id, taken_at, received_at, key) FROM STDIN") as to:
            for number in range(int(count)):
                to.write_row((number, 1, now, now, number))
        columns = "(id, frame_id, device_id, taken_at, label, confidence)"
        with cursor.copy(f"COPY copied_analytics_detection {columns} FROM STDIN") as to:
            for number in range(int(count)):
                to.write_row((number, number, 1, now, "thumbs-up", 0.934))
        print(int(count) / (time.monotonic() - began))


def prepare() -> None:
    from django.core.management import call_command

    from devices import services

    call_command("migrate", verbosity=0)
    site = services.register_site(name="Benchmark", slug="benchmark", timezone="UTC")
    for topic in TOPICS.values():
        for number in range(MOST_DEVICES):
            thing = topic.format(number).split("/")[2]
            services.register_device(site=site, name=thing, thing_name=thing)


SIDES: dict[str, Callable[..., None]] = {"acks": acks, "saves": saves, "copy": copy, "prepare": prepare}


if __name__ == "__main__":
    if sys.argv[1] != "acks":
        import django

        sys.path.insert(1, "platform")
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        django.setup()
    SIDES[sys.argv[1]](*sys.argv[2:])
