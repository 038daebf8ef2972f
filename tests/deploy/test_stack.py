"""The files in `deploy/` run Headcount: messages come in by TLS, pages go out by HTTPS, and restarts lose nothing."""

import http.client
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import paho.mqtt.client as paho
import pytest
import redis
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks import exports
from edge_agent import messages
from tests import clock
from tests.deploy.stack import HOST, PASSWORD, Stack
from tests.programs.waiting import PATIENCE_S, eventually

ROWS = 300_000

pytestmark = [pytest.mark.real_clock, pytest.mark.timeout(900)]


@contextmanager
def connected(stack: Stack, user: str, password: str) -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2, f"{user}-box", protocol=paho.MQTTv5)
    client.tls_set(str(stack.tls / "fullchain.pem"))
    client.username_pw_set(user, password)
    connections: SimpleQueue[str] = SimpleQueue()
    client.on_connect = lambda client, data, flags, reason, properties: connections.put(str(reason))
    client.connect("localhost", stack.mqtt)
    client.loop_start()
    try:
        assert connections.get(timeout=PATIENCE_S) == "Success"
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def publisher(client: paho.Client) -> Callable[[str, bytes], str]:
    """Return a function that publishes with QoS 1 and returns the broker's answer."""
    answers: SimpleQueue[tuple[int, str]] = SimpleQueue()
    client.on_publish = lambda client, data, mid, reason, properties: answers.put((mid, str(reason)))

    def publish(topic: str, payload: bytes) -> str:
        sent = client.publish(topic, payload, qos=1).mid
        # paho also tells of each message with QoS 0 that it has sent meanwhile. No broker has answered these.
        answer = answers.get(timeout=PATIENCE_S)
        while answer[0] != sent:
            answer = answers.get(timeout=PATIENCE_S)
        return answer[1]

    return publish


def frames_of(stack: Stack, token: str, device: str) -> int:
    found = api(stack, token, f"/api/v1/engagement/?device={device}&bucket=hour")
    return sum(bucket["frames"] for bucket in found)


def exported(stack: Stack, token: str) -> list[bytes]:
    """Return the lines of the export of all detections of the DeepLens."""
    path = "/api/v1/detections/?device=Deck&format=csv"
    status, _, body = stack.get(path, {"Authorization": f"Token {token}"})
    assert status == 200, body
    return body.splitlines()


def api(stack: Stack, token: str, path: str) -> Any:
    status, _, body = stack.get(path, {"Authorization": f"Token {token}"})
    assert status == 200, body
    return json.loads(body)


def frame(number: int) -> bytes:
    at = clock.epoch_ms() + number
    return messages.encode(messages.Frames(id=f"message-{at}", frames=(messages.Frame(taken_at=at, faces=()),)))


def test_a_cameras_message_reaches_the_api_through_every_program(stack: Stack, token: str) -> None:
    before = frames_of(stack, token, "Lobby")
    with connected(stack, "lobby-1", "one") as camera:
        assert publisher(camera)("dt/headcount/lobby-1/frames", frame(0)) in ("Success", "No matching subscribers")
    stack.wait(lambda: frames_of(stack, token, "Lobby") == before + 1, "the frame")


def test_a_camera_speaks_for_itself_alone(stack: Stack, token: str) -> None:
    with connected(stack, "lobby-2", "two") as camera:
        publish = publisher(camera)
        assert publish("dt/headcount/lobby-1/frames", frame(0)) == "Not authorized"
        assert publish("cmd/headcount/lobby-2/config", b"{}") == "Not authorized"
        assert publish("$aws/things/lobby-1/infer", b"{}") == "Not authorized"


def test_what_a_deeplens_sends_while_the_ingester_and_the_broker_are_away_arrives(stack: Stack, token: str) -> None:
    before = len(exported(stack, token))
    assert stack.units["ingest"].stop() == 0
    with connected(stack, "deeplens_a", "three") as camera:
        contents = [json.dumps({"thumbs-up": 0.5 + number / 10_000}).encode() for number in range(1000)]
        for content in contents[:-1]:
            # A DeepLens publishes with QoS 0, and each of its messages once.
            camera.publish("$aws/things/deeplens_a/infer", content, qos=0)
        # The broker's answer to the last says that it has read all before it.
        assert publisher(camera)("$aws/things/deeplens_a/infer", contents[-1]) == "Success"
    stack.stop("mosquitto")
    stack.start_mosquitto()
    stack.units["ingest"].start()
    stack.wait(lambda: len(exported(stack, token)) == before + 1000, "the thousand detections", within=180)


