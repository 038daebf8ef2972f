"""Pages and the API read facts from a real streaming replica, as far as it can be relied on."""

import datetime as dt
import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest
from pyarrow import parquet

from benchmarks.exports import FORMATS
from benchmarks.tools.web import serving
from edge_agent import messages
from tests import clock
from tests.deploy.stack import Stack
from tests.deploy.test_stack import connected, publisher
from tests.programs import postgres

OTHER_TOKEN = """
from django.contrib.auth.models import User
from devices import services
print(services.issue_api_token(user=User.objects.create_superuser("other"), name="other")[1])
"""

pytestmark = [pytest.mark.real_clock, pytest.mark.timeout(900)]

Call = Callable[..., Any]


@pytest.fixture
def replica(stack: Stack, token: str) -> Iterator[postgres.Server]:
    with postgres.server("-c fsync=off -c hot_standby=on", primary=stack.database) as running:
        yield running


@pytest.fixture
def call(stack: Stack, replica: postgres.Server) -> Iterator[Call]:
    """Return a function that asks a web server with the replica, and returns the decoded response."""
    own = {"DATABASE_REPLICA_URL": replica.url, "HTTPS": "false", "ALLOWED_HOSTS": "127.0.0.1"}
    with serving(workers=1, environment=stack.environment | own) as address:

        def ask(path: str, token: str, body: Any = None, *, is_file: bool = False) -> Any:
            headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
            data = None if body is None else json.dumps(body).encode()
            with urllib.request.urlopen(urllib.request.Request(address + path, data, headers), timeout=60) as response:
                return response.read() if is_file else json.loads(response.read())

        yield ask


@pytest.fixture
def export(stack: Stack, token: str, call: Call) -> Callable[[str], int]:
    """Return a function that returns how many detections an export in this format has."""

    def rows(kind: str) -> int:
        body = call(f"/api/v1/detections/?device=Lobby&format={kind}", token, is_file=True)
        return len(body.splitlines()) - 1 if kind == "csv" else parquet.read_metadata(io.BytesIO(body)).num_rows

    return rows


def test_pages_and_exports_read_the_replica_and_own_writes_and_outages_the_primary(
    stack: Stack, token: str, replica: postgres.Server, call: Call, export: Callable[[str], int]
) -> None:
    other = stack.manage("shell", "--no-imports", "-c", OTHER_TOKEN).split()[-1]
    path = "/api/v1/engagement/?device=Lobby&bucket=hour"

    def frames(token: str) -> int:
        return sum(bucket["frames"] for bucket in call(path, token))

    stack.wait(lambda: len(call("/api/v1/devices/", token)["results"]) == 2, "the replica's web server")
    before, exported = frames(token), export("csv")
    with (
        psycopg.connect(stack.database.url, autocommit=True) as primary,
        psycopg.connect(replica.url, autocommit=True) as copy,
        latest_heartbeat(primary) as beats,
    ):
        beats(hours=1)
        stack.wait(lambda: latest(copy) == latest(primary), "the heartbeat in the replica")
        copy.execute("SELECT pg_wal_replay_pause()")
        stack.wait(lambda: is_paused(copy), "the replica to pause")
        stored = frames_in(primary)
        with connected(stack, "lobby-1", "one") as camera:
            assert publisher(camera)("dt/headcount/lobby-1/frames", with_a_face()) == "Success"
        stack.wait(lambda: frames_in(primary) == stored + 1, "the frame in the primary")
        stack.wait(lambda: frames(token) == before, "the numbers of the paused replica, which has not got the frame")
        assert [export(kind) for kind in FORMATS] == [exported] * 2, "an export is read from the replica"
        call("/api/v1/sites/", other, {"name": "Portland", "slug": "portland", "timezone": "America/Los_Angeles"})
        assert frames(other) == before + 1, "whoever has just written something reads the primary"
        assert frames(token) == before, "everybody else reads the replica"
        beats(hours=2)
        stack.wait(lambda: frames(token) == before + 1, "the primary's numbers, once the replica is too old")
        assert "FAIL database replica" in health(stack, replica)
        assert [export(kind) for kind in FORMATS] == [exported + 1] * 2
        # What is replayed from now on may cancel the statement that has resumed it.
        with suppress(psycopg.errors.SerializationFailure):
            copy.execute("SELECT pg_wal_replay_resume()")
    stack.wait(lambda: "ok   database replica" in health(stack, replica), "the replica to catch up")
    assert [export(kind) for kind in FORMATS] == [exported + 1] * 2
    replica.stop()
    stack.wait(lambda: answers(lambda: frames(token)), "pages without the replica", within=30)


@contextmanager
def latest_heartbeat(primary: psycopg.Connection[Any]) -> Iterator[Callable[..., None]]:
    """Yield a function that stores a heartbeat so long after now; it is deleted when the block ends.

    The age of a replica is told from the latest heartbeat on both sides. A heartbeat of the future stays the latest one
    until this function stores a later one, however slow the machine is.
    """
    process = "tests"

    def beat(**after: float) -> None:
        primary.execute(
            "INSERT INTO devices_heartbeat (process, at, numbers) VALUES (%s, now() + %s, '{}')"
            " ON CONFLICT (process) DO UPDATE SET at = excluded.at",
            [process, dt.timedelta(**after)],
        )

    try:
        yield beat
    finally:
        primary.execute("DELETE FROM devices_heartbeat WHERE process = %s", [process])


def latest(database: psycopg.Connection[Any]) -> Any:
    return database.execute("SELECT max(at) FROM devices_heartbeat").fetchone()


def frames_in(database: psycopg.Connection[Any]) -> Any:
    (count,) = database.execute("SELECT count(*) FROM analytics_frame").fetchone() or (0,)
    return count


def is_paused(replica: psycopg.Connection[Any]) -> bool:
    return replica.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() == ("paused",)


def with_a_face() -> bytes:
    at = clock.epoch_ms()
    seen = messages.Frame(taken_at=at, faces=(messages.Face(0.9, (1, 2, 30, 40)),))
    return messages.encode(messages.Frames(id=f"message-{at}", frames=(seen,)))


def answers(ask: Callable[[], object]) -> bool:
    """Whether the request succeeds. One to a replica that has just gone may fail with 503."""
    try:
        ask()
    except urllib.error.HTTPError as error:
        return error.code != 503
    return True


REPORT = """
from django.utils import timezone
from devices import health
for line in health.report(timezone.now()):
    print(line)
"""


def health(stack: Stack, replica: postgres.Server) -> str:
    """Return the report of a platform with the replica."""
    return stack.manage("shell", "--no-imports", "-c", REPORT, more={"DATABASE_REPLICA_URL": replica.url})
