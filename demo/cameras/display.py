"""`python -m demo.cameras.display`: the display before one of the demo's cameras. It reports each turn as a play."""

import argparse
import datetime as dt
import json
import logging
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demo.turns import CAMERA, CONTENTS, SCREEN, TURN_MS, turn_at

REPORT_EVERY = 15.0
"""Seconds between two reports; a play under way is reported with each."""

MOST_TURNS = 500
"""Turns that one report tells of after the pages were not reachable."""

RESPONSE_SECONDS = 5.0

log = logging.getLogger("display")


def plays_between(told: int, now: int) -> list[dict[str, Any]]:
    """Return the turns from the one that contains `told` to the one that contains `now` (epoch milliseconds), as the
    API takes plays; the last one goes on."""
    last = now // TURN_MS
    turns = range(max(told // TURN_MS, last - MOST_TURNS + 1), last + 1)
    plays = [{"content": CONTENTS[turn_at(turn * TURN_MS)], "start": _text(turn * TURN_MS)} for turn in turns]
    for turn, play in zip(turns, plays, strict=True):
        play |= {"end": _text((turn + 1) * TURN_MS)} if turn < last else {"seen": _text(now)}
    return plays


def _text(at: int) -> str:
    return dt.datetime.fromtimestamp(at / 1_000, dt.UTC).isoformat()


def report(address: str, token: str, plays: Sequence[dict[str, Any]]) -> None:
    """Report plays to the API of the pages at this address. Raises `OSError` where they are not reachable."""
    body = {"site": CAMERA.site.lower(), "screen": SCREEN, "plays": plays}
    request = urllib.request.Request(  # noqa: S310
        f"{address}/api/v1/plays/",
        json.dumps(body).encode(),
        {"Authorization": f"Token {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=RESPONSE_SECONDS) as response:  # noqa: S310
        for refused in json.load(response)["refused"]:
            log.warning("A play was refused: %s", refused["detail"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Show and report until SIGTERM or SIGINT; returns 0 then."""
    parser = argparse.ArgumentParser(prog="python -m demo.cameras.display", description="Simulate a display.")
    parser.add_argument("--address", required=True, help="address of the pages")
    parser.add_argument("--token-file", type=Path, required=True, help="file with a token of the API")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    told = now = round(time.time() * 1_000)
    while not stop.is_set():
        try:
            report(options.address, options.token_file.read_text().strip(), plays_between(told, now))
            told = now
        except OSError as error:
            log.info("The pages cannot be reached: %s", error)
        stop.wait(REPORT_EVERY)
        now = round(time.time() * 1_000)
    return 0


if __name__ == "__main__":
    sys.exit(main())
