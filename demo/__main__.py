"""`python -m demo [--days N]`: start Headcount with cameras, and keep it running until Ctrl-C.

PORT (8000), DATA_DIR (var/) and MQTT_URL (a Mosquitto of the demo's own) come from the environment.
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
from demo.running.readiness import Access, answers, silent_devices
from demo.running.supervisor import STOP_WITHIN, Supervisor, end, spawn
from demo.running.surroundings import DemoError, Surroundings, surroundings

LOOK_EVERY = 0.2
"""Seconds between two looks at the programs, and the longest that a signal waits."""

READY_WITHIN = 90.0
"""Seconds after which what is still missing is named; nothing is given up."""


class Stopped(Exception):
    """Somebody wants the demo to end."""


class Signals:
    """Ctrl-C, SIGTERM and a closed terminal only set a flag, which the steps of the demo look at."""

    def __init__(self) -> None:
        self.received = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # As under nohup.
            signal.signal(signal.SIGHUP, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = True

    def wait(self, seconds: float = LOOK_EVERY) -> None:
        """Raises `Stopped` once a signal has come."""
        if not self.received:
            time.sleep(seconds)
        if self.received:
            raise Stopped


def main(arguments: list[str] | None = None) -> int:
    """0 after a signal to end, 1 where the demo cannot start (one sentence on stderr says why)."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Headcount with cameras.")
    parser.add_argument("--days", type=int, help="of past to generate at the first start (two weeks)")
    days = parser.parse_args(arguments).days
    signals = Signals()
    try:
        with surroundings(os.environ) as place:
            run(place, days, signals)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except Stopped:
        say("Stopped. The data is kept; `make demo` starts again.")
    return 0


def run(place: Surroundings, days: int | None, signals: Signals) -> None:
    """The demo's life. Raises `Stopped` at its end and `DemoError` where it cannot start."""
    began, since = time.monotonic(), dt.datetime.now(dt.UTC)
    say(f"Headcount's demo, with its data in {place.data}")
    prepare(place, days, signals)
    supervisor = Supervisor(place.data / "logs")
    try:
        for program in programs.all_of(place):
            supervisor.start(program)
        wait_until_ready(place, supervisor, signals, since)
        say(welcome(place, time.monotonic() - began))
        while True:
            look_after(supervisor, signals)
    finally:
        say("Stopping ...")
        supervisor.stop()


def prepare(place: Surroundings, days: int | None, signals: Signals) -> None:
    process = spawn(programs.preparation(place, days))
    try:
        while process.poll() is None:
            signals.wait()
    finally:
        end([process], STOP_WITHIN)
    if process.returncode < 0:
        raise DemoError(
            f"A native library ended the preparation ({signal.strsignal(-process.returncode)}). "
            "PYTHONFAULTHANDLER=1 make demo says where."
        )
    if process.returncode:
        raise DemoError("The demo could not be prepared; the reason is above. Mend that and start again.")


def wait_until_ready(place: Surroundings, supervisor: Supervisor, signals: Signals, since: dt.datetime) -> None:
    """Until the pages answer and every camera has been heard of. After `READY_WITHIN`, says once what is missing."""
    complain_at = time.monotonic() + READY_WITHIN
    while missing := what_is_missing(place, since):
        look_after(supervisor, signals)
        if time.monotonic() > complain_at:
            complain_at = math.inf
            say(f"Still waiting for {', '.join(sorted(missing))}; the logs are in {place.data / 'logs'}.")


def what_is_missing(place: Surroundings, since: dt.datetime) -> set[str]:
    if not answers(place.address):
        return {"the pages"}
    return silent_devices(Access(place.address, token(place)), programs.DEVICES, since)


def look_after(supervisor: Supervisor, signals: Signals) -> None:
    for sentence in supervisor.watch():
        say(sentence)
    signals.wait()


def welcome(place: Surroundings, seconds: float) -> str:
    return f"""
  Pages      {place.address}
  Admin      user admin, password {secret(place, "admin-password")}
  API        {place.address}/api/docs/
             curl -H "Authorization: Token {token(place)}" {place.address}/api/v1/devices/
  Logs       {place.data / "logs"}

Ready in {seconds:.0f} s. Ctrl-C stops everything.
"""


def token(place: Surroundings) -> str:
    return secret(place, "api-token")


def secret(place: Surroundings, name: str) -> str:
    """What the preparation wrote into this file for its owner's eyes."""
    return (place.data / name).read_text().strip()


def say(text: str) -> None:
    # The terminal may be gone, and that must not keep anything from being ended.
    with suppress(OSError):
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
