"""`python -m analytics.demo.steps`: what has to be there before the demo's programs start. Each step a line.

One process for all of it, for starting Django takes longer than any of the steps once they are done.
"""

import argparse
import io
import sys
import time
from collections.abc import Callable
from functools import partial

import django
from django.core.management import CommandError, call_command


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, required=True)
    days = parser.parse_args(arguments).days
    django.setup()
    quietly = partial(call_command, stdout=io.StringIO(), verbosity=0)
    try:
        step("Models", lambda: quietly("fetch_models"))
        step("Plotting library", lambda: quietly("fetch_plotly"))
        step("Database", lambda: quietly("migrate", interactive=False))
        step("Static files", lambda: quietly("collectstatic", interactive=False))
        step("Sites, devices and past", lambda: quietly("prepare_demo", days=days))
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def step(name: str, work: Callable[[], object]) -> None:
    began = time.monotonic()
    work()
    print(f"  {name:<25}{time.monotonic() - began:6.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
