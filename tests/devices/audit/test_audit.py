"""The audit: who changed, looked at and exported what, who signed in, and that nobody can change what is recorded."""

import csv
import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import models
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from devices import services
from devices.audit import term
from devices.intake.batches import accept
from devices.managing.members import services as members
from devices.models import Action, AppendOnly, AuditEntry, Device, Membership, Site, Way
from devices.reading.decoding import Arrival
from devices.rules.roles import Role
from devices.tasks import forget_old_audit
from faces.models import Mode, Person, SitePolicy
from faces.services import create_person, forget, set_policy
from tests import clock
from tests.world import places

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forget_looks() -> None:
    caches["process"].clear()


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def entries(subject: str, **fields: Any) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(subject=subject, **fields).order_by("pk"))


def test_a_change_names_who_made_it_by_which_way_and_what_changed(owner: User, seattle: Site) -> None:
    typed = {"name": "Seattle", "timezone": "America/Chicago", "address": "", "latitude": "", "longitude": ""}
    client_of(owner).post(reverse("site-settings", args=["seattle"]), typed)
    (entry,) = entries("site", action=Action.CHANGED)
    assert (entry.by, entry.way, entry.site) == (owner, Way.PAGE, seattle)
    assert entry.changes == {"timezone": ["America/Los_Angeles", "America/Chicago"]}


def test_what_a_command_does_names_nobody(seattle01: Device) -> None:
    services.retire_device(device=seattle01, at=clock.now())
    (entry,) = entries("device", action=Action.CHANGED)
    assert (entry.by, entry.way, entry.label) == (None, Way.PROGRAM, "Seattle01")


def test_a_program_is_recorded_as_its_user(operator: User, seattle: Site) -> None:
    _, text = services.issue_api_token(user=operator, name="script")
    headers = {"Authorization": f"Token {text}"}
    sent = Client().post("/api/v1/people/", {"site": "seattle", "name": "Ada"}, "application/json", headers=headers)
    assert sent.status_code == 201, sent.content
    (entry,) = entries("person")
    assert (entry.by, entry.way) == (operator, Way.API)


def test_roles_policies_consents_devices_and_tokens_are_recorded(
    owner: User, viewer: User, seattle: Site, seattle01: Device
) -> None:
    members.change_role(membership=Membership.objects.get(user=viewer), role="operator", by=owner)
    set_policy(site=seattle, mode=Mode.ENROLLED, confirmed_by=owner)
    services.issue_device_token(device=seattle01)
    services.issue_api_token(user=owner, name="Grafana")
    (role,) = entries("role", action=Action.CHANGED)
    assert (role.about, role.changes) == (viewer.pk, {"role": ["viewer", "operator"]})
    (policy,) = entries("policy")
    assert policy.changes["mode"] == [None, "enrolled"]
    assert policy.changes["confirmed_by_id"] == [None, owner.pk]
    (camera,) = entries("camera", action=Action.CHANGED)
    assert camera.changes == {"token_digest": ["(not recorded)"]}
    assert camera.site == seattle
    (token,) = entries("API token")
    assert token.about == owner.pk


def test_nobody_is_named_by_text(seattle: Site) -> None:
    grace = places.user("grace", {seattle: Role.OWNER})
    person = create_person(site=seattle, name="Ada Lovelace")
    person.name = "Ada King"
    person.save()
    forget(person=person, by=grace)
    members.invite(site=seattle, role="viewer", email="ada@example.com", by=grace, now=clock.now())
    told = str(list(AuditEntry.objects.values()))
    assert len(entries("person")) == 3
    for name in ("Ada", "King", "ada@", "grace"):
        assert name not in told


def test_sign_ins_and_failures_are_recorded_by_number_and_not_by_what_was_typed(owner: User) -> None:
    address = reverse("account_login")
    Client().post(address, {"login": owner.username, "password": "wrong"})
    Client().post(address, {"login": "my secret password", "password": "wrong"})
    client = Client()
    client.post(address, {"login": owner.username, "password": places.PASSWORD})
    client.post(reverse("account_logout"))
    told = [(each.action, each.about) for each in entries("account") if each.action not in Action.ADDED]
    assert told == [
        (Action.REFUSED, owner.pk),
        (Action.REFUSED, None),
        (Action.SIGNED_IN, owner.pk),
        (Action.SIGNED_OUT, owner.pk),
    ]
    assert "secret" not in str(list(AuditEntry.objects.values()))


