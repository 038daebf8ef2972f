"""Finds the tests of the second and third run of `make test`: on PostgreSQL, and with the clock a year ahead.

A test gets the marker `database` if one of these conditions holds; any other test is the same on each database:

- The test uses the tests' database.
- The test's module imports Django's connection.
- The test or a fixture of it starts programs, which may use the database.

A test gets the marker `day` if it sees the machine's time. Each test begins at `clock.NOW`, and no module asks for the
time while it is imported (tests/house/test_clock.py), so that only these tests see the machine's time:

- The test has the marker `real_clock`, or its module starts programs.
- A fixture of the test is shared by several tests, and so runs outside of their clock.
"""

import sys
from collections.abc import Sequence

import pytest

from tests import clock, quick

DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}

TIMELESS_FIXTURES = {"earlier", "models"}
"""Shared fixtures that do not ask for the time."""


def mark(items: Sequence[pytest.Item]) -> None:
    """Add the markers `database` and `day`."""
    for item in items:
        if isinstance(item, pytest.Function):
            if may_differ_by_database(item):
                item.add_marker("database")
            if may_differ_by_day(item):
                item.add_marker("day")


def may_differ_by_database(item: pytest.Function) -> bool:
    if item.get_closest_marker("django_db") or DATABASE_FIXTURES & {*item.fixturenames}:
        return True
    module = item.module.__name__
    if quick.reaches_outside(module) or any(name.startswith("django.db") for name in quick.imports(module)):
        return True
    used = {module for fixture in quick.fixtures_of(item) for module in quick.modules_used(fixture.func)}
    return any(module in sys.modules and quick.reaches_outside(module) for module in used)


def may_differ_by_day(item: pytest.Function) -> bool:
    if item.get_closest_marker(clock.REAL) or quick.reaches_outside(item.module.__name__):
        return True
    shared = {fixture.argname for fixture in quick.fixtures_of(item) if is_shared(fixture)}
    return bool(shared - TIMELESS_FIXTURES)


def is_shared(fixture: pytest.FixtureDef[object]) -> bool:
    """Return whether this is a fixture of the tests that outlives one test."""
    return fixture.scope != "function" and fixture.func.__module__.startswith("tests.")
