import gc
from typing import NoReturn

import pytest
from django.template import engines
from django.template.loaders import filesystem
from django.urls import clear_url_caches, resolvers, reverse

from config import wsgi


def test_the_first_visitor_waits_for_no_template_and_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is asked of the database, which no test may that does not say so."""
    clear_url_caches()
    for loader in engines["django"].engine.template_loaders:
        loader.reset()
    wsgi.warm_up()
    gc.unfreeze()

    def too_late(*arguments: object) -> NoReturn:
        raise AssertionError("This was to be done before the first visitor came.")

    monkeypatch.setattr(filesystem.Loader, "get_contents", too_late)
    monkeypatch.setattr(resolvers, "normalize", too_late)
    for name in ("base.html", "analytics/device.html", "analytics/plots.html", "registration/login.html"):
        engines["django"].get_template(name)
    assert reverse("device", args=["seattle", "Seattle01"]) == "/sites/seattle/devices/Seattle01/"
    assert reverse("admin:index") == "/admin/"
