"""The test stand for measurements of the intake: databases, MQTT sessions, processes, and measuring functions."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.tools import production
from tests.programs.brokers import Mosquitto

ROOT = Path(__file__).resolve().parents[2]

FRAMES = "analytics_frame"

DURABLE = "-c fsync=on -c synchronous_commit=on"
BROKER = "max_inflight_messages 4000\nmax_queued_messages 0"

QUEUES = ("max_inflight_messages", "max_queued_messages", "max_queued_bytes", "max_packet_size", "queue_qos0_messages")
"""Mosquitto's settings of its queues."""

LOOK_EVERY_S = 0.02
LONGEST_S = 300.0
KEPT_S = 3_600


def queues_of_production() -> str:
    """Return the lines of `deploy/mosquitto/headcount.conf` about queues."""
    lines = (ROOT / "deploy" / "mosquitto" / "headcount.conf").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith(QUEUES))


class Database:
    """One database with the platform's tables, queried over its own connection."""

    def __init__(self, name: str, url: str, folder: Path) -> None:
        self.name, self.url = name, url
        self.is_postgresql = url.startswith("postgres")
        self.environment = os.environ | production.environment(folder) | {"DATABASE_URL": url}
        run(["-m", "benchmarks.tools.sides", "prepare"], self.environment)
        self._connection = self._connected()

    def _connected(self) -> Any:
        if not self.is_postgresql:
            return sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None, timeout=LONGEST_S)
        parts = urlsplit(self.url)
        host, database = unquote(parts.hostname or ""), parts.path[1:]
        return psycopg.connect(host=host, user=parts.username, dbname=database, autocommit=True)

    def ask(self, query: str) -> list[Any]:
        answer = self._connection.execute(query)
        return list(answer.fetchall()) if answer.description else []

    def latest(self, table: str = FRAMES) -> int:
        """Return the highest id in the table; 0 if the table is empty."""
        return int(self.ask(f"SELECT coalesce(max(id), 0) FROM {table}")[0][0])

    def count(self, *, after: int, table: str = FRAMES) -> int:
        """Return the number of rows with ids above `after`."""
        return int(self.ask(f"SELECT count(*) FROM {table} WHERE id > {after}")[0][0])


def run(command: Sequence[str], environment: dict[str, str]) -> str:
    """Run a Python program and return its output. Raises `CalledProcessError` if it fails."""
    command = [sys.executable, *command]
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


@contextmanager
def process(command: Sequence[str], environment: dict[str, str]) -> Iterator[int]:
    """Run a Python program until the block ends, and yield its process id."""
    started = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment)
    try:
        yield started.pid
    finally:
        started.terminate()
        started.wait()


def publish(broker: Mosquitto, record: str, count: int, *options: str) -> None:
    run(["-m", "benchmarks.tools.publisher", str(broker.port), record, str(count), *options], dict(os.environ))


def backlog(broker: Mosquitto, client: str, topics: Sequence[str], record: str, count: int) -> None:
    """Create a session of this client at the broker, with `count` waiting messages."""
    held(broker, client, fresh=True, topics=topics)
    publish(broker, record, count)


def ingesting(broker: Mosquitto, database: Database, client: str, *options: str) -> AbstractContextManager[int]:
    """Run the real ingester until the block ends."""
    own = {"MQTT_URL": broker.url, "MQTT_CLIENT_ID": client}
    return process(["manage.py", "ingest", *options], database.environment | own)


def held(
    broker: Mosquitto, client: str, *, fresh: bool = False, topics: Sequence[str] = (), seconds: float = 0.5
) -> int:
    """Return the number of waiting messages in a session. `fresh` replaces the session; `topics` are subscribed to."""
    session = paho.Client(CallbackAPIVersion.VERSION2, client_id=client, protocol=paho.MQTTv5, manual_ack=True)
    lasting = Properties(PacketTypes.CONNECT)
    lasting.SessionExpiryInterval = KEPT_S
    heard: list[int] = []
    ready = threading.Event()
    session.on_message = lambda _client, _data, message: heard.append(message.mid)
    session.on_subscribe = lambda *_: ready.set()

    def subscribe(*_: object) -> None:
        for topic in topics:
            session.subscribe(topic, 1)
        if not topics:
            ready.set()

    session.on_connect = subscribe
    session.connect(broker.host, broker.port, clean_start=fresh, properties=lasting)
    session.loop_start()
    if not ready.wait(LONGEST_S):
        raise TimeoutError("The broker did not confirm the subscriptions in time.")
    time.sleep(seconds)
    session.disconnect()
    session.loop_stop()
    return len(heard)


def rate_of(database: Database, count: int, *, after: int, table: str = FRAMES) -> float:
    """Return the rows per second, from the first new rows until there are `count` rows with ids above `after`."""
    first = _wait_for_rows(database, 1, after, table)
    began = time.monotonic()
    last = _wait_for_rows(database, count, after, table)
    if first == last:
        raise ValueError(f"All of the {count} rows of {table} came at once; give more messages.")
    return (last - first) / (time.monotonic() - began)


def _wait_for_rows(database: Database, least: int, after: int, table: str) -> int:
    """Wait until there are at least `least` rows with ids above `after`, and return their number.

    Ids increase, so the highest id is an upper bound of the number. Counting all rows at each poll would take processor
    time from the measured side, and more from a fast side than from a slow one.
    """
    wait_for(lambda: database.latest(table) - after, least)
    return wait_for(lambda: database.count(after=after, table=table), least)


def wait_for(number: Callable[[], int], least: int) -> int:
    """Wait until the number is at least `least`, and return it. Raises `TimeoutError` if that takes too long."""
    deadline = time.monotonic() + LONGEST_S
    while (now := number()) < least:
        if time.monotonic() > deadline:
            raise TimeoutError(f"After {LONGEST_S:.0f} s there are {now} of {least}.")
        time.sleep(LOOK_EVERY_S)
    return now
