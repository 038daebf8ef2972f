"""Every route is asked for by every kind of person: what a role does not allow is refused, at every address.

A new route fails here until the table says who may use it.
"""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from config.urls import router
from tests.end_to_end import access_world
from tests.end_to_end.access_table import ACCESS, NOT_WALKED, Needs
from tests.end_to_end.walk import address, patterns, routes, undone

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


def request(client: Client, method: str, path: str) -> Any:
    """Send the request and undo what it changed."""
    call = getattr(client, method)
    with undone():
        return call(path) if method in ("get", "delete") else call(path, data={}, content_type="application/json")


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
    names = {name for name, _ in patterns()}
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
