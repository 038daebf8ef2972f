"""A real Chromium for tests, without a window, that notes what a page asked for and what went wrong in it."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, Request, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

# Root has no sandbox, containers little /dev/shm, and servers no graphics card.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]

PATIENCE_MS = 30_000
"""For whatever a page is waited for, on a machine that may be busy."""

expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Browser:
    """One page of a fresh browser, and what it did so far."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    """`host:port` of everything that was asked for."""
    troubles: list[str] = field(default_factory=list)
    """Errors of scripts, errors on the console, and requests that failed."""

    def sign_in(self, address: str, name: str, password: str) -> None:
        """By the form that whoever is not signed in is led to."""
        self.page.goto(address)
        self.page.fill("input[name=username]", name)
        self.page.fill("input[name=password]", password)
        self.page.click("button:has-text('Sign in')")

    def sign_in_as(self, user: Any, address: str) -> None:
        """Without the form: with a session of this user at this server."""
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        self.page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss"):
            self.hosts.add(parts.netloc)


def until(page: Page, condition: str | Callable[[], object]) -> None:
    """Wait until a script in the page says so, or what the test itself has seen of it.

    Playwright's own way of waiting is against the page's content security policy.
    """
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not (page.evaluate(condition) if isinstance(condition, str) else condition()):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(100)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Raises `RuntimeError` where there is no Chromium."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise RuntimeError("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        process = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = process.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        browser = Browser(page)
        page.on("request", browser._note_request)
        page.on("pageerror", lambda error: browser.troubles.append(f"script: {error}"))
        page.on(
            "console", lambda line: browser.troubles.append(f"console: {line.text}") if line.type == "error" else None
        )
        page.on(
            "response",
            lambda answer: browser.troubles.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None,
        )
        try:
            yield browser
        finally:
            process.close()
