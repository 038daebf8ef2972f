"""`python -m benchmarks.galaxy`: response times and database queries of walls and globes.

The data is 100 sites with two cameras each and a full day of tallies, on SQLite. The first part simulates a day of a
rig in steps: in each slot, 50 screens and 50 globes send a request, and the database queries are counted. The second
part measures response times of a real gunicorn with two workers of eight threads. 50 screens send one request per
second each, thirty times as often as a real screen, and globes request all columns. Prints a table and writes
`benchmarks/results/galaxy.json`.
"""

import argparse
import datetime as dt
import math
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from tqdm import tqdm

from benchmarks.tools import production, report, results, web

SITES, CAMERAS, SCREENS = 100, 2, 50
ZONES = ("America/Los_Angeles", "America/Chicago", "Europe/London", "Asia/Kolkata", "Asia/Tokyo")
WALL = 5
BOARDS = ("site-0/today", "site-0/week", "all/sites", "all/leaderboard")
P95_MS = 50.0
MOST_QUERIES = 300
"""The largest allowed number of database queries per slot."""

GLOBE_EVERY = 10
"""Every tenth screen also requests the columns, as a globe does."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="seconds for which the screens send requests (60)")
    parser.add_argument("--slots", type=int, default=48, help="number of measured slots of the simulated day (48)")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="headcount-galaxy-"))
    try:
        token = prepared(folder)
        queries = queries_of_slots(token, asked.slots)
        with web.serving() as address:
            screens, globes = times_of(address, token, asked.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    measured = [
        report.below("a screen of a wall, p95", percentile(screens, 95), "ms", P95_MS),
        report.told("a screen of a wall, median", statistics.median(screens), "ms"),
        report.told("answers to screens", len(screens), ""),
        report.below("columns of 100 sites, p95", percentile(globes, 95), "ms", P95_MS),
        report.told("columns of 100 sites, median", statistics.median(globes), "ms"),
        report.told("answers to globes", len(globes), ""),
        report.below("queries of a slot, 50 screens and 50 globes", max(queries), "", MOST_QUERIES),
        report.told("queries of a slot, median", statistics.median(queries), ""),
    ]
    print(report.table(measured))
    results.write(results.FOLDER / "galaxy.json", measured)


def prepared(folder: Path) -> str:
    """Set up a platform with its sites in this folder. Return a wall token that is valid for all sites."""
    os.environ |= production.environment(folder) | {"DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}"}
    sys.path[:0] = [str(results.ROOT), str(results.ROOT / "platform")]
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    return _fill()


def _fill() -> str:
    from django.contrib.auth.models import User

    from analytics.features.galaxy.serving.services import create_wall_token
    from analytics.models import EngagementQuarter
    from analytics.models.quarters import QUARTER, quarter_start
    from devices.services import register_device, register_site

    chance = random.Random(5)
    now = quarter_start(dt.datetime.now(dt.UTC))
    sites, rows = [], []
    for number in range(SITES):
        latitude, longitude = chance.uniform(-60, 70), chance.uniform(-180, 180)
        zone = ZONES[number % len(ZONES)]
        name = f"site-{number}"
        sites.append(register_site(name=name.title(), slug=name, timezone=zone, latitude=latitude, longitude=longitude))
        for camera in range(CAMERAS):
            device = register_device(site=sites[-1], name=f"C{camera}", thing_name=f"t-{number}-{camera}")
            rows += [
                EngagementQuarter(
                    device=device,
                    start=now - QUARTER * quarter,
                    frames=900,
                    faces_sum=chance.randrange(3_000),
                    faces_peak=chance.randrange(9),
                    minutes_seen=2**15 - 1,
                    minutes_occupied=chance.randrange(2**15),
                    minutes_told=2**15 - 1,
                )
                for quarter in range(-100, 100)
            ]
    EngagementQuarter.objects.bulk_create(rows, batch_size=2_000)
    admin = User.objects.create_superuser("bench")
    return create_wall_token(name="bench", sites=sites, by=admin)[1]


def screen_path(token: str, number: int) -> str:
    return f"/wall/t/{token}/{BOARDS[number // WALL % len(BOARDS)]}/of/{WALL}/{number % WALL + 1}.svg"


def globe_path(token: str) -> str:
    return f"/wall/t/{token}/kml/engagement.kml"


def queries_of_slots(token: str, slots: int) -> list[int]:
    """Return the number of database queries in each of this many slots, spread over a day, in one process."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client, start, counts = Client(), dt.datetime.now(dt.UTC), []
    for slot in tqdm(range(slots), desc="a simulated day", unit="slot", leave=False):
        moment = start + dt.timedelta(days=slot / slots)
        clock = mock.patch("django.utils.timezone.now", lambda moment=moment: moment)
        with clock, CaptureQueriesContext(connection) as queries:
            for number in range(SCREENS):
                _fine(client.get(screen_path(token, number), headers={"host": "localhost"}).status_code)
                _fine(client.get(globe_path(token), headers={"host": "localhost"}).status_code)
        counts.append(len(queries))
    connection.close()
    return counts


def _fine(status: int) -> None:
    if status != 200:
        raise SystemExit(f"The benchmark received the HTTP status {status} instead of 200.")


def times_of(address: str, token: str, seconds: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each response to a screen, and of each response to a globe."""
    screens: list[float] = []
    globes: list[float] = []
    ends = time.monotonic() + seconds

    def poll(number: int) -> None:
        time.sleep(number / SCREENS)
        while time.monotonic() < ends:
            began = time.monotonic()
            screens.append(_asked(address + screen_path(token, number)))
            if number % GLOBE_EVERY == 0:
                globes.append(_asked(address + globe_path(token)))
            time.sleep(max(0.0, 1 - (time.monotonic() - began)))

    threads = [threading.Thread(target=poll, args=[number]) for number in range(SCREENS)]
    for thread in threads:
        thread.start()
    for _ in tqdm(range(seconds), desc="50 screens send requests", unit="s", leave=False):
        time.sleep(1)
    for thread in threads:
        thread.join()
    return screens, globes


def _asked(address: str) -> float:
    began = time.perf_counter()
    with urllib.request.urlopen(address, timeout=30) as answer:
        answer.read()
    return (time.perf_counter() - began) * 1000


def percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


if __name__ == "__main__":
    main()
