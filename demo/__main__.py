"""`python -m demo [--days N]`: starts Headcount with simulated cameras, and keeps it running until Ctrl-C.

The environment may set PORT (default 8000), DATA_DIR (var/) and MQTT_URL (a Mosquitto that the demo starts).
"""

import argparse
import datetime as dt
import math
import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType

from demo.running import programs
from demo.running.environment import DemoEnvironment, DemoError, demo_environment
from demo.running.readiness import ApiClient, is_web_server_up, silent_devices
from demo.running.supervisor import STOP_WITHIN, Supervisor, spawn, terminate

CHECK_INTERVAL = 0.2
"""Seconds between two checks of the programs, and the longest delay of a signal."""

READY_WITHIN = 90.0
"""Seconds after which the demo names the parts that are not ready; it goes on waiting for them."""


class StopRequested(Exception):
    """A signal has requested the end of the demo."""


class Signals:
    """Ctrl-C, SIGTERM and a closed terminal set a flag, which the demo checks between its steps."""

    def __init__(self) -> None:
        self.received = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it.
            signal.signal(signal.SIGHUP, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = True

    def wait(self, seconds: float = CHECK_INTERVAL) -> None:
        """Sleep for these seconds. Raises `StopRequested` once a signal has come."""
        if not self.received:
            time.sleep(seconds)
        if self.received:
            raise StopRequested


def main(arguments: list[str] | None = None) -> int:
    """Run the demo. Returns 0 after a signal to end, and 1 where it cannot start: one sentence on stderr says why."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Run Headcount with simulated cameras.")
    parser.add_argument("--days", type=int, help="days of history to generate at the first start (14)")
    days = parser.parse_args(arguments).days
    signals = Signals()
    try:
        with demo_environment(os.environ) as environment:
            run(environment, days, signals)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except StopRequested:
        say("Stopped. The data is kept; `make demo` starts again.")
    return 0


def run(environment: DemoEnvironment, days: int | None, signals: Signals) -> None:
    """Start everything and keep it running. Raises `StopRequested` at the end, `DemoError` where it cannot start."""
    began, since = time.monotonic(), dt.datetime.now(dt.UTC)
    say(f"Headcount's demo stores its data in {environment.data}")
    prepare(environment, days, signals)
    supervisor = Supervisor(environment.data / "logs")
    try:
        for program in programs.all_programs(environment):
            supervisor.start(program)
        wait_until_ready(environment, supervisor, signals, since)
        say(welcome(environment, time.monotonic() - began))
        while True:
            check_programs(supervisor, signals)
    finally:
        say("Stopping ...")
        supervisor.stop()


def prepare(environment: DemoEnvironment, days: int | None, signals: Signals) -> None:
    """Run the preparation to its end. Raises `DemoError` where it fails."""
    process = spawn(programs.preparation(environment, days))
    try:
        while process.poll() is None:
            signals.wait()
    finally:
        terminate([process], STOP_WITHIN)
    if process.returncode < 0:
        raise DemoError(
            f"The preparation was ended by a signal ({signal.strsignal(-process.returncode)}), probably in a native "
            "library. Run PYTHONFAULTHANDLER=1 make demo to see where."
        )
    if process.returncode:
        raise DemoError("The demo could not be prepared. Remove the cause named above and start again.")


def wait_until_ready(
    environment: DemoEnvironment, supervisor: Supervisor, signals: Signals, since: dt.datetime
) -> None:
    """Wait until the web server responds and the platform has heard from every camera.

    After `READY_WITHIN`, print once which of them are missing.
    """
    report_at = time.monotonic() + READY_WITHIN
    while missing := missing_parts(environment, since):
        check_programs(supervisor, signals)
        if time.monotonic() > report_at:
            report_at = math.inf
            say(f"Still waiting for {', '.join(sorted(missing))}; the logs are in {environment.data / 'logs'}.")


def missing_parts(environment: DemoEnvironment, since: dt.datetime) -> set[str]:
    """Return the names of the parts that are not ready: the pages, or devices that were silent since then."""
    if not is_web_server_up(environment.address):
        return {"the pages"}
    return silent_devices(ApiClient(environment.address, token(environment)), programs.DEVICES, since)


def check_programs(supervisor: Supervisor, signals: Signals) -> None:
    for sentence in supervisor.restart_ended():
        say(sentence)
    signals.wait()


def welcome(environment: DemoEnvironment, seconds: float) -> str:
    return f"""
  Pages      {environment.pages}
  Admin      user admin, password {secret(environment, "admin-password")}
  API        {environment.pages}/api/docs/
             curl -H "Authorization: Token {token(environment)}" {environment.address}/api/v1/devices/
  Logs       {environment.data / "logs"}

Ready in {seconds:.0f} s. Ctrl-C stops everything.
"""


def token(environment: DemoEnvironment) -> str:
    return secret(environment, "api-token")


def secret(environment: DemoEnvironment, name: str) -> str:
    """Return the secret that the preparation wrote into this file, which only its owner can read."""
    return (environment.data / name).read_text().strip()


def say(text: str) -> None:
    # The terminal may be closed; the programs must be ended all the same.
    with suppress(OSError):
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
