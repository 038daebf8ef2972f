"""`python -m benchmarks.api_fuzzing`: odd and random requests to the API and to all pages, none of which may surprise.

Odd values (half a surrogate pair, NUL, the years 1 and 9999, 5,000 digits) are sent in each parameter, field and part
of the address of each page, and then in those of the API, whose web server is a real gunicorn with rows of every kind.
Then schemathesis calls every operation of the API's OpenAPI schema with requests that are valid, at the bounds of what
is valid, and invalid. A surprise is a response with a status of 5xx, or of the API one with a status, a content type or
a structure that the schema does not contain.

Prints each surprise when it happens, and a table in the end. Writes `benchmarks/results/api_fuzzing.json`, and exits
with 1 if there was a surprise. Stops after the given minutes; `--resume` goes on with what is left.
"""

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from benchmarks.tools import report, results

if TYPE_CHECKING:
    from tests.fuzzing.by_schema import Step

REQUESTS = {"pages": 5_000, "values": 1_000, "schema": 10_000}
"""The kinds of steps, in their order, each with the number of requests that a whole run sends at least."""

LEDGER = results.FOLDER / "api_fuzzing.jsonl"
"""A line for each step that is done."""


def main() -> None:
    asked = _parser().parse_args()
    deadline = time.monotonic() + asked.minutes * 60
    if not asked.resume:
        LEDGER.unlink(missing_ok=True)
    done = read_ledger(LEDGER)
    folder = Path(tempfile.mkdtemp(prefix="headcount-fuzzing-"))
    left = 0
    try:
        with ExitStack() as ends:
            steps = [step for step in _steps(folder, ends, asked.examples) if step.kind in (asked.only or REQUESTS)]
            for step in tqdm(steps, "steps", unit="step"):
                if (step.kind, step.name) in done:
                    continue
                if time.monotonic() > deadline:
                    left += 1
                    continue
                done[step.kind, step.name] = found = step.send()
                note(LEDGER, step, *found)
                tqdm.write("".join(f"{surprise}\n" for surprise in found[1]), end="")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if left:
        print(f"{asked.minutes:g} minutes are over, and {left} steps are left: run this again with --resume.")
    measured = [report.below("steps left", left, "", 1)]
    for kind in asked.only or REQUESTS:
        found_by_kind = [found for (each, _), found in done.items() if each == kind]
        requests, surprises = sum(count for count, _ in found_by_kind), sum(len(texts) for _, texts in found_by_kind)
        measured.append(report.at_least(f"{kind}: requests", requests, "", REQUESTS[kind]))
        measured.append(report.below(f"{kind}: surprises", surprises, "", 1))
    print(report.table(measured))
    results.write(results.FOLDER / "api_fuzzing.json", measured)
    sys.exit(not all(each.holds for each in measured))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api_fuzzing", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--examples",
        type=int,
        default=250,
        help="random requests for each operation, besides those at the bounds (250)",
    )
    parser.add_argument("--minutes", type=float, default=120, help="how long to send requests (120)")
    parser.add_argument("--only", nargs="+", choices=REQUESTS, help="kinds of requests to send (all)")
    parser.add_argument("--resume", action="store_true", help="leave out what earlier runs have done")
    return parser


def read_ledger(path: Path) -> dict[tuple[str, str], tuple[int, list[str]]]:
    """Return the number of requests and the surprises of each step that is done, by its kind and name."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {(each["kind"], each["name"]): (each["requests"], each["surprises"]) for each in map(json.loads, lines)}


def note(path: Path, step: "Step", requests: int, surprises: list[str]) -> None:
    """Add a step that is done to the ledger."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {"kind": step.kind, "name": step.name, "requests": requests, "surprises": surprises}
    with path.open("a") as ledger:
        ledger.write(json.dumps(line) + "\n")


def _steps(folder: Path, ends: ExitStack, examples: int) -> "Iterator[Step]":
    database = _prepared(folder)
    from devices.rules.roles import Role
    from tests.end_to_end import access_world
    from tests.fuzzing import by_schema
    from tests.world import places

    world = access_world.fill(places.user("owner", {places.seattle(): Role.OWNER}))
    yield from by_schema.page_steps(world)
    address = ends.enter_context(by_schema.server(database))
    yield from by_schema.api_steps(address, world["keys"])
    yield from by_schema.schema_steps(address, world["keys"], cases=examples)


def _prepared(folder: Path) -> str:
    """Create a database in this folder, connect this process to it, and return its URL."""
    database = f"sqlite:///{folder / 'fuzzing.sqlite3'}"
    os.environ |= {
        "DATA_DIR": str(folder),
        "DATABASE_URL": database,
        "DEBUG": "true",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "ERROR",
    }
    sys.path[:0] = [str(results.ROOT), str(results.ROOT / "platform")]
    import django

    django.setup()
    # Refused requests would be logged by the thousand; the surprises are printed.
    logging.disable(logging.CRITICAL)
    from django.core.management import call_command
    from django.test.utils import setup_test_environment

    setup_test_environment()  # Django's test client is a host that the platform does not know otherwise.
    call_command("migrate", verbosity=0)
    return database


if __name__ == "__main__":
    main()
