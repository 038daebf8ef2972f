"""Every view and every action of the admin is tried by every kind of person: a role that is not listed may nothing.

A new model of the admin, and a new action, fail here until the table says who may use them.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.models import Detection, Frame, OpeningException, OpeningPlan
from analytics.models.walls import WallToken
from devices.models import ApiToken, Device, DeviceLog, Membership, QuarantinedMessage, Site
from devices.rules.roles import Role
from faces.models import Capture, Coffee, Erasure, ErasureNotice, Merge, Person, RecogniserMonth, SitePolicy
from faces.people.merging import merge_people
from faces.services import create_person, forget, set_policy
from tests import clock
from tests.world import api_world, places


class Needs(IntEnum):
    """The least that somebody must be. Each kind of person may do what the kinds before it may."""

    OPERATOR = 3
    OWNER = 4
    ADMINISTRATOR = 5
    NOBODY = 6


OP, AD, NO = Needs.OPERATOR, Needs.ADMINISTRATOR, Needs.NOBODY


class Access(NamedTuple):
    """Who may see, add, change and delete objects of a model in the admin, and use its actions."""

    see: Needs
    add: Needs
    change: Needs
    delete: Needs
    actions: dict[str, Needs] = {}


ACCESS = {
    "devices.site": Access(AD, AD, AD, AD),
    "devices.membership": Access(AD, NO, NO, NO),
    "devices.device": Access(AD, AD, AD, AD, {"issue_token": AD, "send_settings": AD, "retire": AD}),
    "devices.apitoken": Access(AD, NO, NO, AD),
    "devices.devicelog": Access(AD, NO, NO, AD),
    "devices.quarantinedmessage": Access(AD, NO, NO, AD, {"replay": AD}),
    "analytics.walltoken": Access(AD, AD, NO, AD),
    "analytics.frame": Access(AD, NO, NO, NO),
    "analytics.detection": Access(AD, NO, NO, NO, {"call_right": AD, "call_wrong": AD, "take_back": AD}),
    "analytics.openingplan": Access(AD, AD, AD, AD),
    "analytics.openingexception": Access(AD, AD, AD, AD),
    "faces.person": Access(OP, OP, OP, OP, {"withdraw_consents": OP}),
    "faces.capture": Access(OP, NO, NO, OP, {"recognise_anew": OP}),
    "faces.coffee": Access(OP, NO, OP, NO),
    "faces.sitepolicy": Access(AD, AD, AD, AD),
    "faces.erasure": Access(OP, NO, NO, NO),
    "faces.merge": Access(OP, NO, NO, NO, {"undo": OP}),
    "faces.recognisermonth": Access(AD, NO, NO, NO),
    "faces.erasurenotice": Access(OP, NO, NO, NO),
    "auth.user": Access(AD, AD, AD, AD),
    "account.emailaddress": Access(AD, AD, AD, AD, {"make_verified": AD}),
    "mfa.authenticator": Access(AD, AD, AD, AD),
    "socialaccount.socialapp": Access(AD, AD, AD, AD),
    "socialaccount.socialtoken": Access(AD, AD, AD, AD),
    "socialaccount.socialaccount": Access(AD, AD, AD, AD),
    "usersessions.usersession": Access(AD, AD, AD, AD),
}
"""Who may do what in the admin, by model. Django's own action that deletes the selected objects needs `delete`."""

PEOPLE = {
    "stranger": 0,
    "outsider": 1,
    "viewer": 2,
    "guest": 2,
    "operator": Needs.OPERATOR,
    "owner": Needs.OWNER,
    "superuser": Needs.ADMINISTRATOR,
}
"""The outsider owns another site. The guest does too, and is a viewer here."""


@pytest.fixture
def people(viewer: User, operator: User, outsider: User, owner: User, superuser: User, chicago: Site) -> dict[str, Any]:
    guest = places.user("guest", {chicago: Role.OWNER, places.seattle(): Role.VIEWER})
    users = {"viewer": viewer, "guest": guest, "operator": operator, "outsider": outsider, "owner": owner}
    return {"stranger": None, **users, "superuser": superuser}


@pytest.fixture
def objects(people: dict[str, Any]) -> dict[str, Any]:
    """An object of Seattle for each model of the admin that belongs to a site, and some of the others."""
    api_world.fill()
    device, owner = places.seattle01(), people["owner"]
    site = device.site
    set_policy(site=site, mode="off", confirmed_by=owner)
    eve, eva = (create_person(site=site, name=name) for name in ("Eve", "Eva"))
    ada = Person.objects.filter(site=site, name="Ada").get()
    forget(person=create_person(site=site, name="Mallory"), by=owner)
    found = {
        Site: site,
        Membership: Membership.objects.filter(site=site).first(),
        Device: device,
        ApiToken: ApiToken.objects.create(user=owner, name="x", token_digest="0"),
        DeviceLog: DeviceLog.objects.create(device=device, at=clock.now(), key=1, received_at=clock.now(), text="a"),
        QuarantinedMessage: QuarantinedMessage.objects.filter(device=device).first(),
        WallToken: WallToken.objects.create(name="wall", token_digest="0"),
        Frame: Frame.objects.filter(device=device).first(),
        Detection: Detection.objects.filter(frame__device=device).first(),
        OpeningPlan: OpeningPlan.objects.create(site=site, since=clock.now().date()),
        OpeningException: OpeningException.objects.create(site=site, date=clock.now().date()),
        Person: ada,
        Capture: Capture.objects.filter(device=device).first(),
        Coffee: Coffee.objects.filter(device=device, person__isnull=False).first(),
        SitePolicy: site.policy,
        Erasure: Erasure.objects.filter(site=site).first(),
        Merge: merge_people(other=eve, into=eva, by=owner),
        RecogniserMonth: RecogniserMonth.objects.create(month=clock.now().date(), provider="local"),
        ErasureNotice: ErasureNotice.objects.create(
            person=ada, last_seen_at=clock.now(), noticed_at=clock.now(), erase_at=clock.now()
        ),
    }
    found[WallToken].sites.set([site])
    assert not [model for model, row in found.items() if row is None]
    return {model._meta.label_lower: row for model, row in found.items()}


