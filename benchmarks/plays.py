"""How often experiments of contents tell a difference, and how long the attribution of plays takes.

    python -m benchmarks.plays [--experiments 1000] [--seed 1] [--plays 200000] [--visits 200000]
                               [--only experiments|attribution]

Experiments: people come to a display by the hour, as Poisson's process; 35 % do not look, the others look for a
log-normal time, and each day has a level of its own (8 %) of people and of attention. Each experiment first sees two
weeks in which nothing is compared, from which it announces its days, and then runs so long by a plan of its own. A
simulated world is kinder than a real one: its hours are independent.

Attribution: on a PostgreSQL of its own, plays of ten seconds and visits before twenty cameras of one site; one pass
computes all tallies, and the pages are asked for. Ten million plays need about 20 GB of disk for a while.
"""

import argparse
import datetime as dt
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.tools import production, report, results
from tests.programs.postgres import NOT_DURABLE, server

VISITS_A_DAY, DAY_SD, LIFT = 300, 0.08, 0.15
PROFILE = np.array([0.5, 0.7, 0.9, 1.1, 1.4, 1.3, 1.0, 0.9, 0.9, 1.0, 1.2, 1.1]) / 12
"""The share of a day's people in each of its hours, from 8 to 20."""

LOOK, MEDIAN_S, SPREAD = 0.65, 4.0, 0.7
PAST_DAYS = 14
CAMERAS, CONTENTS = 20, 12
PLAY_MS = 10_000
PLAYS_SHOWN = 60
"""The plays of one screen on the timeline of ten minutes that is asked for."""

PAGE_MS = 100.0
ASKS = 40
FIRST_DAY = dt.date(2026, 3, 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=1_000, help="experiments of each kind (1000)")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the simulated worlds (1)")
    parser.add_argument("--plays", type=int, default=200_000, help="plays (200000)")
    parser.add_argument("--visits", type=int, help="visits; by default as many as plays")
    parser.add_argument("--only", choices=("experiments", "attribution"))
    options = parser.parse_args()
    folder, measured = Path(tempfile.mkdtemp(prefix="headcount-plays-")), []
    try:
        with server(NOT_DURABLE) as postgres:
            _prepare(folder, postgres.url)
            if options.only != "attribution":
                measured += experiments(options.experiments, options.seed)
            if options.only != "experiments":
                measured += attribution(options.plays, options.visits or options.plays)
    except KeyboardInterrupt:
        print("\nStopped. All processes of this run have ended.", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(report.table(measured))
    results.write(results.FOLDER / "plays.json", measured)
    return 0


def _prepare(folder: Path, url: str) -> None:
    os.environ |= production.environment(folder) | {"DATABASE_URL": url, "ALLOWED_HOSTS": "testserver"}
    sys.path[:0] = [str(results.ROOT), str(results.ROOT / "platform")]
    import django

    django.setup()
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, verbosity=0)


