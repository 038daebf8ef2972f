"""`python -m benchmarks.fleet`: how large a fleet of cameras this machine holds.

Each simulated camera has its own MQTT connection, sends a message each second with two frames and the visits of who
stands there, and waits for the receipt (`benchmarks/tools/cameras.py`). Mosquitto has the queues of `deploy/mosquitto`,
without TLS. The ingesters, the task workers and gunicorn run as in production, on a durable PostgreSQL. A reader asks
the web server all the time for the newest detection of one camera: its age is what the table calls the delay to the
page. Where the fleet is too large, smaller ones are tried until one is held.

All programs and the cameras share this machine; the processor time of each is reported, and what other programs took.
PostgreSQL's is that of every PostgreSQL on the machine. Prints a table and writes `benchmarks/results/fleet.json`.
"""

import argparse
import datetime as dt
import http.client
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import psycopg

from benchmarks.tools import production, report, results, stand, web
from benchmarks.tools.cameras import FRAMES_A_MESSAGE, Outcome, thing_of
from benchmarks.tools.processor import idle_seconds, seconds_of, seconds_of_others, seconds_of_postgresql
from tests.programs import postgres
from tests.programs.brokers import mosquitto

POSTGRESQL = f"{stand.DURABLE} -c shared_buffers=1GB -c max_wal_size=4GB -c checkpoint_timeout=15min"
POSTGRESQL += " -c max_locks_per_transaction=512"
"""As docs/production.md advises."""

OTHER_FILES = 1_000
"""Open files and ports of the machine that are not those of cameras, at most."""

PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
CAMERAS_A_SITE = 100
ASKS_EVERY_S = 0.25
TRIED_FOR_S = 60
"""How long each fleet is tried. The largest that is held then speaks for all of the time that was asked for."""

TRIES = 5
STEP = 250
"""Fleets are tried in multiples of so many cameras, if they are larger."""

CAUTION = 0.95
"""The next fleet has this share of the cameras whose messages were held."""

IN_TIME, LONGEST_TO_PAGE_S = 0.99, 5
"""A fleet is held if this share of its messages got receipts in time, and the newest detections reach the page."""

DAY_S, QUARTERS_A_DAY = 86_400, 96
GIB = 2**30

WORLD = """
from django.contrib.auth.models import User
from devices import services
from devices.models import Device, DeviceState, Site, Thing
names = {names}
sites = Site.objects.bulk_create(
    Site(name=f"Site {{number}}", slug=f"site-{{number}}", timezone="UTC") for number in range({sites})
)
things = Thing.objects.bulk_create(Thing(name=name) for name in names)
Device.objects.bulk_create(
    Device(site=sites[number // {per_site}], name=thing.name, thing=thing) for number, thing in enumerate(things)
)
DeviceState.objects.bulk_create(DeviceState(thing=thing) for thing in things)
admin = User.objects.create_superuser("admin")
print(services.issue_api_token(user=admin, name="fleet")[1])
"""

FACTS = ("analytics_frame", "analytics_detection", "analytics_visit")
TALLIES = (
    "analytics_engagementquarter",
    "analytics_labelquarter",
    "analytics_visitquarter",
    "analytics_durationquarter",
    "analytics_signoflifequarter",
)
SIZE = """
SELECT coalesce(sum(pg_total_relation_size(relid)), pg_total_relation_size(%(table)s))
FROM pg_partition_tree(%(table)s) WHERE isleaf
"""


