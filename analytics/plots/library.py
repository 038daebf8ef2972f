"""The plotting library: which one, and where the browser finds it. `manage.py fetch_plotly` brings it."""

from pathlib import Path

from django.conf import settings
from django.templatetags.static import static

from edge_agent.vision.files import fetch_from_npm

PACKAGE = "plotly.js-basic-dist-min"
VERSION = "4.1.1"
"""Bars and lines are all that is drawn; the basic bundle has them in a third of the size."""
MEMBER = "plotly-basic.min.js"
SHA256 = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"

STATIC_NAME = f"plotly/plotly-basic-{VERSION}.min.js"
"""Its name among the static files, with the version in it, so that no browser keeps an old one."""


def path() -> Path:
    """Where the library lies once it is fetched: below a folder of `STATICFILES_DIRS`."""
    return Path(settings.ASSETS_DIR) / STATIC_NAME


def address() -> str | None:
    """Where the browser finds it, or None where `collectstatic` did not; the pages then say what to do."""
    try:
        return static(STATIC_NAME)
    except ValueError:
        return None


def fetch() -> Path:
    """Bring the library, checked by SHA-256, unless it is there. Raises `ModelsUnavailable` with a sentence."""
    fetch_from_npm(PACKAGE, VERSION, MEMBER, SHA256, path())
    return path()