def test_messages_of_devices_cost_the_audit_no_query(
    seattle01: Device, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    before = AuditEntry.objects.count()
    with django_assert_max_num_queries(200) as seen:
        accept([Arrival(f"$aws/things/{places.SEATTLE01}/infer", b'{"face": 0.5}', clock.now())])
    assert not [query for query in seen.captured_queries if "auditentry" in query["sql"]]
    assert AuditEntry.objects.count() == before


def _attempts(entry: AuditEntry) -> list[Callable[[], Any]]:
    everything = AuditEntry.objects.all()
    return [
        entry.save,
        entry.delete,
        everything.delete,
        lambda: everything.update(subject="nothing"),
        lambda: everything.bulk_update([entry], ["subject"]),
        lambda: everything.filter(pk=entry.pk).update(by=None),
    ]


def test_an_entry_is_never_changed_or_deleted(seattle: Site, owner: User) -> None:
    entry = AuditEntry.objects.filter(subject="site").get()
    before = list(AuditEntry.objects.values())
    for attempt in _attempts(entry):
        with pytest.raises(AppendOnly):
            attempt()
    owner.delete()
    assert [row for row in AuditEntry.objects.order_by("pk").values() if row in before] == sorted(
        before, key=lambda row: row["id"]
    )


def test_no_row_of_another_table_takes_an_entry_along() -> None:
    relations = [field for field in AuditEntry._meta.get_fields() if isinstance(field, models.ForeignKey)]
    assert all(field.remote_field.on_delete is models.DO_NOTHING and not field.db_constraint for field in relations)  # type: ignore[attr-defined]
    pointing = [
        field
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.related_model is AuditEntry
    ]
    assert pointing == []


def test_entries_are_deleted_when_their_term_is_over(seattle: Site, settings: Settings) -> None:
    settings.AUDIT_RETENTION_DAYS = 30
    assert forget_old_audit() == 0
    assert term.forget_old_entries(now=clock.now() + dt.timedelta(days=31)) > 0
    assert not AuditEntry.objects.exists()


def test_owners_read_the_history_of_their_site_and_nobody_elses(
    owner: User, operator: User, outsider: User, seattle: Site
) -> None:
    set_policy(site=seattle, mode=Mode.ENROLLED, confirmed_by=owner)
    page = client_of(owner).get(reverse("site-audit", args=["seattle"])).content.decode()
    assert "the policy" in page
    assert "mode: enrolled" in page
    assert "confirmed by: owner" in page
    assert client_of(operator).get(reverse("site-audit", args=["seattle"])).status_code == 403
    assert client_of(outsider).get(reverse("site-audit", args=["seattle"])).status_code == 404
    assert SitePolicy.objects.exists()


def test_the_api_gives_the_same_to_owners_alone_and_all_of_it_as_csv(
    owner: User, operator: User, outsider: User, seattle: Site, chicago: Site
) -> None:
    client_of(operator)
    rows = client_of(owner).get("/api/v1/audit/").json()["results"]
    assert {row["site"] for row in rows} == {"seattle", None}
    assert {"account"} == {row["subject"] for row in rows if row["site"] is None}
    assert client_of(operator).get("/api/v1/audit/").json()["results"] == []
    file = client_of(owner).get("/api/v1/audit/", {"site": "seattle", "format": "csv"})
    lines = list(csv.DictReader(io.StringIO(b"".join(file.streaming_content).decode())))  # type: ignore[attr-defined]
    assert {line["site"] for line in lines} == {"seattle"}
    assert client_of(owner).get("/api/v1/audit/", {"site": "chicago"}).json()["results"] == []


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_api_changes_nothing(method: str, superuser: User, seattle: Site) -> None:
    entry = AuditEntry.objects.first()
    assert entry is not None
    for address in ("/api/v1/audit/", f"/api/v1/audit/{entry.pk}/"):
        assert getattr(client_of(superuser), method)(address).status_code == 405


def test_the_history_comes_in_pages_of_constant_queries(
    owner: User, seattle: Site, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(120):
        seattle.address = f"{number} Main St"
        seattle.save()
    client, address = client_of(owner), reverse("site-audit", args=["seattle"])
    first = client.get(address)
    older = first.context["older"]
    with django_assert_num_queries(6):
        second = client.get(address, {"before": older})
    assert [len(page.context["lines"]) for page in (first, second)] == [50, 50]
    assert client.get(address, {"before": "x"}).status_code == 404


def test_what_is_new_is_not_said_to_have_changed(owner: User, seattle: Site) -> None:
    Person.objects.create(site=seattle, name="Ada")
    page = client_of(owner).get(reverse("site-audit", args=["seattle"])).content.decode()
    assert "added the person" in page
    assert "name: changed" not in page