class Load(NamedTuple):
    """What was measured while so many cameras spoke for so many seconds."""

    cameras: int
    seconds: int
    outcome: Outcome
    cores: dict[str, float]
    """The cores that each part used."""
    ages_s: list[float]
    answers_ms: list[float]
    wal_bytes: int

    @property
    def rate(self) -> float:
        """Messages with a receipt a second."""
        return self.outcome.receipts_in_time / self.seconds

    @property
    def least_rate(self) -> float:
        # The messages of the last second still wait for their receipts.
        return int(self.cameras * IN_TIME * (self.seconds - 1) / self.seconds)

    @property
    def to_page_s(self) -> float:
        """The age of the newest detection that the page shows, p99."""
        return float(np.percentile(self.ages_s, 99)) if self.ages_s else float(self.seconds)

    @property
    def is_held(self) -> bool:
        is_whole = not self.outcome.again and not self.outcome.without_receipt
        return is_whole and self.rate >= self.least_rate and self.to_page_s < LONGEST_TO_PAGE_S


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cameras", type=int, default=10_000, help="the largest fleet to try (10,000)")
    parser.add_argument("--seconds", type=int, default=600, help="for which the cameras speak (600)")
    parser.add_argument("--ingesters", type=int, default=1, help="several share the messages as a group (1)")
    asked = parser.parse_args()
    raise_limits(asked.cameras)
    folder = Path(tempfile.mkdtemp(prefix="headcount-fleet-"))
    folder.chmod(0o755)
    try:
        with postgres.server(POSTGRESQL) as server:
            measured = measure(folder, server.url, asked.cameras, asked.seconds, asked.ingesters)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(report.table(measured))
    results.write(results.FOLDER / "fleet.json", measured)


def raise_limits(cameras: int) -> None:
    """Let this process and its children open a connection for each camera. Exits where this is not allowed."""
    needed = cameras + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, max(needed, hard)))
        except (ValueError, OSError):
            raise SystemExit(
                f"{cameras:,} connections need {needed:,} open files, and this user may have {hard:,}: raise"
                " `ulimit -Hn`, or give fewer --cameras."
            ) from None
    first, last = map(int, PORTS.read_text().split())
    if last - first < needed:
        raise SystemExit(
            f"{cameras:,} connections need {needed:,} ports, and this machine has {last - first:,}: widen"
            " net.ipv4.ip_local_port_range with sysctl, or give fewer --cameras."
        )