def experiments(count: int, seed: int) -> list[results.Measured]:
    """Simulate experiments of both stop rules, with and without a difference."""
    from plays.experiments import plan
    from plays.experiments import verdicts as judged

    chance = np.random.default_rng(seed)
    days: dict[bool, list[int]] = {True: [], False: []}
    told = dict.fromkeys(("A/A", "found", "covered", "A/A at any time", "found at any time", "covered at any time"), 0)
    for number in range(count):
        past = _frame(PAST_DAYS)
        spreads = [
            _estimate(_world(chance, plan.draw(past, f"{seed} {number} {draw}"), past, 0.0)) for draw in range(2)
        ]
        spread = math.sqrt(statistics.fmean(each.spread**2 for each in spreads))
        for is_sequential in (False, True):
            needed = judged.squares_needed(spread, LIFT, is_sequential=is_sequential, power=judged.PLANNING_POWER)
            announced = judged.days_needed(needed, arms=2, squares_per_round=past.squares_per_round)
            days[is_sequential].append(announced)
            frame = _frame(announced)
            same, other = (
                _world(chance, plan.draw(frame, f"{seed} {number} {name}"), frame, lift)
                for name, lift in (("same", 0.0), ("other", LIFT))
            )
            if not is_sequential:
                null, real = (judged.fixed(_estimate(world), 12) for world in (same, other))
                told["A/A"] += null.p_value <= judged.ALPHA
                told["found"] += real.p_value <= judged.ALPHA and (real.ratio or 0) > 1
                told["covered"] += real.interval is not None and real.interval.low <= 1 + LIFT <= real.interval.high
                continue
            rounds = range(frame.squares_per_round, frame.squares + 1, frame.squares_per_round)
            looks = [look for look in rounds if look >= judged.FEWEST_SQUARES]
            nulls, reals = (
                [judged.sequential(_estimate(world[:look]), 12, planned=frame.squares) for look in looks]
                for world in (same, other)
            )
            told["A/A at any time"] += any(each.p_value <= judged.ALPHA for each in nulls)
            told["found at any time"] += any(each.p_value <= judged.ALPHA and (each.ratio or 0) > 1 for each in reals)
            told["covered at any time"] += all(
                each.interval is not None and each.interval.low <= 1 + LIFT <= each.interval.high for each in reals
            )
    share = {name: 100 * number / count for name, number in told.items()}
    return [
        report.at_most("A/A experiments that tell a difference, read at the end", share["A/A"], "%", 6.5),
        report.at_most("A/A experiments that tell one, read every two days", share["A/A at any time"], "%", 6.5),
        report.at_least(
            f"+{LIFT:.0%} of attention found within the announced days, at the end", share["found"], "%", 80
        ),
        report.at_least("the same, read every two days", share["found at any time"], "%", 80),
        report.at_most("announced days, median, read at the end", statistics.median(days[False]), "days", 14),
        report.told("announced days of 95 % of the experiments", float(np.quantile(days[False], 0.95)), "days"),
        report.told("announced days, median, read at any time", statistics.median(days[True]), "days"),
        report.between("intervals at the end that hold the lift", share["covered"], "%", 93, 97),
        report.at_least("intervals that hold it at all times", share["covered at any time"], "%", 95),
    ]


def _frame(days: int) -> Any:
    from plays.experiments import plan

    return plan.Frame(2, FIRST_DAY, days, 8, 20, 60, ZoneInfo("UTC"))


def _world(chance: np.random.Generator, blocks: Any, frame: Any, lift: float) -> Any:
    """Return [square, arm, (seconds of attention, visits)] of one simulated experiment."""
    cells = np.zeros((frame.squares, 2, 2))
    levels = np.exp(chance.normal(0, DAY_SD, (frame.days, 2)))
    for block in blocks:
        if not block.square:
            continue
        people, attention = levels[(block.starts_at.date() - FIRST_DAY).days]
        visits = chance.poisson(VISITS_A_DAY * PROFILE[block.starts_at.hour - 8] * people)
        seconds = np.exp(chance.normal(math.log(MEDIAN_S), SPREAD, visits)) * (chance.random(visits) < LOOK)
        total = seconds.sum() * attention * (1 + lift * block.arm)
        cells[block.square - 1, block.arm] += total, visits
    return cells


def _estimate(cells: Any) -> Any:
    from plays.experiments.verdicts import Cell, estimate

    found = estimate(*([Cell(*each) for each in cells[:, arm]] for arm in (0, 1)))
    assert found is not None
    return found


def attribution(count: int, visits: int) -> list[results.Measured]:
    """Attribute so many plays to so many visits in one pass, and ask for the pages."""
    start, end = load(count, visits)
    return [*compute(start, end, f"{count:,} plays and {visits:,} visits", count), *ask(end)]


