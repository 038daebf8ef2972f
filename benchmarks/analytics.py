"""`python -m benchmarks.analytics`: whether response times of plots and numbers grow with the number of frames.

The data is thirty days of one camera, as 50 thousand, 5 million and 50 million frames, each in its own database on one
PostgreSQL. The largest takes five to ten minutes and 13 GB; see `--frames`. For each database in turn, one process
requests the device's page, the page's plots, and `engagement/` for the thirty days, without a network. It also runs a
plain GROUP BY over the frames. A further database has a year of one camera (`--year`): there the process requests the
pages of 30 days and of the year of the device and of its site, and the overview, each the first time, when nothing is
kept, and repeated. Then the method of the cameras' tutorial is measured, with records in S3. Last, a real Chromium
loads the page from a real gunicorn. Prints a table and writes `benchmarks/results/analytics.json`.
"""

import argparse
import datetime as dt
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Request

from benchmarks.data import analytics_data
from benchmarks.galaxy import percentile
from benchmarks.tools import production, report, results, web
from tests.programs.postgres import NOT_DURABLE, server

SIZES = (50_000, 5_000_000, 50_000_000)
YEAR_FRAMES = 5_000_000
YEAR = 365
"""Days of the further database: some 55,000 occupied spells."""
RATIO = 1.2
P95_MS = 50.0
YEAR_P95_MS = 100.0
TIMES = 100.0
"""The required ratio of the tutorial's time to that of `engagement/`. With a real S3 the ratio would be larger."""
SCRIPT_KB = 500.0
PAINT_MS = 1_000.0
RECORDS = 5_000
BULK = "-c full_page_writes=off -c max_wal_size=8GB"
"""PostgreSQL's options for the bulk insert. The measured requests write nothing, so the options do not affect them."""
PLAIN = """
SELECT date_trunc('hour', taken_at, 'America/Chicago'), avg(faces), max(faces), count(*)
FROM analytics_frame WHERE device_id = 1 AND taken_at >= %s AND taken_at < %s GROUP BY 1 ORDER BY 1
"""
PAINTED = """() => new Promise(resolve => {
    const look = () => document.querySelector(".js-plotly-plot .main-svg .point")
        ? requestAnimationFrame(() => resolve(performance.now())) : requestAnimationFrame(look);
    look();
})"""

Times = dict[str, dict[int, list[float]]]
"""Milliseconds by the kind of request and by the number of frames."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--frames", type=int, nargs="+", default=SIZES, help="numbers of frames, ascending (50000 5000000 50000000)"
    )
    parser.add_argument("--year", type=int, default=YEAR_FRAMES, help="frames in a year of days; 0: no year (5000000)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--asks", type=int, default=20, help="requests of each kind in a round (20)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="headcount-analytics-"))
    try:
        with server(f"{NOT_DURABLE} {BULK}") as postgres:
            _prepare(folder, postgres.url)
            measured = measure(options.frames, options.year, options.rounds, options.asks)
    except KeyboardInterrupt:
        print("\nStopped. All processes of this run have ended.", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(report.table(measured))
    results.write(results.FOLDER / "analytics.json", measured)
    return 0


def _prepare(folder: Path, url: str) -> None:
    """Set up the platform's settings with this folder and database server."""
    os.environ |= production.environment(folder) | {
        "DATABASE_URL": url,
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        # Playwright runs an event loop in this thread, so Django would refuse database queries.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    }
    sys.path[:0] = [str(results.ROOT), str(results.ROOT / "platform")]
    fetched = results.ROOT / "var" / "assets"
    if fetched.exists():
        (folder / "assets").symlink_to(fetched)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("fetch_plotly", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    import config.wsgi  # noqa: F401 - as a web server begins


def measure(sizes: Sequence[int], year: int, rounds: int, asks: int) -> list[results.Measured]:
    from benchmarks.data import tutorial

    last = dt.datetime.now(dt.UTC).date()
    pages = {size: _filled(f"frames_{size}", size, last) for size in sizes}
    times = in_turn(pages, last, rounds, asks)
    measured = judged(times)
    print(report.table(measured), flush=True)
    if year:
        of_year = pages_of_year(_filled("year", year, last, days=YEAR), rounds * asks)
        print(report.table(of_year), flush=True)
        measured += of_year
    tutorial_ms = tutorial.seconds_of(RECORDS) * 1000
    ours = statistics.median(times["engagement/"][sizes[-1]])
    measured += [
        report.told(f"the tutorial's way, {RECORDS:,} records", tutorial_ms, "ms"),
        report.at_least("the tutorial's way, to engagement/ at the most frames", tutorial_ms / ours, "times", TIMES),
    ]
    _use(f"frames_{sizes[0]}")
    return measured + in_browser(pages[sizes[0]])


def _use(database: str) -> None:
    """Connect this process to this database."""
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = database
    os.environ["DATABASE_URL"] = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{database}"


def _filled(database: str, size: int, last: dt.date, days: int = analytics_data.DAYS) -> str:
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = "postgres"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database}")
    _use(database)
    call_command("migrate", verbosity=0)
    User.objects.create_superuser("bench")
    return analytics_data.load(size, last=last, days=days)


UNMEASURED = 5
"""Requests of each page before those that are measured: a running platform has imported what it needs, and has warm
connections."""


def pages_of_year(page: str, asks: int) -> list[results.Measured]:
    """Measure the pages of the connected database, each the first time and repeated; `page` is that of its device."""
    from django.core.cache import caches

    get = _get()
    measured = []
    for days, goal in ((analytics_data.DAYS, P95_MS), (YEAR, YEAR_P95_MS)):
        places = {"device": page, "site": page.partition("devices/")[0]}
        paths = {f"page of a {name}": path for name, path in places.items()}
        paths |= {f"plots of a {name}": f"{path}plots/" for name, path in places.items()}
        asked = {f"{name}, {days} days": partial(get, path, days=days) for name, path in paths.items()}
        if days == analytics_data.DAYS:
            asked["overview"] = partial(get, "/")
        for name, ask in asked.items():
            for _ in range(UNMEASURED):
                caches["process"].clear()
                ask()
            times: dict[str, list[float]] = {"the first time": [], "repeated": []}
            for _ in range(asks):
                caches["process"].clear()
                for kept in times.values():
                    kept.append(_milliseconds(ask))
            for kind, kept in times.items():
                measured.append(report.told(f"{name}, {kind}, median", statistics.median(kept), "ms"))
                measured.append(report.below(f"{name}, {kind}, p95", percentile(kept, 95), "ms", goal))
    return measured


def in_turn(pages: dict[int, str], last: dt.date, rounds: int, asks: int) -> Times:
    times: Times = {}
    for _ in range(rounds):
        for size, page in pages.items():
            _use(f"frames_{size}")
            for name, ask in _questions(page, last).items():
                kept = times.setdefault(name, {}).setdefault(size, [])
                if "GROUP BY" in name:
                    kept.append(_milliseconds(ask))
                    continue
                ask()  # The first request is not measured, because a running platform has warm connections and caches.
                kept += [_milliseconds(ask) for _ in range(asks)]
    return times


def _get() -> Callable[..., None]:
    """Return a function that requests a path with a query as a superuser of the connected database."""
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get())

    def get(path: str, **query: Any) -> None:
        answer = client.get(path, query)
        if answer.status_code != 200:
            raise SystemExit(f"{path} returned the HTTP status {answer.status_code} instead of 200.")

    return get


