"""`python -m demo.steps`: what has to be there before the demo's programs start. Each step a line.

One process for all of it, for starting Django takes longer than any of the steps once they are done.
"""

import argparse
import io
import logging
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
from django.utils import timezone

from demo.running.surroundings import DemoError

DAYS, SEED = 14, 1


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.steps")
    parser.add_argument("--days", type=int, default=DAYS, help=f"of past to generate at the first start ({DAYS})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the past, 0 or more ({SEED})")
    options = parser.parse_args(arguments)
    django.setup()
    quietly = partial(call_command, stdout=io.StringIO(), verbosity=0)
    try:
        step("Models", lambda: quietly("fetch_models"))
        step("Plotting library", lambda: quietly("fetch_plotly"))
        step("Database", lambda: quietly("migrate", interactive=False))
        step("Static files", lambda: collect_static(quietly))
        step("Sites, devices and past", lambda: prepare_past(options.days, options.seed))
    except (CommandError, DemoError) as error:
        print(error, file=sys.stderr)
    except OperationalError as error:
        print(f"The database cannot be used; see to DATABASE_URL: {error}", file=sys.stderr)
    except OSError as error:
        print(f"DATA_DIR {settings.DATA_DIR} cannot be used: {error}", file=sys.stderr)
    else:
        return 0
    return 1


def prepare_past(days: int, seed: int) -> None:
    """Make the demo's sites, devices, administrator and past, unless they are there. Raises `DemoError`."""
    # Models can only be imported once Django is set up.
    from demo.preparation import prepare

    if not 1 <= days <= settings.FRAME_RETENTION_DAYS:
        raise DemoError(f"--days must be from 1 to FRAME_RETENTION_DAYS, {settings.FRAME_RETENTION_DAYS}.")
    if seed < 0:
        raise DemoError("--seed must be 0 or more.")
    # django-q logs a line for each picture that it is handed, which would tear the progress bar.
    logging.getLogger("django-q").setLevel(logging.WARNING)
    loaded = prepare(Path(settings.DATA_DIR), days=days, seed=seed, now=timezone.now()).loaded
    if loaded and loaded.quarantined:
        print(f"{loaded.quarantined} messages of the past were quarantined; the admin says why.", file=sys.stderr)


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
