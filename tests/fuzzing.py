"""Runs schemathesis on a real web server: valid and invalid requests, generated from the API's schema."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.test import Client

from tests import odd_requests, places
from tests.api_world import Keys
from tests.brokers import free_port
from tests.house.files import ROOT
from tests.waiting import PATIENCE_S, eventually

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)

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


def run(address: str, keys: Keys, *, cases: int, phases: str = "examples,coverage,fuzzing") -> Outcome:
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


def send_odd_requests(address: str, keys: Keys) -> tuple[int, list[str]]:
    """Send the requests of `odd_requests` to the API. Return their number, and those that end in a server's error."""
    surprises, sent = [], 0
    for name, value in odd_requests.ODD_VALUES.items():
        for path in odd_requests.of_the_api(value):
            sent += 1
            key = keys.device if odd_requests.OF_DEVICES.match(path) else keys.person
            # gunicorn itself refuses a line of more than 4,094 characters, such as one with 5,000 digits.
            if (status := _status(address, path, key)) not in (200, 400, 404, 414):
                surprises.append(f"{status} GET {path[:120]} ({name})")
    for method, path in odd_requests.writing():
        for name, body in odd_requests.ODD_BODIES.items():
            sent += 1
            key = keys.device if odd_requests.OF_DEVICES.match(path) else keys.person
            if (status := _status(address, path, key, method.upper(), body)) >= 500:
                surprises.append(f"{status} {method.upper()} {path} ({name})")
    return sent, surprises


def send_odd_pages(world: dict[str, Any]) -> tuple[int, list[str]]:
    """Send all pages and forms each odd value in each place. Return the number of requests, and those that failed.

    `world` is that of access_world.py. The requests are sent to the application itself, without a web server.
    """
    client, surprises, sent = Client(raise_request_exception=False), [], 0
    client.force_login(places.superuser())
    for method, address in odd_requests.pages(world):
        for place, with_value in odd_requests.of_page(client, method, address):
            for name, value in odd_requests.ODD_VALUES.items():
                sent += 1
                if (status := odd_requests.send(client, method, *with_value(value))) >= 500:
                    surprises.append(f"{status} {method.upper()} {address} ({name} in {place})")
    return sent, surprises


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
