"""Fixtures for all tests: the clock, Hypothesis' profile, and two sites with their devices and users."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from hypothesis import HealthCheck, settings

from devices.models import Device, Site
from devices.reading import picture_budget
from devices.rules.roles import Role
from edge_agent.vision.files import fetch_models, models_folder
from tests import clock, quick, runs
from tests.clock import set_clock  # noqa: F401  (a fixture for all)
from tests.programs.chromium import Browser, chromium
from tests.world import places

# Nothing is too slow, because the machine may be busy with other programs.
BUSY: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("local", **BUSY)
settings.register_profile("quick", **BUSY, max_examples=10)
settings.register_profile("ci", **BUSY, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip the import of a file without quick tests if only quick tests are selected."""
    return True if config.option.markexpr == "quick" and quick.has_none(collection_path) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the quick tests, those that other databases and days may change, and those with a browser.

    A test with a browser gets `real_clock`, too, as a browser uses the machine's clock.
    """
    quick.mark(items)
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
            item.add_marker(clock.REAL)
    runs.mark(items)


@pytest.fixture(autouse=True)
def _quick_tests_start_no_program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("A quick test starts a program. See in tests/quick.py why it passes for quick.")

    if request.node.get_closest_marker("quick"):
        monkeypatch.setattr("subprocess.Popen.__init__", refuse)


@pytest.fixture(autouse=True)
def _nothing_is_kept_from_other_tests() -> None:
    """The tests of one process share its cache, and rows of different tests share their keys."""
    caches["process"].clear()
    picture_budget.forget()


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of the real vision models and of the demo's people, which are fetched once for all runs."""
    from demo.cameras import people

    folder = models_folder()
    fetch_models(folder)
    people.fetch(folder)
    return folder


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    # Playwright runs an event loop in this thread, so Django would refuse database queries.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with chromium() as browser:
        yield browser


@pytest.fixture
def seattle(db: None) -> Site:
    return places.seattle()


@pytest.fixture
def chicago(db: None) -> Site:
    return places.chicago()


@pytest.fixture
def seattle01(db: None) -> Device:
    return places.seattle01()


@pytest.fixture
def chicago01(db: None) -> Device:
    return places.chicago01()


@pytest.fixture
def chicago02(db: None) -> Device:
    return places.chicago02()


@pytest.fixture
def owner(seattle: Site) -> User:
    return places.user("owner", {seattle: Role.OWNER})


@pytest.fixture
def operator(seattle: Site) -> User:
    return places.user("operator", {seattle: Role.OPERATOR})


@pytest.fixture
def viewer(seattle: Site) -> User:
    return places.user("viewer", {seattle: Role.VIEWER})


@pytest.fixture
def outsider(chicago: Site) -> User:
    """The owner of Chicago, who must never see anything of Seattle."""
    return places.user("outsider", {chicago: Role.OWNER})


@pytest.fixture
def superuser(db: None) -> User:
    return places.superuser()
