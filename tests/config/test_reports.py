"""Logs stay short while the database is away, JSON is JSON, and Sentry and OpenTelemetry get what they are meant to."""

import gzip
import json
import logging
import logging.config
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import brotli
import pytest
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import Client

from config.reports import OneLinePerOutage, logging_settings
from tests.house.files import ROOT
from tests.programs.brokers import free_port


def lost_connection() -> OperationalError:
    """Return the error of a PostgreSQL that does not listen."""
    settings = connections[DEFAULT_DB_ALIAS].settings_dict
    nowhere = {"NAME": "x", "USER": "x", "PASSWORD": "", "HOST": "127.0.0.1", "PORT": free_port(), "OPTIONS": {}}
    away = DatabaseWrapper({**settings, **nowhere}, "away")
    with pytest.raises(OperationalError) as caught:
        away.ensure_connection()
    return caught.value


def record(error: BaseException | None) -> logging.LogRecord:
    trouble = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("some.logger", logging.ERROR, "", 0, "It failed.", (), trouble)


@pytest.mark.django_db
def test_an_outage_of_the_database_is_one_line_when_it_goes_and_one_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now, checks = [100.0], []
    outage = OneLinePerOutage(monotonic=lambda: now[0], later=lambda seconds, check: checks.append(check))
    error = lost_connection()
    first = record(error)
    assert outage.filter(first)
    assert first.getMessage().startswith("The database cannot be reached (connection")
    assert "\n" not in logging.Formatter().format(first)
    now[0] = 130.0
    assert [outage.filter(record(error)) for _ in range(36)] == [False] * 36
    outage.connected()
    outage.connected()
    now[0] = 133.0
    assert not outage.filter(record(error)), "a pooler has accepted the connection, but the database is still away"
    [check] = checks
    now[0] = 135.0
    check()
    assert caplog.records == []
    outage.connected()
    now[0] = 140.0
    checks[-1]()
    assert [line.getMessage() for line in caplog.records] == [
        "The database is back. It was away for 33 s; 37 further errors of its outage are not shown."
    ]
    outage.connected()
    assert len(checks) == 2


@pytest.mark.django_db
def test_an_error_that_an_outage_has_caused_belongs_to_it() -> None:
    try:
        try:
            raise lost_connection()
        except DatabaseError as error:
            raise ValueError("the page could not be made") from error
    except ValueError as error:
        caused = record(error)
    assert OneLinePerOutage().filter(caused)
    assert caused.exc_info is None


@pytest.mark.parametrize("error", [None, ValueError("wrong"), OperationalError("database is locked")])
def test_every_other_error_is_shown_whole_each_time(error: BaseException | None) -> None:
    outage = OneLinePerOutage()
    for _ in range(2):
        shown = record(error)
        assert outage.filter(shown)
        assert shown.getMessage() == "It failed."
        assert (shown.exc_info is None) is (error is None)


def run(code: str, **environment: str) -> str:
    """Run this code in a process of the platform, and return what it logs."""
    kept = os.environ | {"DEBUG": "true", "HTTPS": "false"} | environment
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_lines_are_json_objects_on_demand() -> None:
    code = "import logging; logging.getLogger('one').error('A “quoted” line\\nof two')"
    [line] = run(code, LOG_FORMAT="json").splitlines()
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("ERROR", "one", "A “quoted” line\nof two")
    assert set(told) == {"time", "level", "logger", "message", "process"}


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_about_a_request_names_its_route_and_not_what_somebody_has_typed(
    client: Client, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {**logging_settings(level="INFO", form=form), "disable_existing_loggers": False}
    before = logging.getLogger().handlers[:]
    try:
        logging.config.dictConfig({**settings, "root": {"handlers": ["stderr"], "level": "INFO"}})
        for address in ("/me/Quillfeather/?q=Quillfeather", "/Quillfeather/", "/api/v1/people/Quillfeather/"):
            client.get(address)
    finally:
        logging.getLogger().handlers = before
    said = capsys.readouterr().err
    assert "/me/<str:code>/" in said
    assert "an address that no page has" in said
    assert "Quillfeather" not in said


@contextmanager
def receiving() -> Iterator[tuple[int, list[tuple[str, bytes]]]]:
    """Yield the port of a server that accepts everything, and what it has received: the path and the body."""
    received: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, received
        finally:
            server.shutdown()
            thread.join()


def unpacked(body: bytes) -> bytes:
    """The library packs with brotli where that is installed, and else with gzip."""
    for unpack in (gzip.decompress, brotli.decompress):
        try:
            return bytes(unpack(body))
        except (OSError, brotli.error):
            continue
    return body


def test_errors_reach_sentry_without_the_values_of_variables() -> None:
    code = (
        "import logging\ntry:\n    person = 'Ada Lovelace'\n    1 / 0\nexcept ZeroDivisionError:\n"
        "    logging.getLogger('one').exception('It failed.')\nimport sentry_sdk; sentry_sdk.flush(60)"
    )
    with receiving() as (port, received):
        run(code, SENTRY_DSN=f"http://key@127.0.0.1:{port}/1", no_proxy="127.0.0.1")
    bodies = b"".join(unpacked(body) for _, body in received)
    assert b"ZeroDivisionError" in bodies
    assert b'"release":"0.' in bodies
    assert b"Ada Lovelace" not in bodies.replace(b"person = 'Ada Lovelace'", b"")


def test_each_request_is_traced_on_demand() -> None:
    code = (
        "from django.test import Client\nfrom opentelemetry import trace\n"
        "Client().get('/healthz')\ntrace.get_tracer_provider().force_flush()"
    )
    with receiving() as (port, received):
        run(code, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", no_proxy="127.0.0.1", ALLOWED_HOSTS="*")
    assert {path for path, _ in received} == {"/v1/traces"}
    assert b"healthz" in b"".join(body for _, body in received)
