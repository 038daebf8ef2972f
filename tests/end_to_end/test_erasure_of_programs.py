"""Somebody whom the running programs know is erased; then their logs, tables, files and buckets are searched.

The programs are those of production: the web server, the ingester, the task workers, and an agent, on the tests' own
database, a real broker, and a bucket that keeps versions.
"""

import base64
import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import paho.mqtt.client as paho
import pytest
import urllib3
from django.contrib.auth.models import User
from django_q.models import Task
from django_q.tasks import async_task
from paho.mqtt.enums import CallbackAPIVersion

from devices.models import Device, DeviceLog, QuarantinedMessage
from devices.services import issue_api_token
from edge_agent import messages
from faces.models import Capture, Coffee, Erasure, Mode, Person, State
from faces.services import set_policy
from tests import clock
from tests.devices.mqtt.test_ingest import database_url
from tests.end_to_end.test_erasure import holders_of
from tests.faces import scenes
from tests.programs.aws import REGION, moto
from tests.programs.brokers import Mosquitto, free_port, mosquitto
from tests.programs.waiting import PATIENCE_S, eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.real_clock, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
BUCKET = "pictures"
NAME = "Adelaide Quillfeather"
SECRET = b"Quillfeather"

STARTS_WITHIN = 3 * PATIENCE_S
"""Seconds within which all programs are there, which start at once. An idle machine needs about ten."""


class Programs:
    """The running programs, each with a log of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self._environment = folder, environment
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *arguments: str, **settings: str) -> None:
        with self.log(name).open("wb") as log:
            command, variables = [sys.executable, *arguments], self._environment | settings
            process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log)
        self._running.append(process)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def says(self, name: str, text: str) -> bool:
        return eventually(lambda: text in self.log(name).read_text(), STARTS_WITHIN)

    def stop(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(PATIENCE_S)


@pytest.fixture
def bucket() -> Iterator[Any]:
    """An S3 client of a bucket that keeps versions."""
    with moto() as server:
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield s3
        server.reset()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


@contextmanager
def programs(folder: Path, broker: Mosquitto, thing: str, port: int) -> Iterator[Programs]:
    data, logs, frames = folder / "data", folder / "logs", folder / "frames"
    for each in (data, logs, frames):
        each.mkdir()
    (frames / "1.jpg").write_bytes(scenes.jpeg(scenes.cat()))
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "DATA_DIR": str(data),
        "MQTT_URL": broker.url,
        "PICTURES_BUCKET": BUCKET,
        "DEBUG": "true",
        "PYTHONUNBUFFERED": "1",
    }
    running = Programs(logs, environment)
    try:
        web = ("-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--workers", "1")
        running.start("web", *web, "--bind", f"127.0.0.1:{port}")
        running.start("ingest", "manage.py", "ingest")
        running.start("tasks", "manage.py", "qcluster")
        camera = {"THING": thing, "MQTT_URL": broker.url, "SOURCE": str(frames), "DETECTORS": "", "STREAM": "off"}
        settings = {f"HEADCOUNT_{name}": value for name, value in camera.items()}
        running.start("agent", "-m", "edge_agent", HEADCOUNT_OUTBOX=str(folder / "data" / "outbox.sqlite3"), **settings)
        yield running
    finally:
        running.stop()


@pytest.fixture
def camera(broker: Mosquitto) -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect(broker.host, broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


class Api:
    """The REST API of the running web server, as the owner's program uses it."""

    def __init__(self, port: int, token: str) -> None:
        self._base = f"http://127.0.0.1:{port}/api/v1/"
        self._http = urllib3.PoolManager(headers={"Authorization": f"Token {token}"})

    def ask(self, method: str, path: str, **body: Any) -> urllib3.BaseHTTPResponse:
        return self._http.request(method, self._base + quote(path, safe="/?=&"), timeout=PATIENCE_S, **body)

    def do(self, method: str, path: str, **body: Any) -> Any:
        answer = self.ask(method, path, **body)
        assert answer.status < 300, answer.data[:500]
        return answer.json()


