"""`make demo` from an empty folder: cameras, broker, ingester, task workers and pages, and nothing left behind."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import expect

from demo.sites import PERSON
from tests import clock
from tests.programs.brokers import free_port
from tests.programs.chromium import Browser
from tests.programs.terminal import as_from_a_terminal, as_in_the_background
from tests.programs.waiting import PATIENCE_S

pytestmark = [pytest.mark.real_clock, pytest.mark.once]

ROOT = Path(__file__).resolve().parents[2]

READY_WITHIN, FLOW_WITHIN, STOPPED_WITHIN = 600.0, 240.0, 40.0
"""Seconds, on a machine that is busy with other tests; the promises are 60, 60 and 10."""
VISITOR_WITHIN = 300.0
"""Seconds within which a visitor's picture is recognised: somebody comes within a minute and a half, also at night."""


class Demo:
    """A demo that was started as `make demo` starts it, on a folder and a port of its own."""

    def __init__(self, data: Path, port: int, started: Callable[[], object] = as_from_a_terminal) -> None:
        self.data = data
        self.address = f"http://127.0.0.1:{port}"
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demo", "--days", "1"],
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": str(data), "PORT": str(port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=started,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    def until_ready(self) -> None:
        wait_for(lambda: "Ready in" in self.said or self.process.poll() is not None, READY_WITHIN, lambda: self.said)
        assert self.process.poll() is None, self.said

    def password(self) -> str:
        return self._said(r"user admin, password (\S+)")

    def _said(self, pattern: str) -> str:
        found = re.search(pattern, self.said)
        assert found is not None, self.said
        return found[1]

    def get(self, path: str) -> Any:
        """What the API answers to the token that was printed."""
        token = self._said(r"Authorization: Token ([\w-]+)")
        request = urllib.request.Request(f"{self.address}/api/v1/{path}", headers={"Authorization": f"Token {token}"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def frames(self, device: str) -> int:
        return sum(bucket["frames"] for bucket in self.get(f"engagement/?device={device}&bucket=hour"))

    def has_more_frames(self, device: str, than: int) -> bool:
        return self.frames(device) > than

    def coffees(self) -> list[Any]:
        return [coffee for coffee in self.get("coffees/?page_size=1000")["results"] if is_of(coffee, PERSON)]

    def live_sightings(self, since: str) -> list[Any]:
        """Of anybody, in pictures that a real agent took since then."""
        captures = self.get(f"captures/?state=done&taken_at__gte={since}")["results"]
        return [sighting for capture in captures for sighting in capture["sightings"]]

    def left_behind(self) -> list[str]:
        """What still runs of all that was ever started by it: everything inherits its environment."""
        mark = f"DATA_DIR={self.data}\0".encode()
        return [program_of(folder) for folder in Path("/proc").glob("[0-9]*") if mark in read(folder / "environ")]

    def stops_after(self, number: signal.Signals) -> None:
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(STOPPED_WITHIN)
        wait_for(lambda: not self.left_behind(), began + STOPPED_WITHIN - time.monotonic(), self.left_behind)


def is_of(thing: Any, name: str) -> bool:
    return thing["person"] is not None and thing["person"]["name"] == name


def read(path: Path) -> bytes:
    try:
        return path.read_bytes() + b"\0"
    except OSError:  # It has ended meanwhile, or is not ours.
        return b""


def program_of(folder: Path) -> str:
    return read(folder / "cmdline").replace(b"\0", b" ").decode(errors="replace")


def wait_for(condition: Callable[[], object], seconds: float, otherwise: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.5)


@contextmanager
def running_demo(data: Path, started: Callable[[], object] = as_from_a_terminal) -> Iterator[Demo]:
    demo = Demo(data, free_port(), started)
    try:
        yield demo
    finally:
        demo.process.kill()
        demo.process.wait()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An empty folder, except that the plotting library need not be fetched again."""
    assets = Path(settings.STATICFILES_DIRS[0])
    if assets.is_dir():
        shutil.copytree(assets, tmp_path / "data" / "assets")
    return tmp_path / "data"


@pytest.mark.timeout(1800)
def test_the_demo_from_the_first_start_to_the_last_process(data: Path, browser: Browser) -> None:
    since = f"{clock.now():%Y-%m-%dT%H:%M:%SZ}"
    with running_demo(data) as demo:
        demo.until_ready()
        before = {name: demo.frames(name) for name in ("Seattle01", "Chicago01", "Chicago02")}
        assert {device["name"] for device in demo.get("devices/")["results"]} == set(before)

        browser.sign_in(demo.address, "admin", demo.password())
        browser.page.goto(f"{demo.address}/sites/seattle/devices/Seattle01/")
        expect(browser.page.locator(".js-plotly-plot svg .point path").first).to_be_visible()
        assert browser.troubles == []

        # Real agents' frames, an old DeepLens' frames, and a face that was found in a picture taken just now.
        for name, frames in before.items():
            wait_for(partial(demo.has_more_frames, name, frames), FLOW_WITHIN, partial(str, name))
        wait_for(lambda: demo.live_sightings(since), VISITOR_WITHIN, lambda: demo.get("captures/"))
        wait_for(demo.coffees, FLOW_WITHIN, lambda: demo.get("coffees/"))
        assert demo.get("quarantine/")["results"] == []
        coffees, password = len(demo.coffees()), demo.password()
        demo.stops_after(signal.SIGINT)
        assert demo.process.returncode == 0
        assert "The data is kept" in demo.said

    with running_demo(data) as again:
        again.until_ready()
        assert again.password() == password
        assert len(again.coffees()) >= coffees
        again.stops_after(signal.SIGKILL)


def test_a_taken_port_is_one_sentence_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        demo = Demo(tmp_path / "data", taken.getsockname()[1])
        assert demo.process.wait(PATIENCE_S) == 1
    wait_for(lambda: demo.said, PATIENCE_S, lambda: "it said nothing")
    assert len(demo.said.splitlines()) == 1
    assert "is taken by another program" in demo.said
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_demo_that_is_ended_while_it_prepares_leaves_nothing(data: Path, number: signal.Signals) -> None:
    with running_demo(data) as demo:
        wait_for(lambda: len(demo.left_behind()) > 1, PATIENCE_S, lambda: demo.said)
        demo.stops_after(number)
        assert demo.process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_demo_in_the_background_is_ended_by_who_asks_and_not_with_its_terminal(
    data: Path, number: signal.Signals
) -> None:
    with running_demo(data, as_in_the_background) as demo:
        wait_for(lambda: len(demo.left_behind()) > 1, PATIENCE_S, lambda: demo.said)
        demo.process.send_signal(signal.SIGHUP)
        time.sleep(1)
        assert demo.process.poll() is None, demo.said
        demo.stops_after(number)
        assert demo.process.returncode == 0
