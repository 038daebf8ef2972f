"""What the tests of the whole house share."""

import pytest
from pytest_django.fixtures import Settings

from analytics.plots import library
from tests.programs.chromium import Browser


@pytest.fixture
def browser(browser: Browser, settings: Settings) -> Browser:
    """As for every test, with the script that plots need."""
    settings.ASSETS_DIR = settings.STATICFILES_DIRS[0]
    library.fetch()
    return browser
