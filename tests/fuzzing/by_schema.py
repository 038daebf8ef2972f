"""Runs schemathesis on a real web server: valid and invalid requests, generated from the API's schema."""

import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.signals import got_request_exception
from django.test import Client

from tests.fuzzing import odd_requests
from tests.house.files import ROOT
from tests.programs.brokers import free_port
from tests.programs.waiting import PATIENCE_S, eventually
from tests.world import places
from tests.world.api_world import Keys

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)

PHASES = "examples,coverage,fuzzing"

FOR_DEVICES = "/api/v1/(messages|captures|agent|device-models)/"
"""Paths that are requested with a device's token; the others are requested with a person's."""


@dataclass(frozen=True)
class Outcome:
    cases: int
    report: str
    """The output of schemathesis."""
    surprised: int
    """The number of runs in which a response differed from the schema."""

    @property
    def well(self) -> bool:
        return not self.surprised


@contextmanager
def server(database: str) -> Iterator[str]:
    """Run a real web server on this database, without rate limits, and yield its address."""
    address = f"127.0.0.1:{free_port()}"
    # gthread as in production. The tests' settings remove the rate limits and set a temporary data folder.
    command = [sys.executable, "-m", "gunicorn", "--pythonpath", "platform", "--bind", address, "--threads", "4"]
    settings = {"DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "tests.settings", "LOG_LEVEL": "ERROR"}
    with tempfile.TemporaryFile() as log:
        web = subprocess.Popen(
            [*command, "--log-level", "warning", "config.wsgi"], cwd=ROOT, env=os.environ | settings, stderr=log
        )
        try:
            _wait_for(web, f"http://{address}/accounts/login/")
            yield f"http://{address}"
        finally:
            web.terminate()
            web.wait()


def run(address: str, keys: Keys, *, cases: int, phases: str = PHASES) -> Outcome:
    """Send up to `cases` requests per phase to every operation, first as a person and then as a device."""
    outcomes = [
        _run(address, keys.person, cases, phases, "--exclude-path-regex", odd_requests.OF_DEVICES.pattern),
        _run(address, keys.device, cases, phases, "--include-path-regex", FOR_DEVICES),
    ]
    return Outcome(
        sum(each.cases for each in outcomes),
        "\n".join(each.report for each in outcomes),
        sum(each.surprised for each in outcomes),
    )


@dataclass(frozen=True)
class Step:
    """A part of the requests, which can be sent on its own."""

    kind: str
    name: str
    send: Callable[[], tuple[int, list[str]]]
    """Sends the requests. Returns their number, and a text about each answer that nobody expects."""


def page_steps(world: dict[str, Any]) -> Iterator[Step]:
    """Yield a step for each page and form, which sends each odd value in each place.

    `world` is that of access_world.py. The requests are sent to the application itself, without a web server.
    Raises `RuntimeError` if a usual request does not reach the pages: then all others would prove nothing.
    """
    client = Client(raise_request_exception=False)
    client.force_login(places.superuser())
    if (status := client.get("/").status_code) != HTTPStatus.OK:
        raise RuntimeError(f"The first page answers {status} to a usual request.")
    for method, address in odd_requests.pages(world):
        yield Step("pages", f"{method.upper()} {address}", partial(_send_odd_page, client, method, address))


def _send_odd_page(client: Client, method: str, address: str) -> tuple[int, list[str]]:
    surprises, sent = [], 0
    with _noted_errors() as errors:
        for place, with_value in odd_requests.of_page(client, method, address):
            for name, value in odd_requests.ODD_VALUES.items():
                sent += 1
                if (status := odd_requests.send(client, method, *with_value(value))) >= 500:
                    told = "".join(errors[-1:])
                    surprises.append(f"{status} {method.upper()} {address} ({name} in {place})\n{told}")
    return sent, surprises


@contextmanager
def _noted_errors() -> Iterator[list[str]]:
    """Note the traceback of each error that a view raises, until the block ends."""
    errors: list[str] = []

    def note(**about: Any) -> None:
        errors.append(traceback.format_exc())

    got_request_exception.connect(note)
    try:
        yield errors
    finally:
        got_request_exception.disconnect(note)


def api_steps(address: str, keys: Keys) -> Iterator[Step]:
    """Yield a step for each path of the API, which sends each odd value in each place, and each odd body."""
    reading, writing = defaultdict[str, list[Callable[[str], str]]](list), defaultdict[str, list[str]](list)
    for path, with_value in odd_requests.api_places():
        reading[path].append(with_value)
    for method, path in odd_requests.writing():
        writing[path].append(method)
    for path in sorted({*reading, *writing}):
        yield Step("values", path, partial(_send_odd_requests, address, keys, path, reading[path], writing[path]))


def _send_odd_requests(
    address: str, keys: Keys, path: str, reading: list[Callable[[str], str]], writing: list[str]
) -> tuple[int, list[str]]:
    key = keys.device if odd_requests.OF_DEVICES.match(path) else keys.person
    surprises, sent = [], 0
    for name, value in odd_requests.ODD_VALUES.items():
        for with_value in reading:
            sent += 1
            # gunicorn itself refuses a line of more than 4,094 characters, such as one with 5,000 digits.
            if (status := _status(address, with_value(value), key)) not in (200, 400, 404, 414):
                surprises.append(f"{status} GET {with_value(value)[:120]} ({name})")
    for method in writing:
        for name, body in odd_requests.ODD_BODIES.items():
            sent += 1
            if (status := _status(address, path, key, method.upper(), body)) >= 500:
                surprises.append(f"{status} {method.upper()} {path} ({name})")
    return sent, surprises


def schema_steps(address: str, keys: Keys, *, cases: int) -> Iterator[Step]:
    """Yield a step for each first part of the API's paths, of up to `cases` requests per phase and operation."""
    parts = {match[0] for path in odd_requests.schema()["paths"] if (match := re.match("/api/v1/[^/]+/", path))}
    for part in sorted(parts):
        yield Step("schema", part, partial(_send_schema, address, keys, part, cases))


def _send_schema(address: str, keys: Keys, part: str, cases: int) -> tuple[int, list[str]]:
    senders = [] if odd_requests.OF_DEVICES.match(part) else [keys.person]
    senders += [keys.device] if re.match(FOR_DEVICES, part) else []
    which = ("--include-path-regex", f"^{re.escape(part)}")
    outcomes = [_run(address, key, cases, PHASES, *which) for key in senders]
    return sum(each.cases for each in outcomes), [each.report for each in outcomes if not each.well]


def _status(address: str, path: str, key: str, method: str = "GET", body: bytes | None = None) -> int:
    headers = {"Authorization": key, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _run(address: str, key: str, cases: int, phases: str, *which: str) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        schema, report = Path(folder) / "schema.json", Path(folder) / "report.ndjson"
        call_command("spectacular", "--format", "openapi-json", "--file", str(schema))
        command = [sys.executable, "-m", "schemathesis.cli", "run", str(schema), "--url", address, *which]
        command += ["--header", f"Authorization: {key}", "--max-examples", str(cases), "--phases", phases]
        command += ["--checks", ",".join(CHECKS), "--continue-on-failure", "--generation-database", "none"]
        command += ["--suppress-health-check", "all", "--seed", "1", "--no-color", "--warnings", "off"]
        command += ["--request-timeout", str(PATIENCE_S)]
        command += ["--report", "ndjson", "--report-ndjson-path", str(report)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        return Outcome(_cases(report), done.stdout + done.stderr, int(done.returncode != 0))


def _cases(report: Path) -> int:
    """Return the number of requests in the report."""
    events = [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []
    recorders = [event["ScenarioFinished"]["recorder"] for event in events if "ScenarioFinished" in event]
    return sum(len(recorder.get("interactions", ())) for recorder in recorders)


def _wait_for(web: "subprocess.Popen[bytes]", page: str) -> None:
    if not eventually(lambda: web.poll() is not None or _answers(page)) or web.poll() is not None:
        raise RuntimeError("The web server did not start.")


def _answers(page: str) -> bool:
    try:
        urllib.request.urlopen(page, timeout=PATIENCE_S).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