def registered() -> Iterator[tuple[str, Any]]:
    for model, model_admin in list(admin.site._registry.items()):
        yield model._meta.label_lower, model_admin


def test_the_table_has_every_model_and_every_action_of_the_admin_and_no_other() -> None:
    there = {
        label: {each if isinstance(each, str) else each.__name__ for each in model_admin.actions or ()}
        for label, model_admin in registered()
    }
    assert there == {label: set(access.actions) for label, access in ACCESS.items()}


def client_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def answered(client: Client, method: str, address: str, data: Any = None) -> bool:
    """Send the request, undo what it changed, and return whether the view answered; it did not if it sent us away."""
    undone = transaction.atomic()
    undone._from_testcase = True  # type: ignore[attr-defined]
    with undone:
        response = getattr(client, method)(address, data or {})
        transaction.set_rollback(True)
    if response.status_code == 302:  # to a page of the same model, not to the sign-in page or the index
        return "/".join(address.split("/")[:4]) in response.headers["Location"].partition("?")[0]
    return bool(response.status_code == 200)


def addresses(label: str, row: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the kind of access, the method and the address of each view of the model."""
    name = label.replace(".", "_")
    yield "see", "get", reverse(f"admin:{name}_changelist")
    yield "add", "get", reverse(f"admin:{name}_add")
    if row is not None:
        yield "see", "get", reverse(f"admin:{name}_change", args=[row.pk])
        yield "change", "post", reverse(f"admin:{name}_change", args=[row.pk])
        yield "delete", "get", reverse(f"admin:{name}_delete", args=[row.pk])


@pytest.mark.django_db
def test_what_a_role_does_not_allow_is_refused_in_every_view_of_the_admin(
    people: dict[str, Any], objects: dict[str, Any]
) -> None:
    wrong, clients = [], {person: client_of(user) for person, user in people.items()}
    for label, _ in registered():
        row = objects.get(label)
        for kind, method, address in addresses(label, row):
            least = getattr(ACCESS[label], kind)
            for person in people:
                is_list = row is None or str(row.pk) not in address
                # In lists and empty forms, the owner of any site is at home; what is shown there is scoped.
                level = Needs.OWNER if is_list and person in ("outsider", "guest") else PEOPLE[person]
                if answered(clients[person], method, address) != (level >= least):
                    wrong.append(f"{method} {address} ({label}: {kind}) of {person}: needs {least.name}")
    assert not wrong, "\n".join(wrong)


def writes(queries: CaptureQueriesContext) -> list[str]:
    """Return the statements that change anything but sessions and the admin's own log."""
    own = ("django_session", "django_admin_log", "usersessions_usersession", "devices_auditentry")
    changing = [
        query["sql"] for query in queries.captured_queries if query["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE")
    ]
    return [sql for sql in changing if not any(table in sql for table in own)]


@pytest.mark.django_db
def test_what_a_role_does_not_allow_no_action_of_the_admin_does(
    people: dict[str, Any], objects: dict[str, Any], rf: RequestFactory
) -> None:
    wrong, clients = [], {person: client_of(user) for person, user in people.items()}
    for label, model_admin in registered():
        name, actions = label.replace(".", "_"), {"delete_selected": ACCESS[label].delete, **ACCESS[label].actions}
        if (row := objects.get(label)) is None:
            continue
        for action, least in actions.items():
            for person, user in people.items():
                data = {"action": action, "_selected_action": [row.pk], "post": "yes"}
                with CaptureQueriesContext(connection) as queries:
                    answered(clients[person], "post", reverse(f"admin:{name}_changelist"), data)
                if PEOPLE[person] < least and (changed := writes(queries)):
                    wrong.append(f"{action} of {label} by {person} changed something: {changed[0][:200]}")
                request = rf.get("/admin/")
                request.user = user or people["viewer"]
                offered = (
                    user is not None
                    and model_admin.has_view_permission(request)
                    and action in model_admin.get_actions(request)
                )
                if not offered and PEOPLE[person] >= least and action != "delete_selected":
                    wrong.append(f"{action} of {label} is not offered to {person}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.django_db
def test_an_operator_finds_enrolment_in_the_admin_and_no_list_of_permissions(
    people: dict[str, Any], superuser: User
) -> None:
    page = client_of(people["operator"]).get(reverse("admin:index")).content.decode()
    assert reverse("admin:faces_person_changelist") in page
    assert reverse("admin:devices_device_changelist") not in page
    account = client_of(superuser).get(reverse("admin:auth_user_change", args=[people["operator"].pk])).content.decode()
    assert "user_permissions" not in account
    assert apps.get_model("auth", "Group") not in admin.site._registry