def _questions(page: str, last: dt.date) -> dict[str, Callable[[], object]]:
    from django.db import connection

    get = _get()
    first = last - dt.timedelta(days=analytics_data.DAYS - 1)

    def group() -> None:
        with connection.cursor() as cursor:
            cursor.execute(PLAIN, [first, last + dt.timedelta(days=1)])
            cursor.fetchall()

    hours = {"site": "benchmark", "device": "Camera", "from": str(first), "to": str(last), "bucket": "hour"}
    return {
        "device page": lambda: get(page, days=analytics_data.DAYS),
        "its plots": lambda: get(f"{page}plots/", days=analytics_data.DAYS),
        "engagement/": lambda: get("/api/v1/engagement/", **hours),
        "GROUP BY over frames": group,
    }


def _milliseconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def judged(times: Times) -> list[results.Measured]:
    measured = []
    for name, by_size in times.items():
        small, large = min(by_size), max(by_size)
        medians = {size: statistics.median(values) for size, values in by_size.items()}
        measured += [report.told(f"{name}, {size:,} frames, median", medians[size], "ms") for size in by_size]
        ratio = f"{name}, {large:,} to {small:,} frames"
        if "GROUP BY" in name:
            ours = statistics.median(times["engagement/"][large])
            measured.append(report.told(ratio, medians[large] / medians[small], "times"))
            measured.append(report.told(f"{name}, {large:,}, to engagement/", medians[large] / ours, "times"))
        else:
            measured.append(report.below(ratio, medians[large] / medians[small], "times", RATIO))
            p95 = percentile(by_size[large], 95)
            measured.append(report.below(f"{name}, {large:,} frames, p95", p95, "ms", P95_MS))
    return measured


def in_browser(page: str) -> list[results.Measured]:
    """Measure the page with its default period, in a browser with an empty cache and with a warm server."""
    from django.contrib.auth.models import User

    from tests.programs.chromium import chromium

    user = User.objects.get()
    painted, weight = [], 0
    with web.serving(workers=1) as address:
        for _ in range(4):
            with chromium() as browser:
                browser.sign_in_as(user, address)
                scripts: list[Request] = []
                # Playwright sets an attribute on the handler, which a method of a list does not allow.
                browser.page.on("requestfinished", partial(list.append, scripts))
                browser.page.goto(address + page, wait_until="commit")
                painted.append(float(browser.page.evaluate(PAINTED)))
                browser.page.wait_for_load_state("networkidle")
                files = [request for request in scripts if request.resource_type == "script"]
                weight = sum(request.sizes()["responseBodySize"] for request in files)
    return [
        report.below("JavaScript of the device page, compressed", weight / 1024, "KB", SCRIPT_KB),
        report.below("first plot painted, median", statistics.median(painted[1:]), "ms", PAINT_MS),
    ]


if __name__ == "__main__":
    sys.exit(main())
