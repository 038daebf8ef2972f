"""`python -m benchmarks.api_fuzzing`: ten thousand odd requests to the API, of which none may surprise.

Schemathesis asks every operation of the API's description, on a real gunicorn with a database that has something of
everything: with what is allowed, at its bounds, and with what is not. A surprise is an answer of 5xx, or a status, a
content type or a shape that the description does not have. Prints a table and what surprised, with a curl line for
each, and writes `benchmarks/results/api_fuzzing.json`; ends with 1 where anything surprised.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import report, results

CASES = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--examples", type=int, default=250, help="of each operation, besides those at the bounds (250)"
    )
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="headcount-fuzzing-"))
    try:
        database = _prepared(folder)
        from tests import api_world, fuzzing

        keys = api_world.fill()
        with fuzzing.server(database) as address:
            outcome = fuzzing.run(address, keys, cases=asked.examples)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    measured = [
        report.at_least("requests", outcome.cases, "", CASES),
        report.below("runs with a surprise", outcome.surprised, "", 1),
    ]
    if outcome.surprised:
        print(outcome.report)
    print(report.table(measured))
    results.write(results.FOLDER / "api_fuzzing.json", measured)
    sys.exit(bool(outcome.surprised))


def _prepared(folder: Path) -> str:
    """The URL of an empty database in this folder, which this process uses from now on."""
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
