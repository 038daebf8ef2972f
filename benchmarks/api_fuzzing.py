"""`python -m benchmarks.api_fuzzing`: ten thousand random requests to the API, compared with its OpenAPI schema.

Schemathesis calls every operation of the schema on a real gunicorn, whose database has rows of every kind. The requests
are valid, at the bounds of what is valid, and invalid. A surprise is a response with a status of 5xx, or with a status,
a content type or a structure that the schema does not contain. Odd values (half a surrogate pair, NUL, the years 1 and
9999, 5,000 digits) are sent in each parameter of the API, and in each parameter, field and part of the address of each
page. Prints a table, and each surprise with a curl command.
Writes `benchmarks/results/api_fuzzing.json`, and exits with 1 if there was a surprise.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.tools import report, results

CASES = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--examples",
        type=int,
        default=250,
        help="random requests for each operation, besides those at the bounds (250)",
    )
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="headcount-fuzzing-"))
    try:
        database = _prepared(folder)
        from devices.rules.roles import Role
        from tests import fuzzing, places
        from tests.end_to_end import access_world

        world = access_world.fill(places.user("owner", {places.seattle(): Role.OWNER}))
        pages, odd_pages = fuzzing.send_odd_pages(world)
        keys = world["keys"]
        with fuzzing.server(database) as address:
            outcome = fuzzing.run(address, keys, cases=asked.examples)
            odd, surprises = fuzzing.send_odd_requests(address, keys)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    measured = [
        report.at_least("requests", outcome.cases, "", CASES),
        report.below("runs with a surprise", outcome.surprised, "", 1),
        report.at_least("requests with odd values", odd, "", 1_000),
        report.below("odd values that the server did not refuse", len(surprises), "", 1),
        report.at_least("requests of pages with odd values", pages, "", 5_000),
        report.below("pages that failed at odd values", len(odd_pages), "", 1),
    ]
    print(*surprises, *odd_pages, sep="\n")
    if outcome.surprised:
        print(outcome.report)
    print(report.table(measured))
    results.write(results.FOLDER / "api_fuzzing.json", measured)
    sys.exit(bool(outcome.surprised or surprises or odd_pages))


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
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return database


if __name__ == "__main__":
    main()
