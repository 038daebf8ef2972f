"""An upgrade from the first release to this one, as docs/production.md says, while cameras send: nothing is lost."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.tools import production, stand
from benchmarks.tools.cameras import FRAMES_A_MESSAGE, Outcome, thing_of
from tests.house.files import ROOT
from tests.programs import postgres
from tests.programs.brokers import Mosquitto, mosquitto
from tests.programs.waiting import PATIENCE_S

FIRST_RELEASE = "bb3ba0ecba50c2fc4c4eb4c1918604f8a7d1ffff"
"""The commit of the tag v0.1.0, or the commit that is to have it."""

CAMERAS, SECONDS = 10, 20
DEEPLENS = "deeplens_a"
EVERY_S = 0.05

WORLD = """
from devices import services
site = services.register_site(name="Seattle", slug="seattle", timezone="America/Los_Angeles")
for name in {names}:
    services.register_device(site=site, name=name, thing_name=name)
"""

pytestmark = [pytest.mark.real_clock, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the first release, in a folder of its own."""
    folder = tmp_path_factory.mktemp("release")
    archive = subprocess.run(["git", "archive", FIRST_RELEASE], cwd=ROOT, capture_output=True)
    if archive.returncode:
        pytest.skip(f"The first release is not in this clone; fetch its whole history: {archive.stderr!r}")
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def manage(program: Path, environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=program, env=environment, check=True)


def ingesting(program: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "manage.py", "ingest"], cwd=program, env=environment)


class DeepLens:
    """Publishes a thumbs-up with QoS 0 again and again, each with a confidence of its own, until it is stopped."""

    def __init__(self, broker: Mosquitto) -> None:
        self.sent = 0
        self._stop = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=DEEPLENS)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._speak)
        self._thread.start()

    def _speak(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.sent += 1
            content = json.dumps({"thumbs-up": 0.5 + self.sent / 100_000})
            self._client.publish(f"$aws/things/{DEEPLENS}/infer", content, qos=0)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        # The broker's answer to a message of QoS 1 says that it has all before it.
        self.sent += 1
        last = self._client.publish(f"$aws/things/{DEEPLENS}/infer", json.dumps({"thumbs-up": 0.4}), qos=1)
        last.wait_for_publish(PATIENCE_S)
        self._client.disconnect()
        self._client.loop_stop()


def test_an_upgrade_while_cameras_send_loses_and_doubles_nothing(first_release: Path, tmp_path: Path) -> None:
    queues = stand.queues_of_production()
    with mosquitto(tmp_path / "mosquitto", queues) as broker, postgres.server() as server:
        environment = os.environ | production.environment(tmp_path)
        environment |= {"DATABASE_URL": server.url, "MQTT_URL": broker.url}
        manage(first_release, environment, "migrate", "--no-input", "--verbosity=0")
        names = [DEEPLENS, *map(thing_of, range(CAMERAS))]
        manage(first_release, environment, "shell", "--no-imports", "-c", WORLD.format(names=names))
        with psycopg.connect(server.url, autocommit=True) as database:
            outcome, deeplens = upgraded(first_release, environment, broker, database)
            assert outcome.without_receipt == 0
            assert frames(database, "camera-") == outcome.sent * FRAMES_A_MESSAGE
            assert frames(database, DEEPLENS) == deeplens.sent


def upgraded(
    first_release: Path, environment: dict[str, str], broker: Mosquitto, database: psycopg.Connection[tuple[int]]
) -> tuple[Outcome, DeepLens]:
    """Upgrade while cameras send; return what became of their messages."""
    ingester = ingesting(first_release, environment)
    command = [sys.executable, "-m", "benchmarks.tools.cameras", str(broker.port), str(CAMERAS), str(SECONDS)]
    try:
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as fleet:
            # From its first subscription on, the broker keeps for the ingester what a DeepLens sends.
            wait_for(lambda: frames(database, "camera-") > CAMERAS)
            deeplens = DeepLens(broker)
            try:
                wait_for(lambda: frames(database, DEEPLENS) > 0)
                ingester.terminate()
                assert ingester.wait(60) == 0
                manage(ROOT, environment, "migrate", "--no-input", "--verbosity=0")
                ingester = ingesting(ROOT, environment)
            finally:
                said = fleet.communicate(timeout=400)[0]
                deeplens.stop()
            wait_for(lambda: frames(database, DEEPLENS) >= deeplens.sent)
    finally:
        ingester.terminate()
        ingester.wait(60)
    return Outcome(**json.loads(said.splitlines()[-1])), deeplens


def frames(database: psycopg.Connection[tuple[int]], name: str) -> int:
    """Return the number of frames of the devices whose names begin like this."""
    found = database.execute(
        "SELECT count(*) FROM analytics_frame JOIN devices_device ON devices_device.id = device_id WHERE name LIKE %s",
        [f"{name}%"],
    ).fetchone()
    return found[0] if found else 0


def wait_for(holds: Callable[[], bool], within: float = 300) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "the frames did not come"
        time.sleep(0.2)
