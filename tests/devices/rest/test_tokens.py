"""API tokens of people: shown once, stored as a digest, ended by a click, and nobody else's business."""

import datetime as dt
import importlib
import re
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from devices import services
from devices.models import ApiToken, Device
from tests import clock

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db


def status(token: str) -> int:
    return int(APIClient().get("/api/v1/devices/", HTTP_AUTHORIZATION=f"Token {token}").status_code)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def made_on_the_page(user: User, name: str = "Grafana") -> str:
    page = signed_in(user).post("/account/", {"name": name}).content.decode()
    found = re.search(r'<code class="secret">([\w-]+)</code>', page)
    assert found is not None
    return found[1]


def test_a_token_made_on_the_account_page_opens_the_api(viewer: User, seattle01: Device) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Token {made_on_the_page(viewer)}")
    assert [each["name"] for each in client.get("/api/v1/devices/").json()["results"]] == ["Seattle01"]


def test_a_token_is_shown_once_and_stored_as_its_digest(viewer: User) -> None:
    text = made_on_the_page(viewer)
    page = signed_in(viewer).get(reverse("account")).content.decode()
    assert "Grafana" in page
    assert text not in page
    assert text not in str(ApiToken.objects.values())


def test_a_page_that_shows_a_token_is_kept_nowhere(viewer: User) -> None:
    assert "no-store" in signed_in(viewer).post("/account/", {"name": "Grafana"})["Cache-Control"]


def test_a_revoked_token_is_refused_at_once(viewer: User) -> None:
    text = made_on_the_page(viewer)
    assert status(text) == 200
    revoke = reverse("revoke-token", args=[ApiToken.objects.get().pk])
    assert "revoked" in signed_in(viewer).post(revoke, follow=True).content.decode()
    assert status(text) == 401


def test_nobody_revokes_anothers_token(viewer: User, outsider: User) -> None:
    text = made_on_the_page(viewer)
    revoke = reverse("revoke-token", args=[ApiToken.objects.get().pk])
    assert signed_in(outsider).post(revoke).status_code == 404
    assert signed_in(viewer).get(revoke).status_code == 405
    assert status(text) == 200


def test_the_token_of_somebody_who_left_is_refused(viewer: User) -> None:
    text = made_on_the_page(viewer)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert status(text) == 401


@pytest.mark.parametrize("name", ["", "  ", "n" * 81])
def test_a_token_needs_a_name_of_a_lines_length(viewer: User, name: str) -> None:
    answer = signed_in(viewer).post("/account/", {"name": name})
    assert (answer.status_code, ApiToken.objects.count()) == (400, 0)
    assert 'role="alert"' in answer.content.decode()


def test_the_account_page_is_for_those_who_are_signed_in() -> None:
    assert Client().get("/account/").headers["Location"].startswith(reverse("account_login"))
    assert Client().post("/account/", {"name": "Grafana"}).headers["Location"].startswith(reverse("account_login"))


def test_the_account_page_names_the_users_sites_and_roles(viewer: User) -> None:
    assert "Viewer of Seattle" in signed_in(viewer).get("/account/").content.decode()


def test_the_hour_of_its_latest_use_is_noted_with_one_write_an_hour(viewer: User) -> None:
    token, _ = services.issue_api_token(user=viewer, name="Grafana")
    for minutes, noted in [(0, 0), (59, 0), (60, 60), (61, 60)]:
        services.record_use(token=ApiToken.objects.get(), now=NOW + dt.timedelta(minutes=minutes))
        token.refresh_from_db()
        assert token.used_at == NOW + dt.timedelta(minutes=noted)


def test_a_superuser_sees_and_revokes_everybodys_in_the_admin(superuser: User, viewer: User) -> None:
    text = made_on_the_page(viewer)
    page = signed_in(superuser).get("/admin/devices/apitoken/").content.decode()
    assert "Grafana" in page
    chosen = {"action": "delete_selected", "_selected_action": [ApiToken.objects.get().pk], "post": "yes"}
    signed_in(superuser).post("/admin/devices/apitoken/", chosen)
    assert status(text) == 401


def test_a_token_of_before_goes_on_working(viewer: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE authtoken_token (key varchar(40) PRIMARY KEY, user_id integer)")
        cursor.execute("INSERT INTO authtoken_token VALUES (%s, %s)", ["0" * 40, viewer.pk])
    migration = importlib.import_module("devices.migrations.0007_tokens_kept_in_words_become_digests")
    migration.carry_over(apps, SimpleNamespace(connection=connection))
    assert status("0" * 40) == 200
    assert "authtoken_token" not in connection.introspection.table_names()


def test_a_token_is_given_in_two_words(viewer: User) -> None:
    answer = APIClient().get("/api/v1/devices/", HTTP_AUTHORIZATION="Token a b")
    assert (answer.status_code, answer.json()["detail"]) == (401, "Give the token as “Authorization: Token <token>”.")


def test_a_token_that_only_reads_is_refused_where_it_would_change_something(owner: User, seattle01: Device) -> None:
    _, text = services.issue_api_token(user=owner, name="Grafana", only_reads=True)
    assert status(text) == 200
    response = APIClient().post("/api/v1/people/", {"site": "seattle"}, HTTP_AUTHORIZATION=f"Token {text}")
    assert response.status_code == 403
    assert "may only read" in response.json()["detail"]


def test_a_token_stops_working_when_it_expires(viewer: User) -> None:
    _, text = services.issue_api_token(user=viewer, name="Grafana", expires_at=clock.now() + dt.timedelta(days=30))
    assert status(text) == 200
    ApiToken.objects.update(expires_at=clock.now())
    assert status(text) == 401


def test_the_page_offers_terms_and_refuses_others(viewer: User) -> None:
    page = signed_in(viewer).post("/account/", {"name": "Grafana", "days": "30", "only_reads": "yes"})
    token = ApiToken.objects.get()
    assert page.status_code == 200
    assert token.only_reads
    assert token.expires_at is not None
    assert dt.timedelta(days=29) < token.expires_at - clock.now() <= dt.timedelta(days=30)
    assert signed_in(viewer).post("/account/", {"name": "Grafana", "days": "100000"}).status_code == 400


def test_all_tokens_are_revoked_at_once_and_nobody_elses(viewer: User, owner: User) -> None:
    made_on_the_page(viewer)
    made_on_the_page(viewer)
    theirs = made_on_the_page(owner)
    signed_in(viewer).post(reverse("revoke-all-tokens"))
    assert not ApiToken.objects.filter(user=viewer).exists()
    assert status(theirs) == 200
