"""`python -m demo.steps`: runs the steps before the demo's programs start, and prints a line for each.

All steps run in one process, because starting Django takes longer than a step that was done before.
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

from demo.running.environment import DemoError
from edge_agent.vision.files import ModelsUnavailable, models_folder

DAYS, SEED = 14, 1


def main(arguments: list[str] | None = None) -> int:
    """Run all steps. Returns 0, or 1 where a step fails: one sentence on stderr says why."""
    parser = argparse.ArgumentParser(prog="python -m demo.steps")
    parser.add_argument(
        "--days", type=int, default=DAYS, help=f"days of history to generate at the first start ({DAYS})"
    )
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed of the generated history, 0 or more ({SEED})")
    options = parser.parse_args(arguments)
    django.setup()
    quietly = partial(call_command, stdout=io.StringIO(), verbosity=0)
    try:
        run_step("Models", lambda: quietly("fetch_models"))
        run_step("Photographs", fetch_photographs)
        run_step("Plotting library", lambda: quietly("fetch_plotly"))
        run_step("Database", lambda: quietly("migrate", interactive=False))
        run_step("Static files", lambda: collect_static(quietly))
        run_step("Sites, devices, history", lambda: prepare_past(options.days, options.seed))
    except (CommandError, DemoError, ModelsUnavailable) as error:
        print(error, file=sys.stderr)
    except OperationalError as error:
        print(f"The database cannot be used; check DATABASE_URL: {error}", file=sys.stderr)
    except OSError as error:
        print(f"DATA_DIR {settings.DATA_DIR} cannot be used: {error}", file=sys.stderr)
    else:
        return 0
    return 1


def fetch_photographs() -> None:
    """Fetch the photographs of the demo's visitors. Raises `ModelsUnavailable`."""
    # OpenCV takes a while to import.
    from demo.cameras import people

    people.fetch(models_folder())


def prepare_past(days: int, seed: int) -> None:
    """Create the demo's sites, devices, administrator and history where they are missing. Raises `DemoError`."""
    # Models can only be imported once Django is set up.
    from demo.database import prepare

    if not 1 <= days <= settings.FRAME_RETENTION_DAYS:
        raise DemoError(f"--days must be from 1 to FRAME_RETENTION_DAYS, {settings.FRAME_RETENTION_DAYS}.")
    if seed < 0:
        raise DemoError("--seed must be 0 or more.")
    # django-q logs a line for each queued picture, which would break up the progress bar.
    logging.getLogger("django-q").setLevel(logging.WARNING)
    loaded = prepare(Path(settings.DATA_DIR), days=days, seed=seed, now=timezone.now()).loaded
    if loaded and loaded.quarantined:
        print(
            f"{loaded.quarantined} messages of the history were quarantined; the admin's quarantine shows why.",
            file=sys.stderr,
        )


def collect_static(quietly: Callable[..., object]) -> None:
    """Collect the static files if one has changed, since compressing them takes longer than every other step."""
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


def run_step(name: str, work: Callable[[], object]) -> None:
    """Do this work, then print its name and duration."""
    began = time.monotonic()
    work()
    print(f"  {name:<25}{time.monotonic() - began:6.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