def test_each_program_stops_as_its_unit_says_and_leaves_nothing_running(stack: Stack, token: str) -> None:
    for name in ("workers", "notify", "players", "web"):
        unit = stack.units[name]
        assert unit.stop() == 0, unit.log
        unit.start()
    stack.wait(lambda: stack.get("/healthz")[0] == 200, "the health of all parts")


def test_a_person_signs_in_over_https(stack: Stack, token: str) -> None:
    status, headers, _ = stack.get("/", follow=False)
    assert (status, headers["Location"]) == (302, "/accounts/login/?next=/")
    status, headers, page = stack.get("/accounts/login/")
    assert status == 200
    assert "max-age=31536000" in headers["Strict-Transport-Security"]
    cookie = headers["Set-Cookie"]
    assert "Secure" in cookie
    word = page.decode().split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    form = f"csrfmiddlewaretoken={word}&login=admin&password={PASSWORD.replace(' ', '+')}".encode()
    cookies = {"Cookie": cookie.split(";")[0], "Referer": f"https://{HOST}/accounts/login/"}
    status, headers, _ = stack.get("/accounts/login/?next=/", cookies, data=form, follow=False)
    assert (status, headers["Location"]) == (302, "/")


def test_a_request_without_tls_is_sent_on_to_https(stack: Stack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stack.http, timeout=30)
    connection.request("GET", "/compare/?site=seattle", headers={"Host": HOST})
    response = connection.getresponse()
    assert (response.status, response.headers["Location"]) == (301, f"https://{HOST}/compare/?site=seattle")


def test_the_log_of_nginx_holds_neither_names_nor_codes(stack: Stack) -> None:
    for address in (
        "/me/7K2M-9QRT-W4XB/",
        "/sites/seattle/people/?q=Quillfeather",
        "/Quillfeather",
        "/api/v1/people/9/",
    ):
        stack.get(address, follow=False)
    log = stack.folder / "nginx" / "access.log"
    assert eventually(lambda: '"GET /api/v1/people/"' in log.read_text())
    said = log.read_text()
    assert '"GET /me/"' in said
    assert '"GET /sites/"' in said
    assert not re.search("7K2M|quillfeather", said, re.IGNORECASE)


def test_too_large_a_body_is_refused_at_the_door(stack: Stack, token: str) -> None:
    status, _, _ = stack.get("/api/v1/captures/", {"Authorization": f"Token {token}"}, data=b"x" * (9 * 2**20))
    assert status in (413, 0)  # nginx answers, and may close the connection before the client has sent everything.


def test_a_data_set_may_be_larger_than_other_bodies(stack: Stack, token: str) -> None:
    headers = {"Authorization": f"Token {token}", "Content-Type": "multipart/form-data; boundary=x"}
    status, _, body = stack.get("/api/v1/data-sets/1/import/", headers, data=b"x" * (9 * 2**20))
    assert (status, b"No DataSet matches" in body) == (404, True), body


