"""The WSGI application: `gunicorn --pythonpath platform config.wsgi`."""

import gc
import os
from contextlib import suppress
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from django.template import engines
from django.urls import Resolver404, resolve, reverse

from config.environment import keep_files_private

keep_files_private()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

OBJECTS_OF_A_PAGE = 50_000
"""New objects after which Python collects garbage: more than the rendering of any page needs at a time."""


def warm_up() -> None:
    """Import all views, and compile addresses and templates, so that the first visitor need not wait for it.

    Makes no query, so that a server may call it before it forks its workers.
    """
    for name in ("overview", "admin:index"):  # each namespace has its own table of addresses
        reverse(name)
    with suppress(Resolver404):
        resolve("/no/such/page/")
    for folder in map(Path, engines["django"].dirs):
        for template in folder.rglob("*.html"):
            engines["django"].get_template(str(template.relative_to(folder)))
    # Everything loaded by now stays, so collections need not search it; that avoids occasional pauses.
    gc.collect()
    gc.freeze()
    # The objects of a page are in use until it is sent, and few of them form cycles, so collections can wait.
    gc.set_threshold(OBJECTS_OF_A_PAGE)


application = get_wsgi_application()
warm_up()
