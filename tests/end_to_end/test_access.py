"""Every route is asked for by every kind of person: what a role does not allow is refused, at every address.

A new route fails here until the table says who may use it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse

from config.urls import router
from notifications.models import Letter
from tests.end_to_end import access_world
from tests.end_to_end.access_table import ACCESS, NOT_WALKED, Needs
from tests.routes import named_routes

PEOPLE = {
    "stranger": Needs.NOTHING,
    "outsider": Needs.AN_ACCOUNT,
    "viewer": Needs.VIEWER,
    "operator": Needs.OPERATOR,
    "owner": Needs.OWNER,
    "superuser": Needs.ADMINISTRATOR,
}
"""The outsider is the owner of another site."""

LISTS = ("-list", "-counts", "-accuracy", "-usual")
GALAXY = "analytics.features.galaxy"
WALL_PAGES = (
    *("wall", "wall-whole", "wall-screen", "wall-picture", "wall-pair"),
    *("site-walls", "site-wall-pair", "site-wall-revoke", "walls", "walls-pair", "wall-delete"),
    *("wall-token-list", "wall-token-detail", "wall-token-take-off", "wall-token-pair"),
)


def routes() -> Iterator[tuple[str, str]]:
    """Yield name and method of each of our routes."""
    for name, callback in sorted(set(_patterns()), key=lambda route: route[0]):
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


def _patterns() -> Iterator[tuple[str, Callable[..., Any]]]:
    for _, route in named_routes():
        is_repeated = "format" in route.pattern.regex.groupindex  # the same route of the API with a suffix
        if not is_repeated and not route.callback.__module__.startswith("django."):
            yield str(route.name), route.callback


def needed(name: str, method: str) -> Needs:
    if (name, method) in ACCESS:
        return ACCESS[name, method]
    assert method == "get", f"say in ACCESS who may use the route {name} by {method}"
    is_of_the_api = any(name.startswith(f"{basename}-") for _, _, basename in router.registry)
    assert is_of_the_api, f"say in ACCESS who may use the route {name}"
    return Needs.AN_ACCOUNT if name.endswith(LISTS) else Needs.VIEWER


@pytest.fixture
def world(db: None, owner: User) -> dict[str, Any]:
    """Rows of every kind at Seattle, and the arguments of the routes that lead to them."""
    return access_world.fill(owner)


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
    pytest.fail(f"the test does not know which arguments the route {name} takes")


def request(client: Client, method: str, path: str) -> Any:
    """Send the request and undo what it changed."""
    undone = transaction.atomic()
    # As with the transaction of a test case, a view may demand to be outermost.
    undone._from_testcase = True  # type: ignore[attr-defined]
    with undone:
        call = getattr(client, method)
        response = call(path) if method in ("get", "delete") else call(path, data={}, content_type="application/json")
        transaction.set_rollback(True)
    return response


def is_refused(response: Any) -> bool:
    to_login = response.status_code == 302 and response.headers["Location"].startswith(reverse("account_login"))
    return to_login or response.status_code in (401, 403, 404)


def test_what_a_role_does_not_allow_is_refused_at_every_address(
    world: dict[str, Any],
    viewer: User,
    operator: User,
    outsider: User,
    superuser: User,
    owner: User,
) -> None:
    clients = {name: Client(raise_request_exception=True) for name in PEOPLE}
    for user in (viewer, operator, outsider, superuser, owner):
        name = "superuser" if user.is_superuser else user.username
        clients[name].force_login(user)
    wrong = []
    for name, method in list(routes()):
        least = needed(name, method)
        path = address(name, world)
        for person, level in PEOPLE.items():
            response = request(clients[person], method, path)
            if is_refused(response) != (level < least):
                wrong.append(f"{method} {path} ({name}) of a {person}: {response.status_code}, but needs {least.name}")
            if person == "outsider" and least >= Needs.VIEWER and least <= Needs.OWNER and response.status_code == 403:
                wrong.append(f"{method} {path} ({name}) of an outsider: 403 says that there is such a thing; needs 404")
    assert not wrong, "\n".join(wrong)


def test_the_tables_name_no_route_that_is_gone() -> None:
    names = {name for name, _ in _patterns()}
    assert {name for name, _ in ACCESS} | set(NOT_WALKED) <= names | {"api-docs", "schema", "api-root"}


def test_lists_show_an_outsider_nothing_of_another_site(world: dict[str, Any], outsider: User) -> None:
    client = Client()
    client.force_login(outsider)
    lists = [name for name, method in routes() if method == "get" and name.endswith("-list")]
    assert len(lists) > 10
    for name in lists:
        body = client.get(reverse(name)).content.decode()
        assert "Seattle" not in body, name
        assert "seattle" not in body, name
