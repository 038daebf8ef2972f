"""Which tests are quick: those that need nothing but Python, the installed packages and SQLite.

A test is quick unless its module, or a fixture that it uses, starts something outside of the test process or needs
the vision models:

- its module imports one of `OUTSIDE`, directly or through other modules of the tests; or
- the function of a fixture that it uses calls something of such a module, or fetches the models; or
- it needs tables that are emptied after it (a transactional database), which takes a second a test.

So no list of tests has to be kept. Where the quick tests alone are run (`-m quick`), files without any are not
imported, and `make quick` draws ten examples for each property.
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
    """Add the marker `quick` to the tests that are."""
    for item in items:
        if isinstance(item, pytest.Function) and is_quick(item):
            item.add_marker("quick")


def has_none(path: Path) -> bool:
    """Whether this is a file of tests none of which is quick."""
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
    # pytest keeps by name the fixtures that a test can use, the one in force last.
    fixtures = (item._fixtureinfo.name2fixturedefs.get(name, ()) for name in item.fixturenames)
    return not any(calls_outside(definitions[-1].func) for definitions in fixtures if definitions)


@cache
def reaches_outside(module: str) -> bool:
    """Whether this module of the tests imports one of `OUTSIDE`, directly or through others of the tests."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if any(name == each or name.startswith(f"{each}.") for each in OUTSIDE):
            return True
        if name not in seen and name.startswith("tests."):
            seen.add(name)
            waiting += _imports(name)
    return False


@cache
def _imports(module: str) -> tuple[str, ...]:
    """The modules that a module of the tests imports; a name may also be that of a function in one of them."""
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
    """Whether the fixture's own function names something of a module that reaches outside, or fetches the models."""
    if not isinstance(fixture, FunctionType) or not fixture.__module__.startswith("tests."):
        return False
    named = [fixture.__globals__[name] for name in _names(fixture.__code__) if name in fixture.__globals__]
    modules = [each.__name__ if isinstance(each, ModuleType) else getattr(each, "__module__", "") for each in named]
    # A name of the fixture's own module may be that of an attribute, such as `places.seattle01`, and proves nothing.
    others = {module for module in modules if module != fixture.__module__}
    return any(module == MODELS or (module in sys.modules and reaches_outside(module)) for module in others)


def _names(code: CodeType) -> Iterator[str]:
    """The names that a function uses, and the functions inside of it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
