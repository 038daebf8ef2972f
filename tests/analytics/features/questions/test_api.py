"""Questions and their answers by /api/v1/questions/."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from analytics.models import Question
from devices.models import Site

pytestmark = pytest.mark.usefixtures("at_half_past_ten")

ROUTE = "/api/v1/questions/"
BODY = {"site": "seattle", "text": "Warm?", "asked_from": "2026-11-20T12:00", "asked_until": "2026-11-20T15:00-05:00"}


def client(user: User) -> Any:
    made = APIClient()
    made.force_login(user)
    return made


def test_a_question_in_the_sites_time(asked: Question, viewer: User) -> None:
    (row,) = client(viewer).get(ROUTE).json()["results"]
    assert row == {
        "id": asked.pk,
        "site": "seattle",
        "text": "Enjoying your coffee?",
        "asked_from": "2026-11-20T09:00:00-08:00",
        "asked_until": "2026-11-20T12:00:00-08:00",
        "yes_label": "thumbs-up",
        "no_label": "thumbs-down",
        "state": "running",
    }


def test_the_result_of_a_question(asked: Question, viewer: User) -> None:
    found = client(viewer).get(f"{ROUTE}{asked.pk}/result/").json()
    assert (found["state"], found["bucket"], found["coverage"]) == ("running", "hour", 1.0)
    answers = found["answers"]
    assert (answers["yes"], answers["no"], answers["yes_detections"], answers["share"]) == (4, 1, 40, 0.8)
    assert answers["share_low"] == pytest.approx(0.3755, abs=1e-4)
    assert found["buckets"][0]["start"] == "2026-11-20T09:00:00-08:00"
    assert found["buckets"][2] == {
        "start": "2026-11-20T11:00:00-08:00",
        "end": "2026-11-20T12:00:00-08:00",
        "coverage": 0.0,
        "answers": {
            "yes": 0,
            "no": 0,
            "people": 0,
            "yes_detections": 0,
            "no_detections": 0,
            "share": None,
            "share_low": None,
            "share_high": None,
        },
    }
    assert [(each["device"], each["minutes_seen"]) for each in found["devices"]] == [("Seattle01", 90)]


def test_an_operator_asks_changes_and_withdraws(seattle: Site, operator: User) -> None:
    answer = client(operator).post(ROUTE, {**BODY, "asked_until": "2026-11-20T18:00-05:00"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["asked_from"], made["asked_until"]) == ("2026-11-20T12:00:00-08:00", "2026-11-20T15:00:00-08:00")
    address = f"{ROUTE}{made['id']}/"
    changed = client(operator).patch(address, {"text": "Warmer?", "site": "nowhere"}).json()
    assert (changed["text"], changed["site"], changed["asked_from"]) == ("Warmer?", "seattle", made["asked_from"])
    assert client(operator).delete(address).status_code == 204
    assert not Question.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "__all__"),
        ({"asked_from": "2026-11-20T11:59", "asked_until": "2026-11-20T13:00"}, "asked_from"),
        ({"asked_from": "2026-11-20T11:45", "asked_until": "2026-11-20T13:00"}, "__all__"),
        ({"site": "chicago"}, "site"),
        ({"text": ""}, "text"),
        ({"asked_until": "9999-12-31T23:45"}, "asked_until"),
        ({"asked_from": "0001-01-01T00:00Z"}, "asked_from"),
        ({"asked_until": "2028-11-20T13:00"}, "__all__"),
        ({"asked_until": "whenever"}, "asked_until"),
    ],
)
def test_a_refusal_names_the_field(asked: Question, operator: User, chicago: Site, values: Any, field: str) -> None:
    answer = client(operator).post(ROUTE, {**BODY, **values})
    assert answer.status_code == 400
    assert field in answer.json()["errors"], answer.json()
    assert Question.objects.count() == 1


@pytest.mark.parametrize("body", ['{"site": "\\ud800"}', '{"site": "sea\\u0000ttle"}', '{"text": "\\u0000"}'])
def test_a_text_that_no_database_stores_is_refused(seattle: Site, operator: User, body: str) -> None:
    answer = client(operator).post(ROUTE, body, content_type="application/json")
    assert answer.status_code == 400
    assert re.search("can be read|character NUL", answer.json()["detail"])
    assert not Question.objects.exists()


@pytest.mark.parametrize("body", [[], "text", [BODY], {"site": {}}, {"site": None}])
def test_odd_bodies_are_refused(seattle: Site, operator: User, body: Any) -> None:
    assert client(operator).post(ROUTE, body, format="json").status_code == 400


def test_viewers_can_only_read_and_outsiders_get_a_404(asked: Question, viewer: User, outsider: User) -> None:
    address = f"{ROUTE}{asked.pk}/"
    assert client(viewer).post(ROUTE, {**BODY, "asked_until": "2026-11-20T13:00"}).status_code == 403
    assert client(viewer).patch(address, {"text": "Mine"}).status_code == 403
    assert client(viewer).delete(address).status_code == 403
    assert client(outsider).get(ROUTE).json()["results"] == []
    for answer in (client(outsider).get(address), client(outsider).get(f"{address}result/")):
        assert answer.status_code == 404
    assert client(outsider).delete(address).status_code == 404
