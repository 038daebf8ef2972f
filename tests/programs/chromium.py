"""A real, headless Chromium for tests, which records a page's requests and errors."""

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

# The sandbox does not work for root, /dev/shm is small in containers, and servers have no graphics card.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]

PATIENCE_MS = 60_000
"""The timeout in milliseconds for every wait on a page, on a machine that may be busy."""

expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Browser:
    """One page of a new browser, with the hosts and errors recorded so far."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    """`host:port` of every request."""
    troubles: list[str] = field(default_factory=list)
    """Errors of scripts, errors on the console, and failed requests."""

    def sign_in(self, address: str, name: str, password: str) -> None:
        """Sign in with the login form."""
        self.page.goto(address)
        self.page.fill("input[name=login]", name)
        self.page.fill("input[name=password]", password)
        self.page.click("button.primary")

    def sign_in_as(self, user: Any, address: str) -> None:
        """Sign in without the form, by creating a session of this user for this server."""
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        self.page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss"):
            self.hosts.add(parts.netloc)


def until(page: Page, condition: str | Callable[[], object]) -> None:
    """Wait until a condition is true: a JavaScript expression in the page, or a Python function.

    Playwright's `wait_for_function` would violate the page's content security policy.
    """
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not (page.evaluate(condition) if isinstance(condition, str) else condition()):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(100)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a page of a new Chromium. Raises `RuntimeError` if Chromium is not installed."""
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
