"""The plotting library for the browser, and its address. `manage.py fetch_plotly` downloads it."""

from pathlib import Path

from django.conf import settings
from django.templatetags.static import static

from edge_agent.vision.files import fetch_from_npm

PACKAGE = "plotly.js-basic-dist-min"
VERSION = "4.1.1"
"""The basic bundle has bars and lines, which is all that the pages draw, in a third of the full library's size."""
MEMBER = "plotly-basic.min.js"
SHA256 = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"

STATIC_NAME = f"plotly/plotly-basic-{VERSION}.min.js"
"""The name among the static files; the version in it keeps browsers from using an old file of their cache."""


def path() -> Path:
    """Return the path of the downloaded library, below a folder of `STATICFILES_DIRS`."""
    return Path(settings.ASSETS_DIR) / STATIC_NAME


def address() -> str | None:
    """Return the library's address for the browser; None where `collectstatic` has not found the library."""
    try:
        return static(STATIC_NAME)
    except ValueError:
        return None


def fetch() -> Path:
    """Download the library unless it is there, check its SHA-256 and return its path.

    Raises `ModelsUnavailable` with a sentence where that fails.
    """
    fetch_from_npm(PACKAGE, VERSION, MEMBER, SHA256, path())
    return path()
