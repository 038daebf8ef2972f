"""What the tests of the whole house share."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from analytics.plots import library
from tests.chromium import Browser, chromium


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Browser]:
    settings.ASSETS_DIR = settings.STATICFILES_DIRS[0]
    library.fetch()
    # Playwright keeps an event loop in this thread, and Django would refuse the database beside one.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with chromium() as browser:
        yield browser
