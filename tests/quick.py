"""Finds the quick tests: tests that need only Python, the installed packages and SQLite.

A test is quick unless one of these conditions holds:

- The test's module imports one of `OUTSIDE`, directly or through other modules of the tests.
- A fixture of the test calls a function of such a module, or fetches the vision models.
- The test uses a transactional database, whose tables are emptied after the test, which takes a second.

This rule replaces a list of tests. If only the quick tests are selected (`-m quick`), files without quick tests are not
imported. `make quick` draws ten examples for each property.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

OUTSIDE = {"subprocess", "multiprocessing", "playwright", "moto", "pytest_django.live_server_helper"}
"""Modules that start programs, browsers and servers."""

MODELS = "edge_agent.vision.files"
"""The module that fetches the vision models."""

SLOW_FIXTURES = {"transactional_db", "django_db_reset_sequences", "live_server"}

TESTS = Path(__file__).parent


def mark(items: Sequence[pytest.Item]) -> None:
    """Add the marker `quick` to the quick tests."""
    for item in items:
        if isinstance(item, pytest.Function) and is_quick(item):
            item.add_marker("quick")


def has_none(path: Path) -> bool:
    """Return whether this is a test file without any quick test."""
    return path.name.startswith("test_") and path.suffix == ".py" and reaches_outside(_name_of(path))


def _name_of(path: Path) -> str:
    return ".".join(path.relative_to(TESTS.parent).with_suffix("").parts)


def is_quick(item: pytest.Function) -> bool:
    if reaches_outside(item.module.__name__):
        return False
    database = item.get_closest_marker("django_db")
    if database is not None and database.kwargs.get("transaction"):
        return False
    if SLOW_FIXTURES & {*item.fixturenames}:
        return False
    return not any(calls_outside(fixture.func) for fixture in fixtures_of(item))


def fixtures_of(item: pytest.Function) -> list[pytest.FixtureDef[Any]]:
    """Return the fixtures of a test, also those that its fixtures use."""
    # pytest maps each fixture name to its definitions, of which the last one overrides the others.
    found = (item._fixtureinfo.name2fixturedefs.get(name, ()) for name in item.fixturenames)
    return [definitions[-1] for definitions in found if definitions]


@cache
def reaches_outside(module: str) -> bool:
    """Return whether this module imports one of `OUTSIDE`, directly or through other modules of the tests."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if any(name == each or name.startswith(f"{each}.") for each in OUTSIDE):
            return True
        if name not in seen and name.startswith("tests."):
            seen.add(name)
            waiting += imports(name)
    return False


@cache
def imports(module: str) -> tuple[str, ...]:
    """Return the dotted names that a module imports: modules, and functions or classes in modules."""
    path = TESTS.parent / Path(*module.split(".")).with_suffix(".py")
    if not path.exists():  # a package, or a function
        return ()
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)


def calls_outside(fixture: Any) -> bool:
    """Return whether the fixture's function uses a name from a module that reaches outside, or fetches the models."""
    return any(
        module == MODELS or (module in sys.modules and reaches_outside(module)) for module in modules_used(fixture)
    )


def modules_used(fixture: Any) -> set[str]:
    """Return the other modules from which a fixture of the tests uses a name."""
    if not isinstance(fixture, FunctionType) or not fixture.__module__.startswith("tests."):
        return set()
    named = [fixture.__globals__[name] for name in _names(fixture.__code__) if name in fixture.__globals__]
    modules = [each.__name__ if isinstance(each, ModuleType) else getattr(each, "__module__", "") for each in named]
    # The fixture's own module is left out: its names may be attributes of others, such as `places.seattle01`.
    return {module for module in modules if module != fixture.__module__}


def _names(code: CodeType) -> Iterator[str]:
    """Yield the global names and attributes that a function and its nested functions use."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
