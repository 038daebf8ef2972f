"""Walls and real web servers: two that answer alike, and one that is killed and started again."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from django.db import connection
from playwright.sync_api import expect

from devices.models import Device
from tests import clock
from tests.analytics.features.galaxy.conftest import people
from tests.house.files import ROOT
from tests.programs.brokers import free_port
from tests.programs.chromium import Browser
from tests.programs.waiting import PATIENCE_S

pytestmark = [
    pytest.mark.real_clock,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(240),
]


class Server:
    """A web server on the tests' database, at the same address each time it is started."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "--pythonpath", "platform", "--bind", f"127.0.0.1:{self.port}"]
        self._process = subprocess.Popen(
            [*command, "--log-level", "critical", "config.wsgi"], cwd=ROOT, env=os.environ | {"DATABASE_URL": url()}
        )
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def kill(self) -> None:
        if self._process is None:
            return
        # Gunicorn's worker notices by itself, within a second or so, that its parent is gone.
        self._process.kill()
        self._process.wait()
        self._process = None
        while self._answers():
            time.sleep(0.1)

    def get(self, path: str) -> tuple[bytes, str]:
        """Body and ETag."""
        with urllib.request.urlopen(self.address + path, timeout=PATIENCE_S) as answer:
            return answer.read(), answer.headers["ETag"]

    def _answers(self) -> bool:
        try:
            self.get("/accounts/login/")
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


def url() -> str:
    """The tests' own database, for another process."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return f"postgres://{database['USER']}@/{database['NAME']}?host={quote(database['HOST'], safe='')}"


@contextmanager
def server() -> Iterator[Server]:
    started = Server()
    try:
        started.start()
        yield started
    finally:
        started.kill()


def test_two_processes_answer_with_the_same_bytes(past: None, both: str, seattle01: Device) -> None:
    paths = [
        *(f"/wall/t/{both}/seattle/today/of/3/{number}" for number in (3, 1, 2)),
        f"/wall/t/{both}/seattle/week/of/3/1.svg",
        f"/wall/t/{both}/all/leaderboard/of/3/1.svg",
        f"/wall/t/{both}/all/sites/of/3.svg",
        *(f"/wall/t/{both}/kml/{name}" for name in ("link.kml", "engagement.kml", "tour.kml", "totals.png")),
    ]
    with server() as one, server() as two:
        for path in paths:
            before, number = b"", 0
            while (answer := one.get(path))[0] != before:  # Unless a slot ended meanwhile, the first time is enough.
                before = answer[0]
                people(seattle01, clock.now(), number := number + 1)
                other = two.get(path)
                if own_address(one, answer[0]) == own_address(two, other[0]):
                    break
            assert own_address(one, answer[0]) == own_address(two, other[0])


def own_address(server: Server, body: bytes) -> bytes:
    """The body without what differs because the two servers of this test have an address each."""
    return body.replace(server.address.encode(), b"")


def test_the_last_picture_stays_while_the_server_is_away(past: None, token: str, browser: Browser) -> None:
    page = browser.page
    page.clock.install()
    with server() as platform:
        page.goto(f"{platform.address}/wall/t/{token}/seattle/today/of/3/1")
        expect(page.locator("#away")).to_be_hidden()
        platform.kill()

        # What was under way when the server went has come or failed by the time the page says so.
        while not page.locator("#away").is_visible():
            page.clock.fast_forward(20_000)
            page.wait_for_timeout(100)
        shown = page.inner_html("#wall")
        news = page.locator("#wall svg").get_attribute("data-news")
        assert news
        page.clock.fast_forward(60_000)
        expect(page.locator("#away")).to_have_text(f"No connection since {news}")
        assert page.inner_html("#wall") == shown

        platform.start()
        page.clock.fast_forward(20_000)
        # The page asks again by its own clock, and a busy machine may not answer the first time.
        expect(page.locator("#away")).to_be_hidden(timeout=60_000)
        expect(page.locator("#wall svg text").first).to_be_visible()