def measure(folder: Path, url: str, cameras: int, seconds: int, ingesters: int = 1) -> list[results.Measured]:
    """Run the fleet against a platform on this empty PostgreSQL.

    Raises `RuntimeError` if a frame was lost or counted twice.
    """
    with mosquitto(folder / "mosquitto", stand.queues_of_production()) as broker:
        environment = os.environ | production.environment(folder)
        environment |= {"DATABASE_URL": url, "MQTT_URL": broker.url}
        stand.run(["manage.py", "migrate", "--no-input", "--verbosity", "0"], environment)
        stand.run(["manage.py", "collectstatic", "--no-input", "--verbosity", "0"], environment)
        names = f"[f'camera-{{number:05}}' for number in range({cameras})]"
        world = WORLD.format(names=names, sites=-(-cameras // CAMERAS_A_SITE), per_site=CAMERAS_A_SITE)
        token = stand.run(["manage.py", "shell", "--no-imports", "-c", world], environment).split()[-1]
        with (
            ExitStack() as stack,
            stand.process(["manage.py", "qcluster"], environment) as workers,
            web.serving(environment=environment) as address,
        ):
            options = [] if ingesters == 1 else ["--share", "agents"]
            taking = [stand.process(["manage.py", "ingest", *options], environment) for _ in range(ingesters)]
            pids = {"ingesters": [stack.enter_context(each) for each in taking]}
            pids |= {"task workers": [workers], "Mosquitto": [broker.pid]}

            def run(size: int, duration: int) -> Load:
                load = _load(url, broker.port, address, token, pids, size, duration)
                print(_told(load), flush=True)
                return load

            tried = list(search(run, cameras, min(seconds, TRIED_FOR_S)))
            if tried[-1].is_held and seconds > TRIED_FOR_S:
                tried.append(run(tried[-1].cameras, seconds))
        with psycopg.connect(url, autocommit=True) as database:
            return list(_judged(tried, database))


def search(run: Callable[[int, int], Load], most: int, seconds: int) -> Iterator[Load]:
    """Let fleets speak, the largest first, until one is held. Yield what was measured; the last one may be held."""
    cameras = most
    for _ in range(TRIES):
        load = run(cameras, seconds)
        yield load
        if load.is_held or cameras == 1:
            return
        fewer = int(min(load.rate, cameras) * CAUTION)
        cameras = max(fewer // STEP * STEP or fewer, 1)


def _told(load: Load) -> str:
    cores = ", ".join(f"{name} {used:.2f}" for name, used in load.cores.items())
    return (
        f"{load.cameras:,} cameras for {load.seconds} s: {load.rate:,.0f} messages a second with a receipt,"
        f" {load.outcome.again:,} sent again, {load.to_page_s:.1f} s to the page (p99):"
        f" {'held' if load.is_held else 'NOT held'}. Cores: {cores}."
    )


def _load(
    url: str, port: int, address: str, token: str, pids: dict[str, list[int]], cameras: int, seconds: int
) -> Load:
    """Let the cameras speak, and measure meanwhile."""
    command = [sys.executable, "-m", "benchmarks.tools.cameras", str(port), str(cameras), str(seconds)]
    with (
        psycopg.connect(url, autocommit=True) as database,
        subprocess.Popen(command, cwd=results.ROOT, stdout=subprocess.PIPE, text=True) as fleet,
    ):
        assert fleet.stdout is not None
        if json.loads(fleet.stdout.readline() or "0") != cameras:
            raise RuntimeError("The cameras could not connect; the lines above say why.")
        begins = json.loads(fleet.stdout.readline())
        time.sleep(max(0.0, begins - time.time()))
        before, wal = _processor(pids, fleet.pid), _wal(database)
        with _reader(address, token, begins) as (ages, answers):
            time.sleep(seconds)
        after = _processor(pids, fleet.pid)
        cores = {name: (after[name] - before[name]) / seconds for name in before}
        cores["other programs"] = max((os.cpu_count() or 1) - sum(cores.values()), 0.0)
        said = fleet.stdout.readline()
        if not said:
            raise RuntimeError("The cameras ended early; the lines above say why.")
        return Load(cameras, seconds, Outcome(**json.loads(said)), cores, ages, answers, _wal(database) - wal)


def _processor(pids: dict[str, list[int]], fleet: int) -> dict[str, float]:
    """Return the processor seconds of each part until now; the web servers' are what is left of all."""
    idle = idle_seconds()
    found = {name: sum(map(seconds_of, each)) for name, each in pids.items()} | {"PostgreSQL": seconds_of_postgresql()}
    found["the cameras themselves"] = seconds_of(fleet)
    return found | {"web server": seconds_of_others() - sum(found.values()), "idle": idle}


def _wal(database: psycopg.Connection[tuple[int, ...]]) -> int:
    found = database.execute("SELECT (pg_current_wal_lsn() - '0/0')::bigint").fetchone()
    return found[0] if found else 0


@contextmanager
def _reader(address: str, token: str, begins: float) -> Iterator[tuple[list[float], list[float]]]:
    """Ask for the newest detection of the first camera, which speaks since `begins`, until the block ends.

    Yield two lists that grow: how old that detection was, in seconds, and how long the responses took, in milliseconds.
    """
    ages: list[float] = []
    answers: list[float] = []
    stop = threading.Event()
    path = f"/api/v1/detections/?device={thing_of(0)}&page_size=1"
    thread = threading.Thread(target=_read, args=[address, path, token, begins, stop, ages, answers])
    thread.start()
    try:
        yield ages, answers
    finally:
        stop.set()
        thread.join()


def _read(
    address: str,
    path: str,
    token: str,
    begins: float,
    stop: threading.Event,
    ages: list[float],
    answers: list[float],
) -> None:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    while not stop.wait(ASKS_EVERY_S):
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Token {token}"})
        response = connection.getresponse()
        found = json.loads(response.read())
        answers.append((time.perf_counter() - began) * 1000)
        if response.status != 200:
            raise RuntimeError(f"The API answers {response.status}: {found}")
        taken_at = [dt.datetime.fromisoformat(each["taken_at"]).timestamp() for each in found["results"]]
        # What was seen before these cameras began is not their delay.
        ages.append(time.time() - max([begins, *taken_at]))


def _judged(tried: list[Load], database: psycopg.Connection[tuple[int, ...]]) -> Iterator[results.Measured]:
    load = tried[-1]
    outcome, cameras = load.outcome, load.cameras
    (stored,) = database.execute("SELECT count(*) FROM analytics_frame").fetchone() or (0,)
    sent = sum(each.outcome.sent for each in tried) * FRAMES_A_MESSAGE
    if not any(each.outcome.without_receipt for each in tried) and stored != sent:
        raise RuntimeError(f"{stored:,} frames are stored instead of {sent:,}.")
    yield report.at_least("cameras that this machine holds", cameras if load.is_held else 0, "", tried[0].cameras)
    yield report.told("cameras", cameras, "")
    yield report.at_least("messages with a receipt", load.rate, "1/s", load.least_rate)
    yield report.told("frames", load.rate * FRAMES_A_MESSAGE, "1/s")
    yield report.at_most("messages without a receipt at the end", outcome.without_receipt, "", 0)
    yield report.at_most("messages that were sent again", outcome.again, "", 0)
    yield report.told("delay to the receipt, p50", outcome.p50_ms / 1000, "s")
    yield report.told("delay to the receipt, p99", outcome.p99_ms / 1000, "s")
    yield report.below("delay to the page, p99", load.to_page_s, "s", LONGEST_TO_PAGE_S)
    yield report.told("response of the web server, p95", float(np.percentile(load.answers_ms, 95)), "ms")
    yield report.told("cameras were late, p99", outcome.late_p99_ms, "ms")
    for name, cores in load.cores.items():
        yield report.told(f"processor: {name}", cores, "cores")
    for each in tried[:-1]:
        yield report.told(f"of {each.cameras:,} cameras for {each.seconds} s: with a receipt", each.rate, "1/s")
        yield report.told(f"of {each.cameras:,} cameras for {each.seconds} s: sent again", each.outcome.again, "")
        yield report.told(f"of {each.cameras:,} cameras for {each.seconds} s: to the page, p99", each.to_page_s, "s")
    disk = _bytes_a_day(database, sum(each.cameras * each.seconds for each in tried))
    for name, size in disk.items():
        yield report.told(f"disk, a camera a day: {name}", size / 1e6, "MB")
    yield report.told("write-ahead log, a camera a day", load.wal_bytes / cameras / load.seconds * DAY_S / 1e6, "MB")
    yield from _limits(load, sum(disk.values()) * cameras)


def _bytes_a_day(database: psycopg.Connection[tuple[int, ...]], seconds: int) -> dict[str, float]:
    """Return the bytes that a camera adds in a day of 24 hours, by kind of table, with the indexes.

    `seconds` is for how long the cameras have spoken, added up.
    """
    found = {}
    for table in FACTS:
        found[table.removeprefix("analytics_") + "s"] = _size(database, table) / seconds * DAY_S
    tallies = 0.0
    for table in TALLIES:
        count = f"SELECT count(*), count(DISTINCT (device_id, start)) FROM {table}"
        rows, quarters = database.execute(count).fetchone() or (0, 0)
        if rows:
            tallies += _size(database, table) / quarters * QUARTERS_A_DAY
    return found | {"tallies": tallies}


def _size(database: psycopg.Connection[tuple[int, ...]], table: str) -> int:
    (size,) = database.execute(SIZE, {"table": table}).fetchone() or (0,)
    return int(size)


def _limits(load: Load, bytes_a_day: float) -> Iterator[results.Measured]:
    """Tell how much of each limit of this machine the fleet takes, the fullest first."""
    cores = os.cpu_count() or 1
    others = ("the cameras themselves", "idle", "other programs")
    platform = sum(used for name, used in load.cores.items() if name not in others)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    shares = {
        "one core for the ingesters": load.cores["ingesters"],
        f"{cores} cores for all of the platform": platform / cores,
        f"{cores} cores for all, the cameras too": (platform + load.cores["the cameras themselves"]) / cores,
    }
    for name, share in sorted(shares.items(), key=lambda each: -each[1]):
        yield report.told(f"taken of {name}", share * 100, "%")
    yield report.told(f"days until the disk is full ({free / GIB:.0f} GiB are free)", free / bytes_a_day, "days")


if __name__ == "__main__":
    main()
