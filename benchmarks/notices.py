"""`python -m benchmarks.notices`: how soon a notice arrives, and what is lost when its sender is killed.

A real broker, the ingester, `manage.py notify` and a web server that receives webhooks, on PostgreSQL. First, cameras
show a thumb in turn, and the time from the message at the broker to the request at the web server is measured. Then the
sending process is killed again and again while cameras show thumbs, and the notices that arrive are counted by their
ids. Prints a table and writes `benchmarks/results/notices.json`.
"""

import argparse
import json
import os
import random
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.tools import production, report, results, stand
from benchmarks.tools.results import ROOT
from edge_agent import messages
from tests.programs import postgres
from tests.programs.brokers import Mosquitto
from tests.programs.waiting import eventually

CAMERAS = 40
AGAIN_AFTER_S = 12.0
"""A label that was not seen for ten seconds is seen anew."""

GOAL_P95_S = 3.0
LEASE_S = 125.0
"""What a killed process was sending is sent again after two minutes."""

WORLD = """
from devices import services
from devices.models import Site
from notifications.models import ChannelKind, Kind, Rule
from notifications.rules.services import save_rule
from notifications.sending.services import add_channel
site = Site.objects.create(name="Seattle", slug="seattle", timezone="America/Los_Angeles")
for number in range({cameras}):
    name = f"Camera{{number:02}}"
    services.register_device(site=site, name=name, thing_name=name)
hook, _ = add_channel(site=site, kind=ChannelKind.WEBHOOK, name="Hook", address="http://127.0.0.1:{port}/hook")
save_rule(rule=Rule(site=site, kind=Kind.LABEL, label="thumbs-up", texts=["{{device}}"]), channels=[hook])
"""


class Receiver(ThreadingHTTPServer):
    """Takes webhooks, and notes each id and each line of text with the time of its arrival."""

    def __init__(self) -> None:
        self.ids: Counter[str] = Counter()
        self.told: dict[str, int] = {}
        """How many notices each id tells: a group is one message, which names twenty and counts the others."""
        self.lines: list[tuple[str, float]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.ids[told["id"]] += 1
                lines = told["text"].splitlines()
                more = re.fullmatch(r"and (\d+) more\.", lines[-1])
                receiver.told[told["id"]] = len(lines) - 1 + int(more[1]) if more else len(lines)
                receiver.lines += [(line, time.monotonic()) for line in lines]
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the delay is measured (60)")
    parser.add_argument("--kills", type=int, default=100, help="how often the sender is killed (100)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headcount-notices-") as name, postgres.server() as server:
        folder = Path(name)
        folder.chmod(0o755)
        broker, receiver = Mosquitto(folder), Receiver()
        thread = threading.Thread(target=receiver.serve_forever)
        own = {"DATABASE_URL": server.url, "MQTT_URL": broker.url, "NOTIFY_PRIVATE_ADDRESSES": "true"}
        environment = os.environ | production.environment(folder) | own
        stand.run(["manage.py", "migrate", "--no-input", "--verbosity", "0"], environment)
        world = WORLD.format(cameras=CAMERAS, port=receiver.server_port)
        stand.run(["manage.py", "shell", "--no-imports", "-c", world], environment)
        broker.start()
        thread.start()
        try:
            with stand.process(["manage.py", "ingest"], environment):
                measured = _measure(broker, receiver, environment, asked)
        finally:
            broker.stop()
            receiver.shutdown()
            receiver.server_close()
            thread.join()
    print(report.table(measured))
    results.write(results.FOLDER / "notices.json", measured)


def _measure(
    broker: Mosquitto, receiver: Receiver, environment: dict[str, str], asked: argparse.Namespace
) -> list[results.Measured]:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect(broker.host, broker.port)
    client.loop_start()
    measured = []
    try:
        if asked.seconds:
            with stand.process(["manage.py", "notify"], environment):
                measured += _delays(client, receiver, asked.seconds)
        if asked.kills:
            measured += _kills(client, receiver, environment, asked.kills)
    finally:
        client.disconnect()
        client.loop_stop()
    return measured


def _show(client: paho.Client, number: int) -> str:
    name = f"Camera{number % CAMERAS:02}"
    thumb = messages.Labelled("thumbs-up", round(random.uniform(0.8, 0.99), 4))
    frame = messages.Frame(taken_at=round(time.time() * 1000), gestures=(thumb,))
    message = messages.Frames(secrets.token_hex(8), (frame,))
    client.publish(messages.topic_from_device(name, "frames"), messages.encode(message), qos=1)
    return name


def _delays(client: paho.Client, receiver: Receiver, seconds: float) -> list[results.Measured]:
    for _ in range(30):
        # What is sent before the ingester has subscribed is lost at the broker; so it is shown until it is told.
        _show(client, 0)
        eventually(lambda: bool(receiver.lines), AGAIN_AFTER_S)
        if receiver.lines:
            break
    time.sleep(AGAIN_AFTER_S)
    receiver.lines.clear()
    receiver.told.clear()
    shown: dict[str, list[float]] = {}
    count = round(seconds * CAMERAS / AGAIN_AFTER_S)
    for number in range(count):
        at = time.monotonic()
        shown.setdefault(_show(client, number), []).append(at)
        time.sleep(AGAIN_AFTER_S / CAMERAS)
    eventually(lambda: sum(receiver.told.values()) >= count, 30)
    named = [(name, at) for name, at in receiver.lines if name in shown]
    delays = [at - max(each for each in shown[name] if each <= at) for name, at in named]
    return [
        report.told("notices", count, ""),
        report.at_most("of them not told", count - sum(receiver.told.values()), "", 0),
        report.told("middle delay from broker to channel", float(np.median(delays)), "s"),
        report.below("95th percentile", float(np.percentile(delays, 95)), "s", GOAL_P95_S),
        report.told("longest", max(delays), "s"),
    ]


def _kills(client: paho.Client, receiver: Receiver, environment: dict[str, str], kills: int) -> list[results.Measured]:
    time.sleep(AGAIN_AFTER_S)
    receiver.lines.clear()
    receiver.ids.clear()
    receiver.told.clear()
    shown, latest, number = 0, [0.0] * CAMERAS, 0
    stopping = threading.Event()

    def show_on() -> None:
        nonlocal shown, number
        while not stopping.wait(AGAIN_AFTER_S / CAMERAS):
            if time.monotonic() - latest[number % CAMERAS] >= AGAIN_AFTER_S:
                latest[number % CAMERAS] = time.monotonic()
                _show(client, number)
                shown += 1
            number += 1

    thread = threading.Thread(target=show_on)
    thread.start()
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "manage.py", "notify"], cwd=ROOT, env=environment)
        before = len(receiver.ids)
        eventually(lambda: len(receiver.ids) > before, 60)  # noqa: B023
        time.sleep(random.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    stopping.set()
    thread.join()
    with stand.process(["manage.py", "notify"], environment):
        eventually(lambda: sum(receiver.told.values()) >= shown, LEASE_S + 60)
    return [
        report.told("kills", kills, ""),
        report.told("notices meanwhile", shown, ""),
        report.at_most("lost", max(0, shown - sum(receiver.told.values())), "", 0),
        report.at_most("notices under two ids", max(0, sum(receiver.told.values()) - shown), "", 0),
        report.at_most("ids that came more than once, in all", _doubled(receiver), "", kills),
    ]


def _doubled(receiver: Receiver) -> int:
    return sum(count - 1 for count in receiver.ids.values())


if __name__ == "__main__":
    main()
