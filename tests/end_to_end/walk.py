"""The addresses of all routes, each with the arguments of a row that there is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.urls import NoReverseMatch, reverse

from notifications.models import Letter
from tests.end_to_end.access_table import ACCESS, NOT_WALKED
from tests.fuzzing.routes import named_routes

GALAXY = "analytics.features.galaxy"
WALL_PAGES = (
    *("wall", "wall-whole", "wall-screen", "wall-picture", "wall-pair"),
    *("site-walls", "site-wall-pair", "site-wall-revoke", "walls", "walls-pair", "wall-delete"),
    *("wall-token-list", "wall-token-detail", "wall-token-take-off", "wall-token-pair"),
)


def routes() -> Iterator[tuple[str, str]]:
    """Yield name and method of each of our routes."""
    for name, callback in sorted(set(patterns()), key=lambda route: route[0]):
        if name in NOT_WALKED or (callback.__module__.startswith(GALAXY) and name not in WALL_PAGES):
            continue
        actions = getattr(callback, "actions", None)
        if actions is not None:
            allowed = set(callback.cls.http_method_names) - {"head"}  # type: ignore[attr-defined]
            yield from ((name, method) for method in list(actions) if method in allowed)
        else:
            yield from ((each, method) for each, method in ACCESS if each == name)
            if not any(each == name for each, _ in ACCESS):
                yield name, "get"


def patterns() -> Iterator[tuple[str, Callable[..., Any]]]:
    for _, route in named_routes():
        is_repeated = "format" in route.pattern.regex.groupindex  # the same route of the API with a suffix
        if not is_repeated and not route.callback.__module__.startswith("django."):
            yield str(route.name), route.callback


@contextmanager
def undone() -> Iterator[None]:
    """Undo what the block changes in the database."""
    undoing = transaction.atomic()
    # As with the transaction of a test case, a view may demand to be outermost.
    undoing._from_testcase = True  # type: ignore[attr-defined]
    with undoing:
        yield
        transaction.set_rollback(True)


def address(name: str, world: dict[str, Any]) -> str:
    slug = world["site"].slug
    row = next((row for base, row in world["objects"].items() if name == base or name.startswith(f"{base}-")), None)
    candidates: list[dict[str, Any]] = [
        {},
        {"slug": slug},
        {"site": slug},
        {"site": slug, "name": world["device"].name},
        {"token": world["token"]},
        {"slug": slug, "name": world["device"].name},
        {"file_name": world["wheel"].file_name},
        {"name": "objects.tflite"},
        {"site": slug, "board": "today"},
        {"site": slug, "board": "today", "of": 3},
        {"site": slug, "board": "today", "of": 3, "screen": 1},
    ]
    if row is not None:
        candidates += [{"pk": row.pk}, {"slug": slug, "pk": row.pk}, {"slug": slug, "pk": row.pk, "change": "move"}]
        if isinstance(row, Letter):
            candidates.append({"unit": row.unit, "first": row.first.isoformat()})
        candidates += [{"pk": row.pk, "form": "csv"}, {"pk": row.pk, "kind": "gesture"}]
    for arguments in candidates:
        try:
            return reverse(name, kwargs=arguments)
        except NoReverseMatch:
            continue
    raise AssertionError(f"the test does not know which arguments the route {name} takes")
