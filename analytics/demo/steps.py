"""`python -m analytics.demo.steps`: what has to be there before the demo's programs start. Each step a line.

One process for all of it, for starting Django takes longer than any of the steps once they are done.
"""

import argparse
import io
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.db import OperationalError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int)
    days = parser.parse_args(arguments).days
    django.setup()
    quietly = partial(call_command, stdout=io.StringIO(), verbosity=0)
    try:
        step("Models", lambda: quietly("fetch_models"))
        step("Plotting library", lambda: quietly("fetch_plotly"))
        step("Database", lambda: quietly("migrate", interactive=False))
        step("Static files", lambda: collect_static(quietly))
        step("Sites, devices and past", lambda: quietly("prepare_demo", **({} if days is None else {"days": days})))
    except CommandError as error:
        print(error, file=sys.stderr)
    except OperationalError as error:
        print(f"The database cannot be used; see to DATABASE_URL: {error}", file=sys.stderr)
    except OSError as error:
        print(f"DATA_DIR {settings.DATA_DIR} cannot be used: {error}", file=sys.stderr)
    else:
        return 0
    return 1


def collect_static(quietly: Callable[..., object]) -> None:
    """Collect the static files where one has changed; to compress all of them takes longer than every other step."""
    stamp = Path(settings.DATA_DIR) / "static.collected"
    state = "".join(
        f"{path} {status.st_size} {status.st_mtime_ns}\n"
        for finder in get_finders()
        for path, storage in finder.list([])
        for status in [Path(storage.path(path)).stat()]
    )
    if not stamp.exists() or stamp.read_text() != state:
        quietly("collectstatic", interactive=False)
        stamp.write_text(state)


def step(name: str, work: Callable[[], object]) -> None:
    began = time.monotonic()
    work()
    print(f"  {name:<25}{time.monotonic() - began:6.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
