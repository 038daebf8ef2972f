"""`python -m benchmarks.chaos [--short] [--only N]`: whether the platform loses or doubles messages under faults.

Starts its own PostgreSQL, Mosquitto and ingesters. While simulated devices send, it kills and restarts processes,
fills disks, steps clocks and sends odd payloads. Then it compares every accepted message with the rows in the database.
Prints a table, writes `benchmarks/results/chaos.json`, and exits with 1 if a promise did not hold.
"""

import argparse
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.faults.ingester import Standstill
from benchmarks.tools import results
from edge_agent.vision.files import models_folder
from tests.programs.postgres import server

if TYPE_CHECKING:
    from benchmarks.faults.scenarios import Result
    from benchmarks.faults.stage import Rig

ROOT = Path(__file__).resolve().parents[1]

DURABLE = "-c fsync=off -c track_commit_timestamp=on -c max_wal_size=4GB"
"""PostgreSQL's options: commits survive a crash of the server, but not a power cut, which is not among the faults."""

PER_SECOND = 50.0
"""Messages per second of all devices together."""

LONG: dict[int, dict[str, Any]] = {
    1: {"kills": 200, "per_second": PER_SECOND},
    2: {"kills": 50, "per_second": PER_SECOND},
    3: {"restarts": 20, "away_s": 180, "per_second": PER_SECOND},
    4: {"disk_bytes": 16_000_000, "messages": 4_000},
    5: {"messages": 100, "per_second": PER_SECOND},
    6: {"payloads": 1_000_000},
    7: {"kills": 20, "per_second": PER_SECOND},
    8: {"kills": 100, "pictures": 4},
    9: {
        "seconds": 60,
        "per_second": PER_SECOND,
        "poison_per_second": 5,
        "flood_per_second": 1_000,
        "pictures_per_second": 20,
    },
}
SHORT: dict[int, dict[str, Any]] = {
    1: {"kills": 3, "per_second": PER_SECOND},
    2: {"kills": 2, "per_second": PER_SECOND},
    3: {"restarts": 2, "away_s": 3, "per_second": PER_SECOND},
    4: {"disk_bytes": 6_000_000, "messages": 600},
    5: {"messages": 5, "per_second": PER_SECOND},
    6: {"payloads": 5_000},
    7: {"kills": 2, "per_second": PER_SECOND},
    8: {"kills": 3, "pictures": 4},
    9: {
        "seconds": 5,
        "per_second": PER_SECOND,
        "poison_per_second": 8,
        "flood_per_second": 200,
        "pictures_per_second": 5,
    },
}

Scenario = Callable[["Rig"], "Result"]


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="headcount-chaos-"))
    try:
        found = _run(options, folder)
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        print("\nStopped. All processes of this run have ended.", file=sys.stderr)
        return 130
    except SystemExit:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except Standstill as error:
        print(f"\nThe run ended without a result: {error}", file=sys.stderr)
        return 1
    holds = all(result.complete and result.in_time for result in found)
    print(table(found))
    results.write(options.results, measured(found))
    if holds:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"At least one promise did not hold. The logs are in {folder}.")
    return 0 if holds else 1


def _run(options: argparse.Namespace, folder: Path) -> "list[Result]":
    with server(DURABLE) as postgres:
        set_up_django(postgres.url, folder)
        # The devices' warnings are expected here, so they go to a log file and not to the screen.
        logging.basicConfig(filename=folder / "devices.log", level=logging.WARNING, force=True)
        from benchmarks.faults.stage import Rig

        rig = Rig(folder, postgres, random.Random(options.seed))
        return [scenario(rig) for scenario in _scenarios(options)]


def set_up_django(database_url: str, folder: Path) -> None:
    """Set up the platform's own settings on this empty database, for this process and its child processes."""
    os.environ["MODELS_DIR"] = str(models_folder())  # the fetched models, as the new data folder has none
    os.environ |= {"DATABASE_URL": database_url, "DATA_DIR": str(folder), "DEBUG": "true", "LOG_LEVEL": "WARNING"}
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _scenarios(options: argparse.Namespace) -> list[Scenario]:
    from benchmarks.faults import poison, scenarios

    functions: dict[int, Callable[..., Result]] = {
        1: scenarios.ingester_killed,
        2: scenarios.broker_killed,
        3: scenarios.database_away,
        4: scenarios.disk_full,
        5: scenarios.clock_stepped,
        6: scenarios.fuzzed,
        7: scenarios.two_ingesters,
        8: scenarios.workers_killed,
        9: poison.poisoned,
    }
    sizes = SHORT if options.short else LONG
    return [partial(functions[number], **sizes[number]) for number in options.only or functions]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="run about a minute of each scenario, as the tests do")
    parser.add_argument("--only", type=int, nargs="+", choices=sorted(LONG), help="scenarios to run (all)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random generator (1)")
    parser.add_argument("--results", type=Path, default=results.FOLDER / "chaos.json", help="file for the figures")
    return parser


COLUMNS = ("scenario", "faults", "messages", "lost", "doubled", "quarantined", "crashes", "max delay", "holds")


def table(found: "list[Result]") -> str:
    rows = [COLUMNS, *(_row(result) for result in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *(f"{result.name}: {result.note}." for result in found if result.note)])


def _row(result: "Result") -> tuple[str, ...]:
    outcome, longest = result.outcome, result.outcome.delay()
    numbers = (result.faults, outcome.messages, outcome.lost, outcome.doubled, outcome.quarantined, result.crashes)
    delay = "-" if longest is None else f"{longest:.2f} s"
    holds = "yes" if result.complete and result.in_time else "NO"
    return (result.name, *(f"{number:,}" for number in numbers), delay, holds)


def measured(found: "list[Result]") -> list[results.Measured]:
    return [each for result in found for each in _measured(result)]


def _measured(result: "Result") -> list[results.Measured]:
    outcome, name = result.outcome, result.name
    never = {"lost": outcome.lost, "doubled": outcome.doubled, "crashes": result.crashes}
    facts = {"faults": result.faults, "messages": outcome.messages, "quarantined": outcome.quarantined}
    goal = None if result.delay_goal_s is None else f"< {result.delay_goal_s:g}"
    usual_goal = None if result.p99_goal_s is None else f"< {result.p99_goal_s:g}"
    return [
        *(results.Measured(f"{name}: {what}", value, "", None, None) for what, value in facts.items()),
        *(results.Measured(f"{name}: {what}", value, "", "0", value == 0) for what, value in never.items()),
        results.Measured(f"{name}: max delay", outcome.delay(), "s", goal, result.in_time if goal else None),
        results.Measured(
            f"{name}: p99 delay", outcome.delay(0.99), "s", usual_goal, result.in_time if usual_goal else None
        ),
        results.Measured(f"{name}: ingester's peak memory", round(result.peak_mib), "MiB", None, None),
    ]


if __name__ == "__main__":
    sys.exit(main())
