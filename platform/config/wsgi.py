"""The web server's way in: `gunicorn --pythonpath platform config.wsgi`."""

import gc
import os
from contextlib import suppress
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from django.template import engines
from django.urls import Resolver404, resolve, reverse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

OBJECTS_OF_A_PAGE = 50_000
"""More than any page is made of at a time: so many may be new before garbage is looked for."""


def warm_up() -> None:
    """Import all pages and the API, and compile addresses and templates: else the first visitor would wait for it.

    Asks nothing of the database, so that a server may do it before it forks its workers.
    """
    for name in ("overview", "admin:index"):  # each namespace has a table of its own
        reverse(name)
    with suppress(Resolver404):
        resolve("/no/such/page/")
    for folder in map(Path, engines["django"].dirs):
        for template in folder.rglob("*.html"):
            engines["django"].get_template(str(template.relative_to(folder)))
    # All that is there now stays: not to look for garbage in it spares somebody a pause now and then.
    gc.collect()
    gc.freeze()
    # Nor is what a page is made of garbage before it is sent; and little of it has cycles, which alone need be found.
    gc.set_threshold(OBJECTS_OF_A_PAGE)


application = get_wsgi_application()
warm_up()
