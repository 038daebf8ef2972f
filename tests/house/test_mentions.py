"""Each management command and each page is named by at least one test."""

import re
from functools import cache

import pytest
from django.urls import NoReverseMatch, reverse

from config.urls import router
from tests.fuzzing.routes import named_routes
from tests.house.files import ROOT, project_files

COMMANDS = sorted(path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py"))
ROUTES = sorted(prefix for prefix, _, _ in router.registry)


def is_named(pattern: str) -> bool:
    return re.search(pattern, text_of_tests()) is not None


@cache
def text_of_tests() -> str:
    return "\n".join(
        path.read_text() for path in project_files(ROOT / "tests", ".py") if path.name != "test_mentions.py"
    )


def page_names() -> list[str]:
    """Return the names of our own URL patterns, but not the API's routes, which are checked by prefix."""
    return sorted({str(route.name) for address, route in named_routes() if not address.startswith("api/v1/")})


@pytest.mark.parametrize("command", COMMANDS)
def test_a_test_names_the_command(command: str) -> None:
    assert is_named(rf"""["']{command}["']"""), f"no test runs `manage.py {command}`"


@pytest.mark.parametrize("name", page_names())
def test_a_test_names_the_page(name: str) -> None:
    spellings = "|".join(map(re.escape, [name, *address_of(name)]))
    assert is_named(rf"""["']({spellings})["'?]"""), f"no test requests the page {name}"


def address_of(name: str) -> list[str]:
    """Return the page's path in a list, which is empty if the path needs arguments."""
    try:
        return [reverse(name)]
    except NoReverseMatch:
        return []


@pytest.mark.parametrize("prefix", ROUTES)
def test_a_test_names_the_route(prefix: str) -> None:
    assert is_named(rf"""["'/}}]{re.escape(prefix)}/"""), f"no test asks for /api/v1/{prefix}/"
