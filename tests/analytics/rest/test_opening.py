"""Opening hours and shared pages by the API, with the rights and the sentences of their pages."""

import datetime as dt
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from analytics.models import OpeningException, OpeningPlan
from analytics.models.opening import DAYS
from analytics.models.shares import SharedPage
from devices.models import Device, Site

pytestmark = pytest.mark.django_db


def send(user: User, method: str, address: str, **body: Any) -> Any:
    client = APIClient()
    client.force_authenticate(user)
    return getattr(client, method)(f"/api/v1/{address}", body or None, format="json")


def test_an_operator_enters_changes_and_deletes_a_plan(operator: User, seattle: Site) -> None:
    made = send(operator, "post", "opening-plans/", site="seattle", monday="09:00-18:00", country="US")
    assert (made.status_code, made.json()["tuesday"]) == (HTTPStatus.CREATED, "")
    address = f"opening-plans/{made.json()['id']}/"
    assert send(operator, "patch", address, tuesday="10:15-16:00").json()["tuesday"] == "10:15-16:00"
    assert [row["monday"] for row in send(operator, "get", "opening-plans/").json()["results"]] == ["09:00-18:00"]
    assert send(operator, "delete", address).status_code == HTTPStatus.NO_CONTENT
    assert not OpeningPlan.objects.exists()


@pytest.mark.parametrize(
    ("body", "field", "sentence"),
    [
        ({"monday": "18:00-09:00"}, "monday", "ends before it starts"),
        ({"monday": "22:00-02:00 next day", "tuesday": "01:00-03:00"}, "monday", "reach into those of Tuesday"),
        ({"since": "2000-01-01"}, "__all__", "already exists"),
        ({"site": "chicago"}, "site", "does not exist"),
    ],
)
def test_wrong_hours_are_told_in_a_sentence(
    operator: User, seattle: Site, chicago: Site, body: dict[str, str], field: str, sentence: str
) -> None:
    OpeningPlan.objects.create(site=seattle)
    refused = send(operator, "post", "opening-plans/", **{"site": "seattle", "since": "2026-01-01", **body})
    assert refused.status_code == HTTPStatus.BAD_REQUEST
    errors = refused.json()["errors"]
    assert sentence in str(errors.get(field, errors))


def test_hours_are_proposed_for_a_site_of_the_caller(viewer: User, seattle: Site, chicago: Site) -> None:
    assert send(viewer, "get", "opening-plans/proposal/?site=seattle").json() == dict.fromkeys(DAYS, "")
    assert send(viewer, "get", "opening-plans/proposal/?site=chicago").status_code == HTTPStatus.NOT_FOUND


def test_a_viewer_reads_hours_and_changes_none(viewer: User, seattle: Site) -> None:
    day = OpeningException.objects.create(site=seattle, date=dt.date(2026, 12, 24), hours="09:00-12:00")
    (row,) = send(viewer, "get", "opening-exceptions/").json()["results"]
    assert (row["date"], row["hours"]) == ("2026-12-24", "09:00-12:00")
    for method, address in (("patch", f"opening-exceptions/{day.pk}/"), ("delete", f"opening-exceptions/{day.pk}/")):
        refused = send(viewer, method, address, hours="")
        assert refused.status_code == HTTPStatus.FORBIDDEN
        assert "operators and owners of Seattle" in refused.json()["detail"]
    assert send(viewer, "post", "opening-exceptions/", site="seattle", date="2026-12-25").status_code == 403


def test_a_shared_page_opens_by_its_address_until_it_is_revoked(operator: User, seattle01: Device) -> None:
    body = {"site": "seattle", "name": "Landlord", "parameters": {"period": "week"}, "works_for": "30"}
    made = send(operator, "post", "shared-pages/", **body).json()
    path = made["address"].removeprefix("http://testserver")
    assert Client().get(path).status_code == HTTPStatus.OK
    (row,) = send(operator, "get", "shared-pages/").json()["results"]
    assert (row["address"], row["parameters"]) == (None, {"period": "week"})
    assert send(operator, "delete", f"shared-pages/{made['id']}/").status_code == HTTPStatus.NO_CONTENT
    assert Client().get(path).status_code == HTTPStatus.NOT_FOUND


def test_a_viewer_shares_nothing(viewer: User, seattle01: Device) -> None:
    refused = send(viewer, "post", "shared-pages/", site="seattle", name="Landlord", works_for="30")
    assert refused.status_code == HTTPStatus.FORBIDDEN
    assert not SharedPage.objects.exists()
