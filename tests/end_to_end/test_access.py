"""Every route is asked for by every kind of person: what a role does not allow is refused, at every address.

A new route fails here until the table says who may use it.
"""

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse

from config.urls import router
from notifications.models import Letter
from tests.end_to_end import access_world
from tests.routes import named_routes


class Needs(IntEnum):
    """The least that somebody must be to use a route. Each kind of person may do what the kinds before it may."""

    NOTHING = 0
    AN_ACCOUNT = 1
    VIEWER = 2
    OPERATOR = 3
    OWNER = 4
    ADMINISTRATOR = 5
    TOKEN = 6
    """A device's or a wall's token; no person may use the route as such."""


PEOPLE = {
    "stranger": Needs.NOTHING,
    "outsider": Needs.AN_ACCOUNT,
    "viewer": Needs.VIEWER,
    "operator": Needs.OPERATOR,
    "owner": Needs.OWNER,
    "superuser": Needs.ADMINISTRATOR,
}
"""The outsider is the owner of another site."""

ACCESS: dict[tuple[str, str], Needs] = {
    ("overview", "get"): Needs.AN_ACCOUNT,
    ("sites", "get"): Needs.AN_ACCOUNT,
    ("compare", "get"): Needs.AN_ACCOUNT,
    ("detection-tables", "get"): Needs.AN_ACCOUNT,
    ("questions", "get"): Needs.AN_ACCOUNT,
    ("review", "get"): Needs.AN_ACCOUNT,
    ("leaderboard", "get"): Needs.AN_ACCOUNT,
    ("leaderboard-screen", "get"): Needs.AN_ACCOUNT,
    ("account", "get"): Needs.AN_ACCOUNT,
    ("account", "post"): Needs.AN_ACCOUNT,
    ("revoke-all-tokens", "post"): Needs.AN_ACCOUNT,
    ("api-docs", "get"): Needs.AN_ACCOUNT,
    ("schema", "get"): Needs.AN_ACCOUNT,
    ("api-root", "get"): Needs.AN_ACCOUNT,
    ("healthz", "get"): Needs.NOTHING,
    ("invitation", "get"): Needs.NOTHING,
    ("metrics", "get"): Needs.ADMINISTRATOR,
    ("site", "get"): Needs.VIEWER,
    ("shared-pages", "get"): Needs.VIEWER,
    ("shared-pages", "post"): Needs.OPERATOR,
    ("shared-page-revoke", "post"): Needs.OPERATOR,
    ("site-plots", "get"): Needs.VIEWER,
    ("device", "get"): Needs.VIEWER,
    ("device-plots", "get"): Needs.VIEWER,
    ("question", "get"): Needs.VIEWER,
    ("site-new", "get"): Needs.ADMINISTRATOR,
    ("site-new", "post"): Needs.ADMINISTRATOR,
    ("site-settings", "get"): Needs.VIEWER,
    ("site-settings", "post"): Needs.OWNER,
    ("site-devices", "get"): Needs.VIEWER,
    ("device-place", "get"): Needs.VIEWER,
    ("device-place-change", "get"): Needs.OPERATOR,
    ("device-place-change", "post"): Needs.OPERATOR,
    ("device-camera", "get"): Needs.OPERATOR,
    ("device-camera", "post"): Needs.OPERATOR,
    ("device-token", "post"): Needs.OPERATOR,
    ("site-quarantine", "get"): Needs.VIEWER,
    ("site-quarantine", "post"): Needs.OPERATOR,
    ("quarantined-message", "get"): Needs.VIEWER,
    ("site-adopt", "post"): Needs.ADMINISTRATOR,
    ("site-audit", "get"): Needs.OWNER,
    ("audit-detail", "get"): Needs.OWNER,
    ("wall-pair", "get"): Needs.NOTHING,
    ("site-wall-pair", "post"): Needs.OPERATOR,
    ("site-notices", "get"): Needs.VIEWER,
    ("site-channel-new", "get"): Needs.OPERATOR,
    ("site-channel-new", "post"): Needs.OPERATOR,
    ("site-channel-test", "post"): Needs.OPERATOR,
    ("site-channel-delete", "post"): Needs.OPERATOR,
    ("site-rule-new", "get"): Needs.OPERATOR,
    ("site-rule-new", "post"): Needs.OPERATOR,
    ("site-rule", "get"): Needs.OPERATOR,
    ("site-rule", "post"): Needs.OPERATOR,
    ("site-rule-delete", "post"): Needs.OPERATOR,
    ("site-rule-snooze", "post"): Needs.OPERATOR,
    ("site-notice-again", "post"): Needs.OPERATOR,
    ("channel-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/notifications
    ("channel-detail", "delete"): Needs.OPERATOR,
    ("channel-test", "post"): Needs.OPERATOR,
    ("notice-rule-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/notifications
    ("notice-rule-detail", "put"): Needs.VIEWER,  # an empty body is refused first: tests/notifications
    ("notice-rule-detail", "patch"): Needs.OPERATOR,
    ("notice-rule-detail", "delete"): Needs.OPERATOR,
    ("notice-again", "post"): Needs.OPERATOR,
    ("walls", "get"): Needs.AN_ACCOUNT,
    ("walls", "post"): Needs.AN_ACCOUNT,  # the form names the sites: tests/analytics/galaxy
    ("walls-pair", "post"): Needs.AN_ACCOUNT,  # the form names the sites: tests/analytics/galaxy
    ("wall-delete", "post"): Needs.OPERATOR,
    ("inbox", "get"): Needs.AN_ACCOUNT,
    ("letters", "get"): Needs.AN_ACCOUNT,
    ("letters", "post"): Needs.AN_ACCOUNT,
    ("letter-of-all", "get"): Needs.VIEWER,
    ("letter-unsubscribe", "get"): Needs.NOTHING,
    ("letter-unsubscribe", "post"): Needs.NOTHING,
    ("site-letters", "get"): Needs.VIEWER,
    ("site-letter", "get"): Needs.VIEWER,
    ("site-letter-subscribe", "post"): Needs.VIEWER,
    ("site-letter-reader-new", "post"): Needs.OPERATOR,
    ("site-letter-reader-delete", "post"): Needs.OPERATOR,
    ("letter-reader-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/notifications/letters
    ("letter-reader-detail", "get"): Needs.OPERATOR,
    ("letter-reader-detail", "delete"): Needs.OPERATOR,
    ("site-walls", "get"): Needs.VIEWER,
    ("site-walls", "post"): Needs.OPERATOR,
    ("site-wall-revoke", "post"): Needs.OPERATOR,
    ("site-people", "get"): Needs.VIEWER,
    ("site-enrol", "get"): Needs.OPERATOR,
    ("site-enrol", "post"): Needs.OPERATOR,
    ("site-consents", "get"): Needs.VIEWER,
    ("site-consents", "post"): Needs.OWNER,
    ("site-consent-text-retire", "post"): Needs.OWNER,
    ("site-enrolling-link", "post"): Needs.OPERATOR,
    ("site-enrolling-link-revoke", "post"): Needs.OPERATOR,
    ("site-person", "get"): Needs.VIEWER,
    ("site-person-change", "get"): Needs.OPERATOR,
    ("site-person-change", "post"): Needs.OPERATOR,
    ("site-person-withdraw", "post"): Needs.OPERATOR,
    ("site-person-link", "post"): Needs.OPERATOR,
    ("site-person-merge", "get"): Needs.OPERATOR,
    ("site-person-merge", "post"): Needs.OPERATOR,
    ("site-merge-undo", "post"): Needs.OPERATOR,
    ("site-captures", "get"): Needs.VIEWER,
    ("site-capture", "get"): Needs.VIEWER,
    ("site-capture-again", "post"): Needs.OPERATOR,
    ("site-coffees", "get"): Needs.VIEWER,
    ("site-coffee-review", "post"): Needs.OPERATOR,
    ("enter-code", "get"): Needs.NOTHING,
    ("enter-code", "post"): Needs.NOTHING,
    ("site-policy", "get"): Needs.VIEWER,
    ("site-policy", "post"): Needs.OWNER,
    ("site-display-notices", "get"): Needs.VIEWER,
    ("site-feelings", "get"): Needs.VIEWER,
    ("site-feelings", "post"): Needs.OWNER,
    ("erase-person", "get"): Needs.OPERATOR,
    ("erase-person", "post"): Needs.OPERATOR,
    ("receipt", "get"): Needs.NOTHING,  # its code proves who may see it, and it names nobody
    ("check-receipt", "get"): Needs.NOTHING,
    ("site-opening", "get"): Needs.VIEWER,
    ("site-opening-plan-new", "get"): Needs.OPERATOR,
    ("site-opening-plan-new", "post"): Needs.OPERATOR,
    ("site-opening-plan", "get"): Needs.OPERATOR,
    ("site-opening-plan", "post"): Needs.OPERATOR,
    ("site-opening-day-new", "post"): Needs.OPERATOR,
    ("site-opening-day", "post"): Needs.OPERATOR,
    ("members", "get"): Needs.VIEWER,
    ("members", "post"): Needs.VIEWER,  # the page itself refuses with a sentence: tests/devices/members
    ("change-member", "post"): Needs.OWNER,
    ("withdraw-invitation", "post"): Needs.OWNER,
    ("add-camera", "get"): Needs.OPERATOR,
    ("add-camera", "post"): Needs.OPERATOR,
    ("camera-setup", "get"): Needs.OPERATOR,
    ("camera-setup", "post"): Needs.OPERATOR,
    ("agent-install", "get"): Needs.NOTHING,
    ("agent-wheel", "get"): Needs.NOTHING,
    ("claim-list", "post"): Needs.NOTHING,  # the code in the body proves who may: tests/devices/adding
    ("agent-list", "post"): Needs.TOKEN,
    ("agent-model", "get"): Needs.TOKEN,
    ("fleet", "get"): Needs.AN_ACCOUNT,  # a post changes own cameras alone: tests/devices/fleet
    ("site-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/devices/provisioning
    ("device-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/devices/provisioning
    ("device-claim", "post"): Needs.OPERATOR,
    ("device-settings", "post"): Needs.AN_ACCOUNT,  # the body names the devices: tests/devices/fleet
    ("member-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/devices/provisioning
    ("rollout-list", "post"): Needs.AN_ACCOUNT,  # the body names the devices: tests/devices/fleet
    ("question-ask", "get"): Needs.OPERATOR,
    ("question-ask", "post"): Needs.OPERATOR,
    ("question-change", "get"): Needs.OPERATOR,
    ("question-change", "post"): Needs.OPERATOR,
    ("question-withdraw", "post"): Needs.OPERATOR,
    ("ground-truth-device", "get"): Needs.VIEWER,
    ("ground-truth-device", "post"): Needs.OPERATOR,
    ("ground-truth-session", "get"): Needs.VIEWER,
    ("ground-truth-discard", "post"): Needs.OPERATOR,
    ("wall", "get"): Needs.VIEWER,
    ("wall-whole", "get"): Needs.VIEWER,
    ("wall-screen", "get"): Needs.VIEWER,
    ("wall-picture", "get"): Needs.VIEWER,
    ("device-detail", "patch"): Needs.OPERATOR,
    ("data-sets", "get"): Needs.AN_ACCOUNT,
    ("data-set", "get"): Needs.VIEWER,
    ("data-set-new", "get"): Needs.OPERATOR,
    ("data-set-new", "post"): Needs.OPERATOR,
    ("data-set-change", "get"): Needs.OPERATOR,
    ("data-set-change", "post"): Needs.OPERATOR,
    ("data-set-delete", "post"): Needs.OPERATOR,
    ("data-set-import", "post"): Needs.OPERATOR,
    ("data-set-label", "post"): Needs.OPERATOR,
    ("data-set-train", "get"): Needs.OPERATOR,
    ("data-set-train", "post"): Needs.OPERATOR,
    ("data-set-enter", "get"): Needs.OPERATOR,
    ("data-set-enter", "post"): Needs.OPERATOR,
    ("data-set-export", "get"): Needs.VIEWER,
    ("picture-file", "get"): Needs.VIEWER,
    ("data-set-retrain", "post"): Needs.OPERATOR,
    ("training-policy", "get"): Needs.VIEWER,
    ("training-policy", "post"): Needs.VIEWER,  # an empty form is refused first: tests/learning/datasets
    ("data-set-annotate", "get"): Needs.OPERATOR,
    ("data-set-review", "post"): Needs.OPERATOR,
    ("annotate-pictures", "get"): Needs.VIEWER,
    ("annotate-save", "post"): Needs.OPERATOR,
    ("run", "get"): Needs.VIEWER,
    ("run-stop", "post"): Needs.OPERATOR,
    ("run-delete", "post"): Needs.OPERATOR,
    ("run-put-on", "post"): Needs.OPERATOR,
    ("model-rollout-take-off", "post"): Needs.OPERATOR,
    ("model-rollout-list", "post"): Needs.AN_ACCOUNT,  # the body names the run: tests/learning/rollout
    ("model-rollout-detail", "delete"): Needs.OPERATOR,
    ("device-model-list", "get"): Needs.TOKEN,
    ("dataset-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/learning/rest
    ("dataset-detail", "put"): Needs.OPERATOR,
    ("dataset-detail", "patch"): Needs.OPERATOR,
    ("dataset-detail", "delete"): Needs.OPERATOR,
    ("dataset-import", "post"): Needs.OPERATOR,
    ("training-picture-boxes", "put"): Needs.VIEWER,  # an empty body is refused first: tests/learning/rest
    ("training-run-list", "post"): Needs.AN_ACCOUNT,  # the body names the data set: tests/learning/rest
    ("training-run-detail", "delete"): Needs.OPERATOR,
    ("training-run-stop", "post"): Needs.OPERATOR,
    ("message-list", "post"): Needs.TOKEN,
    ("capture-list", "post"): Needs.AN_ACCOUNT,  # the body names the device: tests/faces/rest
    ("person-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/faces/rest
    ("person-detail", "delete"): Needs.OPERATOR,
    ("person-consents", "get"): Needs.VIEWER,
    ("person-consents", "post"): Needs.OPERATOR,
    ("person-faces", "post"): Needs.OPERATOR,
    ("person-link", "post"): Needs.OPERATOR,
    ("consent-text-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/faces/rest
    ("consent-text-retire", "post"): Needs.OWNER,
    ("consent-text-link", "post"): Needs.OPERATOR,
    ("person-merge", "post"): Needs.OPERATOR,
    ("person-rename", "post"): Needs.OPERATOR,
    ("person-withdraw", "post"): Needs.OPERATOR,
    ("merge-undo", "post"): Needs.OPERATOR,
    ("coffee-void", "post"): Needs.OPERATOR,
    ("coffee-restore", "post"): Needs.OPERATOR,
    ("question-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/analytics/questions
    ("review-list", "post"): Needs.AN_ACCOUNT,  # the body names the detection: tests/analytics/reviewing
    ("question-detail", "put"): Needs.OPERATOR,
    ("question-detail", "patch"): Needs.OPERATOR,
    ("question-detail", "delete"): Needs.OPERATOR,
    ("contents", "get"): Needs.AN_ACCOUNT,
    ("content", "get"): Needs.VIEWER,
    ("content", "post"): Needs.OPERATOR,
    ("timeline", "get"): Needs.VIEWER,
    ("screen-audience", "get"): Needs.VIEWER,
    ("experiment", "get"): Needs.VIEWER,
    ("experiment-new", "get"): Needs.OPERATOR,
    ("experiment-new", "post"): Needs.OPERATOR,
    ("experiment-published", "get"): Needs.VIEWER,
    ("experiment-end", "post"): Needs.OPERATOR,
    ("site-screens", "get"): Needs.VIEWER,
    ("site-screen-new", "get"): Needs.OPERATOR,
    ("site-screen-new", "post"): Needs.OPERATOR,
    ("site-screen", "get"): Needs.OPERATOR,
    ("site-screen", "post"): Needs.OPERATOR,
    ("site-screen-link", "post"): Needs.OPERATOR,
    ("play-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/plays/rest
    ("play-import", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/plays/rest
    ("screen-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/plays/rest
    ("screen-detail", "patch"): Needs.OPERATOR,
    ("content-detail", "patch"): Needs.OPERATOR,
    ("experiment-list", "post"): Needs.AN_ACCOUNT,  # the body names the site: tests/plays/rest
    ("experiment-stop", "post"): Needs.OPERATOR,
    ("ground-truth-list", "post"): Needs.AN_ACCOUNT,  # the body names the device: tests/analytics/groundtruth
    ("ground-truth-detail", "delete"): Needs.OPERATOR,
}
"""Who may use a route by a method. A list of the API is for everybody with an account, and shows own rows; every other
`get` of the API is for members of the object's site."""

NOT_WALKED = {
    "wall-pair-state": "only the screen of the session: tests/analytics/galaxy/test_pairing.py",
    "letter-pdf": "loads the library of PDF: tests/notifications/letters",
    "letter-open": "the link in the address proves who may see it: tests/notifications/letters",
    "shared": "the link in the address proves who may see it: tests/analytics/sharing",
    "shared-plots": "the link in the address proves who may see it: tests/analytics/sharing",
    "player": "the link in the address proves who may see it: tests/plays/pages",
    "player-now": "the link in the address proves who may see it: tests/plays/pages",
    "player-plays": "the link in the address proves who may see it: tests/plays/pages",
    "display-notice": "its code is printed for everybody: tests/faces/notices",
    "display-notice-json": "its code is printed for everybody: tests/faces/notices",
    "annotate-proposals": "loads the vision models: tests/learning/annotating",
    "run-model": "a run without a model is a 404: tests/learning/pages",
    "training-run-model": "a run without a model is a 404: tests/learning/rest",
    "training-run-evaluation": "a run without an evaluation is a 404: tests/learning/rest",
    "device-model-detail": "the device's own token: tests/learning/rollout",
    "dataset-export": "an export needs its format: tests/learning/rest",
    "ground-truth-counts": "only who started the session: tests/analytics/groundtruth",
    "revoke-token": "a user's own token: tests/devices/rest/test_tokens.py",
    "face-image": "the link in the address proves who may see it: tests/faces/desk",
    "own-page": "the code in the address proves who may see it: tests/faces/desk",
    "own-page-download": "the code in the address proves who may see it: tests/faces/desk",
    "enrol-oneself": "the code in the address proves who may use it: tests/faces/desk",
    "capture-image": "the link in the address proves who may see it: tests/faces/pictures",
    "portrait": "the link in the address proves who may see it: tests/faces/pictures",
    "capture-picture": "the link in the address proves who may see it: tests/faces/pictures",
    "coffee-portrait": "the link in the address proves who may see it: tests/faces/pictures",
}
"""Routes that are not about roles, with the tests that are about them. tests/analytics/galaxy tests the globe's."""

LISTS = ("-list", "-counts", "-accuracy", "-usual")
GALAXY = "analytics.galaxy"
WALL_PAGES = (
    *("wall", "wall-whole", "wall-screen", "wall-picture", "wall-pair"),
    *("site-walls", "site-wall-pair", "site-wall-revoke", "walls", "walls-pair", "wall-delete"),
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
