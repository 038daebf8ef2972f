import gc
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.template.loaders import filesystem
from django.urls import clear_url_caches, resolvers, reverse

from tests.house.files import ROOT


@pytest.fixture
def wsgi() -> Any:
    """The module. Its import makes a web server's files private, which must not reach the other tests."""
    umask = os.umask(0o077)
    try:
        return importlib.import_module("config.wsgi")
    finally:
        os.umask(umask)


@pytest.mark.parametrize(
    "program",
    [
        ("-c", "import sys; sys.path.insert(0, 'platform'); import config.wsgi, os; print(os.umask(0))"),
        ("manage.py", "shell", "-v", "0", "-c", "import os; print(os.umask(0))"),
    ],
    ids=["the web server", "a command"],
)
def test_files_that_the_programs_make_are_private(program: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, *program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) == 0o077


@pytest.fixture(autouse=True)
def _garbage_is_looked_for_as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_the_first_visitor_waits_for_no_template_and_no_address(wsgi: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The warm-up also makes no database query: pytest-django refuses queries in a test without its marker."""
    clear_url_caches()
    django_templates = engines["django"]
    assert isinstance(django_templates, DjangoTemplates)
    for loader in django_templates.engine.template_loaders:
        loader.reset()
    wsgi.warm_up()

    def too_late(*arguments: object) -> NoReturn:
        raise AssertionError("The warm-up must do this before the first request.")

    monkeypatch.setattr(filesystem.Loader, "get_contents", too_late)
    monkeypatch.setattr(resolvers, "normalize", too_late)
    for name in ("base.html", "analytics/device.html", "analytics/plots.html", "account/login.html"):
        engines["django"].get_template(name)
    assert reverse("device", args=["seattle", "Seattle01"]) == "/sites/seattle/devices/Seattle01/"
    assert reverse("admin:index") == "/admin/"


def test_no_page_waits_for_garbage_to_be_looked_for(wsgi: Any) -> None:
    wsgi.warm_up()
    looked: list[str] = []

    def note(phase: str, about: dict[str, Any]) -> None:
        looked.append(phase)

    gc.collect()
    gc.callbacks.append(note)
    try:
        page = [[number] for number in range(wsgi.OBJECTS_OF_A_PAGE // 2)]
        assert not looked
        page += [[number] for number in range(wsgi.OBJECTS_OF_A_PAGE)]
        assert looked, "garbage collection never ran"
    finally:
        gc.callbacks.remove(note)