def load(count: int, visits: int) -> tuple[dt.datetime, dt.datetime]:
    """Store so many plays and visits; return the start of the first play and the end of the last one."""
    from django.core.management import call_command
    from django.db import connection

    from devices.models import Device, Site, Thing
    from devices.storage import partitions
    from plays.models import Content, PlayDay, Screen

    call_command("migrate", verbosity=0)
    site = Site.objects.create(slug="bench", name="Bench", timezone="UTC")
    devices = [
        Device.objects.create(site=site, name=f"Camera{number}", thing=Thing.objects.create(name=f"camera-{number}"))
        for number in range(CAMERAS)
    ]
    screens = [Screen.objects.create(site=site, name=device.name, cameras=[device.name]) for device in devices]
    contents = Content.objects.bulk_create(
        Content(site=site, key=f"content {number}", name=f"Content {number}") for number in range(CONTENTS)
    )
    each = count // CAMERAS
    end = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    start = end - dt.timedelta(seconds=10 * each)
    partitions.make(start + dt.timedelta(days=day) for day in range(0, (end - start).days + 2, 7))
    first = contents[0].pk
    days = [(start + dt.timedelta(days=day)).date() for day in range((end - start).days + 2)]
    PlayDay.objects.bulk_create(
        PlayDay(device=device, day=day, is_changed=True, longest_ms=PLAY_MS) for device in devices for day in days
    )
    with connection.cursor() as cursor:
        for device, screen in zip(devices, screens, strict=True):
            cursor.execute(
                "INSERT INTO plays_play (device_id, started_at, key, screen_id, content_id, ended_at, is_closed,"
                " layout, position, source) SELECT %s, %s + n * interval '10 s', n, %s, %s + n %% %s,"
                " %s + (n + 1) * interval '10 s', true, '', n %% %s + 1, 'api' FROM generate_series(0, %s) n",
                [device.pk, start, screen.pk, first, CONTENTS, start, CONTENTS, each - 1],
            )
            cursor.execute(
                "INSERT INTO analytics_visit (device_id, began_at, key, dwell_ms, attention_ms, bodies, ended)"
                " SELECT %s, %s + n * %s * interval '1 ms' + n %% 7 * interval '1 s', n::text, 3000 + n %% 17 * 1000,"
                " 1000 + n %% 5 * 400, true, true FROM generate_series(0, %s) n",
                [device.pk, start, PLAY_MS * count / visits, visits // CAMERAS - 1],
            )
        cursor.execute("ANALYZE")
    return start, end


def compute(start: dt.datetime, end: dt.datetime, what: str, count: int) -> list[results.Measured]:
    """Compute all tallies in one pass."""
    from django.db import transaction

    from devices.models import Device
    from plays.attribution import services
    from plays.models import ContentQuarter

    began = time.perf_counter()
    with transaction.atomic():
        services.compute(Device.objects.in_bulk(), start, end + dt.timedelta(days=1), now=end)
    seconds = time.perf_counter() - began
    return [
        report.told(f"one pass over {what}", seconds, "s"),
        report.told("plays a second", count / seconds, "plays/s"),
        report.told("tallies", ContentQuarter.objects.count(), "rows"),
    ]


def ask(end: dt.datetime) -> list[results.Measured]:
    """Ask for the pages whose newest play ends at `end`."""
    from django.contrib.auth.models import User
    from django.test import Client

    from plays.models import Content

    User.objects.create_superuser("bench", password="bench")
    client, first = Client(), Content.objects.earliest("pk").pk
    client.force_login(User.objects.get())
    pages = {
        "the list of contents": "/contents/?days=28",
        "a content": f"/sites/bench/contents/{first}/?days=28",
        "the timeline": f"/sites/bench/plays/?span=10m&from={(end - dt.timedelta(hours=2)):%Y-%m-%dT%H:%M}",
        "the timeline of a day": f"/sites/bench/plays/?span=1d&from={(end - dt.timedelta(hours=26)):%Y-%m-%dT%H:%M}",
    }
    measured = []
    assert client.get(pages["the timeline"], secure=True).content.count(b"play-bar") > CAMERAS * PLAYS_SHOWN // 2
    for name, address in pages.items():
        times, busy = [], []
        for _ in range(ASKS):
            asked, began = time.perf_counter(), time.process_time()
            assert client.get(address, secure=True).status_code == 200
            times.append(1000 * (time.perf_counter() - asked))
            busy.append(1000 * (time.process_time() - began))
        slowest = statistics.quantiles(times[2:], n=20)[-1]
        measured.append(report.at_most(f"{name}, 95 % of the requests", slowest, "ms", PAGE_MS))
        measured.append(report.told("  of which the web server is busy, median", statistics.median(busy[2:]), "ms"))
    return measured


if __name__ == "__main__":
    sys.exit(main())