@pytest.mark.parametrize(
    ("header", "value", "expected"), [("Content-Length", str(2**40), 413), ("Transfer-Encoding", "chunked", 411)]
)
def test_the_web_server_refuses_a_body_by_itself_before_it_comes(
    stack: Stack, token: str, header: str, value: str, expected: int
) -> None:
    """Without nginx in front. Nothing of the body is sent."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.web, timeout=30)
    connection.putrequest("POST", "/api/v1/captures/", skip_host=True)
    form = {"Host": HOST, "X-Forwarded-Proto": "https", "Content-Type": "multipart/form-data; boundary=x"}
    for name, text in {**form, header: value}.items():
        connection.putheader(name, text)
    connection.endheaders()
    assert connection.getresponse().status == expected
    connection.close()


def test_the_address_of_a_client_is_not_the_clients_to_choose(stack: Stack, token: str) -> None:
    wrong = {"Authorization": "Token wrong"}
    statuses = [
        stack.get("/api/v1/sites/", wrong | {"X-Forwarded-For": f"198.51.100.{number}"})[0] for number in range(70)
    ]
    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_processes_share_tasks_cache_rates_and_sessions_in_redis(stack: Stack, token: str) -> None:
    api(stack, token, "/api/v1/sites/")
    with redis.Redis(port=stack.redis) as store:
        names = {name.decode() for name in store.scan_iter()}
    assert any("throttle" in name for name in names), names
    assert "redis: responds" in stack.manage("health")


def test_pages_work_while_redis_is_away_and_health_says_so(stack: Stack, token: str) -> None:
    stack.stop("redis")
    try:
        assert stack.get("/accounts/login/")[0] == 200
        assert api(stack, token, "/api/v1/sites/")["results"]
        assert stack.get("/healthz")[0] == 503
    finally:
        stack.start_redis()
    stack.wait(lambda: stack.get("/healthz")[0] == 200, "the health of all parts", within=240)


def test_an_outage_of_the_database_is_one_line_in_each_log_and_loses_nothing(stack: Stack, token: str) -> None:
    before, said = frames_of(stack, token, "Lobby"), {name: len(unit.log) for name, unit in stack.units.items()}
    stack.database.stop()
    with connected(stack, "lobby-1", "one") as camera:
        publish = publisher(camera)
        for number in range(20):
            assert publish("dt/headcount/lobby-1/frames", frame(number)) == "Success"
            status, headers, body = stack.get("/api/v1/sites/", {"Authorization": f"Token {token}"})
            assert (status, headers["Retry-After"]) == (503, "10")
            assert json.loads(body)["detail"].startswith("The database does not respond.")
            time.sleep(1)
    status, _, page = stack.get("/compare/", {"Cookie": "sessionid=somebody"})
    assert (status, b"The database does not respond" in page) == (503, True)
    assert stack.get("/metrics", {"Authorization": "Bearer metrics-token"})[0] == 200
    stack.database.start()
    stack.wait(lambda: stack.get("/healthz")[0] == 200, "the health of all parts", within=240)
    stack.wait(lambda: frames_of(stack, token, "Lobby") == before + 20, "the frames of the outage", within=120)
    for name in ("web", "ingest", "workers"):
        lines = stack.units[name].log[said[name] :].splitlines()
        processes = 2 if name == "web" else 1
        assert len([line for line in lines if "database cannot be reached" in line]) <= 3 * processes, lines
        assert not [line for line in lines if "Traceback" in line], lines
    log = stack.units["ingest"]
    stack.wait(lambda: "database is back" in log.log[said["ingest"] :], "the line that the database is back")
    ingest = log.log[said["ingest"] :]
    assert ingest.count("database cannot be reached") == ingest.count("database is back") == 1


@pytest.fixture(scope="module")
def many_detections(stack: Stack, token: str) -> None:
    exports.fill(stack, ROWS)


@pytest.mark.usefixtures("many_detections")
def test_a_client_is_told_of_an_export_that_breaks_off(stack: Stack, token: str) -> None:
    """Kill the web server while it sends, and look at what curl says behind nginx."""
    url = f"https://{HOST}:{stack.https}/api/v1/detections/?device=Lobby&format=csv"
    curl = ["curl", "-sS", "--limit-rate", "2M", "--cacert", str(stack.tls / "fullchain.pem")]
    curl += ["--resolve", f"{HOST}:{stack.https}:127.0.0.1", "-H", f"Authorization: Token {token}", url]
    whole = subprocess.run([*curl[:2], *curl[4:]], capture_output=True, timeout=300)
    assert (whole.returncode, whole.stderr) == (0, b"")
    assert len(whole.stdout.splitlines()) > ROWS
    with subprocess.Popen(curl, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as broken:
        assert broken.stdout is not None
        broken.stdout.read(2**20)
        stack.units["web"].end()
        rest, said = broken.communicate(timeout=300)
    stack.units["web"].start()
    stack.wait(lambda: stack.get("/accounts/login/")[0] == 200, "the web server")
    assert len(rest) < len(whole.stdout)
    # 18 is curl's code for a body that is too short, 92 for a stream that HTTP/2 has reset.
    assert (broken.returncode in (18, 92), said != b"") == (True, True), (broken.returncode, said)


@pytest.mark.usefixtures("many_detections")
def test_large_exports_come_whole_through_nginx_in_constant_memory(stack: Stack, token: str, tmp_path: Path) -> None:
    """`make bench-exports` does the same with ten million rows."""
    for kind in exports.FORMATS:
        measured = exports.measure(stack, token, kind, ROWS, tmp_path)
        assert [each for each in measured if each.holds is False] == []