def enrol(api: Api) -> str:
    """Enrol the person by the API, and return the path of the person."""
    now = clock.now()
    described = {"line": f"{NAME} the First", "profile": f"{NAME} sails.", "email": "adelaide@quillfeather.example"}
    number = api.do("POST", "people/", json={"site": "seattle", "name": NAME, **described})["id"]
    person = f"people/{number}/"
    consent = {"text": f"I, {NAME}, agree.", "text_version": "1", "method": "paper", "signed_by": NAME}
    term = {"signed_at": now.isoformat(), "expires_at": (now + dt.timedelta(days=90)).isoformat()}
    api.do("POST", f"{person}consents/", json={**consent, **term})
    api.do("POST", f"{person}faces/", fields={"images": (f"{NAME}.jpg", scenes.jpeg(scenes.portrait()))})
    return person


def send(camera: paho.Client, thing: str, number: int) -> None:
    """Send a picture of the person with a cup, a line of a log that names the person, and a message that is broken."""
    now, jpeg = int(clock.now().timestamp() * 1000), scenes.jpeg(scenes.portrait_with_cup())
    picture = messages.Image(id=f"p{number}", taken_at=now, image_string=base64.b64encode(jpeg).decode())
    line = messages.Log(id=f"l{number}", at=now, level="info", text=f"hello {NAME}")
    for kind, payload in (
        ("image", messages.encode(picture)),
        ("log", messages.encode(line)),
        ("frames", f'{{"frames": "{NAME}'.encode()),
    ):
        camera.publish(messages.topic_from_device(thing, kind), payload, qos=1).wait_for_publish(PATIENCE_S)


def test_no_program_keeps_anything_of_somebody_who_was_erased(
    seattle01: Device, owner: User, bucket: Any, broker: Mosquitto, camera: paho.Client, tmp_path: Path
) -> None:
    thing, port, now = seattle01.thing_name, free_port(), clock.now()
    set_policy(site=seattle01.site, mode=Mode.ENROLLED, confirmed_by=owner)
    _, token = issue_api_token(user=owner, name="test")
    api = Api(port, token)
    with programs(tmp_path, broker, thing, port) as running:
        assert running.says("web", "Listening at")
        person = enrol(api)
        assert running.says("ingest", "onnected")
        async_task("faces.tasks.recognise_capture", NAME)
        assert eventually(lambda: Task.objects.filter(success=False).exists(), STARTS_WITHIN)
        # A picture that waited for its recognition for a minute, as a first one may, greets nobody any more.
        sent = next(number for number in range(1, 9) if greets(running, camera, thing, number))
        # A picture that nobody has looked at yet is nobody's.
        assert eventually(lambda: Capture.objects.filter(state=State.DONE).count() == sent, STARTS_WITHIN)
        assert eventually(Coffee.objects.filter(person__name=NAME).exists)
        assert eventually(lambda: DeviceLog.objects.exists() and QuarantinedMessage.objects.exists())
        for asked in (f"people/{NAME}/", f"people/?{NAME}=1", f"people/?name={NAME}", f"people/?cursor={NAME}"):
            api.ask("GET", asked)
        api.ask("POST", "people/", json={"site": "seattle", "name": NAME, "external_id": NAME, NAME: NAME})
        api.ask("POST", "people/", body=f'{{"name": "{NAME}')
        image = str(Capture.objects.order_by("pk")[0].image)
        secrets = (SECRET, bucket.get_object(Bucket=BUCKET, Key=image)["Body"].read())
        assert holders_of(SECRET), "the search finds nothing"

        api.do("DELETE", person)
        assert eventually(lambda: Erasure.objects.filter(erased_at__gte=now).exists() and not Person.objects.exists())
        assert eventually(lambda: not holders_of(*secrets)), holders_of(*secrets)
    assert holders_of(*secrets) == set()
    left = bucket.list_object_versions(Bucket=BUCKET)
    assert (left.get("Versions", []), left.get("DeleteMarkers", [])) == ([], [])
    assert traces(tmp_path, *secrets) == []


def greets(running: Programs, camera: paho.Client, thing: str, number: int) -> bool:
    send(camera, thing, number)
    return eventually(lambda: "greeting somebody who is known" in running.log("agent").read_text(), within=20)


def traces(folder: Path, *secrets: bytes) -> list[str]:
    """Return each file of the programs that holds one of these in a usual spelling, with what stands around it."""
    spelled = {form for one in secrets for form in (one, one.lower(), base64.b64encode(one)[:-4], one.hex().encode())}
    files = [path for path in folder.rglob("*") if path.is_file() and "broker" not in path.parts]
    return [
        f"{path.relative_to(folder)}: {content[max(0, content.index(form) - 200) :][:300]!r}"
        for path in files
        for content in [path.read_bytes()]
        for form in spelled
        if form in content
    ]
