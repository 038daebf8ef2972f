"""Verdicts and precision in the API: what the review page says, of the own sites only."""

import datetime as dt
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from analytics.counting.corrections import review
from analytics.models import Detection, Review, Verdict
from devices.models import Device
from tests.analytics.frames import count, seen
from tests.analytics.rest.test_api import NINE, NOW, ask
from tests.clock import SetClock


@pytest.fixture(autouse=True)
def _ten_o_clock(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def decided(seattle01: Device, chicago01: Device, operator: User, superuser: User) -> None:
    """Of four cups in Seattle two are right, one is wrong, and one is disputed; in Chicago one is wrong."""
    for minute, confidence in enumerate((0.5, 0.6, 0.7, 0.8)):
        count(seen(seattle01, NINE + dt.timedelta(minutes=minute), labels=[("cup", confidence)]))
    count(seen(chicago01, NINE, labels=[("cup", 0.9)]))
    found = list(Detection.objects.select_related("frame__device__site").order_by("confidence"))
    said = [Verdict.WRONG, Verdict.RIGHT, Verdict.RIGHT, Verdict.WRONG]
    review(verdicts=dict(zip(found[:4], said, strict=True)), by=operator, now=NOW)
    review(verdicts={found[3]: Verdict.RIGHT, found[4]: Verdict.WRONG}, by=superuser, now=NOW)


def test_verdicts_and_precision_require_a_login(decided: None) -> None:
    for address in ("/api/v1/reviews/", "/api/v1/precision/?site=seattle"):
        assert Client().get(address).status_code == HTTPStatus.UNAUTHORIZED


def test_every_reviewers_verdict_is_listed(decided: None, viewer: User) -> None:
    listed = ask(viewer, "reviews").json()["results"]
    assert {each["site"] for each in listed} == {"seattle"}
    assert sorted((each["reviewer"], each["verdict"]) for each in listed) == [
        ("admin", "right"),
        ("operator", "right"),
        ("operator", "right"),
        ("operator", "wrong"),
        ("operator", "wrong"),
    ]
    assert len(ask(viewer, "reviews", verdict="wrong", label="cup", device="Seattle01").json()["results"]) == 2
    assert ask(viewer, "reviews", label="face").json()["results"] == []
    file = b"".join(ask(viewer, "reviews", format="csv")).decode("utf-8-sig").splitlines()
    assert (file[0], len(file)) == ("id,site,device,detection,label,verdict,reviewer,at", 6)


def test_another_sites_verdict_is_not_found(decided: None, viewer: User, outsider: User) -> None:
    (foreign,) = ask(outsider, "reviews").json()["results"]
    assert ask(viewer, f"reviews/{foreign['id']}").status_code == HTTPStatus.NOT_FOUND


def post(user: User, detections: list[int], verdict: str | None) -> Any:
    api = APIClient()
    api.force_authenticate(user)
    body = {"detections": detections, "verdict": verdict}
    return api.post("/api/v1/reviews/", body, format="json")


def test_an_operator_posts_verdicts_and_withdraws_them(seattle01: Device, operator: User) -> None:
    count(seen(seattle01, NINE, labels=[("cup", 0.9), ("cup", 0.8)]))
    cups = [*Detection.objects.values_list("pk", flat=True)]
    answer = post(operator, cups, "wrong")
    assert answer.status_code == HTTPStatus.OK
    assert answer.json()["changes"] == ["Seattle01, Fri 20 Nov: cup 2 → 0, mean confidence 85.0% → –."]
    assert answer.json()["detections"] == [{"id": pk, "review": "wrong"} for pk in cups]
    assert set(Review.objects.values_list("detection_id", "verdict", "reviewer__username")) == {
        (pk, "wrong", "operator") for pk in cups
    }
    assert post(operator, cups[:1], "right").json()["detections"] == [{"id": cups[0], "review": "right"}]
    assert post(operator, cups, None).json()["detections"] == [{"id": pk, "review": None} for pk in cups]
    assert not Review.objects.exists()


def test_nobody_else_posts_verdicts(seattle01: Device, viewer: User, outsider: User) -> None:
    count(seen(seattle01, NINE, labels=[("cup", 0.9)]))
    cup = Detection.objects.get().pk
    assert post(viewer, [cup], "wrong").status_code == HTTPStatus.FORBIDDEN
    assert post(outsider, [cup], "wrong").status_code == HTTPStatus.NOT_FOUND
    assert not Review.objects.exists()


def test_a_detection_that_is_not_there_harms_no_other_verdict(seattle01: Device, operator: User) -> None:
    count(seen(seattle01, NINE, labels=[("cup", 0.9)]))
    cup = Detection.objects.get().pk
    answer = post(operator, [cup + 1, cup, "x"], "wrong")  # type: ignore[list-item]
    assert (answer.status_code, answer.json()["detections"]) == (HTTPStatus.OK, [{"id": cup, "review": "wrong"}])
    assert answer.json()["refused"] == [
        {"number": 0, "detail": f"Your sites have no detection {cup + 1}."},
        {"number": 2, "detail": "A valid integer is required."},
    ]


@pytest.mark.parametrize(
    ("detections", "verdict", "field"),
    [
        ([], "right", "detections"),
        ([-1], "right", "detections"),
        ([10**30], "right", "detections"),
        ([1] * 101, "right", "detections"),
        ([1], "maybe", "verdict"),
    ],
)
def test_a_wrong_post_names_its_field(operator: User, detections: list[int], verdict: str, field: str) -> None:
    answer = post(operator, detections, verdict)
    assert (answer.status_code, list(answer.json()["errors"])) == (HTTPStatus.BAD_REQUEST, [field])


def test_a_reviewer_who_has_left_has_no_name(decided: None, viewer: User, operator: User) -> None:
    operator.delete()
    assert {each["reviewer"] for each in ask(viewer, "reviews").json()["results"]} == {None, "admin"}


def test_precision_is_that_of_the_review_page(decided: None, viewer: User) -> None:
    told = ask(viewer, "precision", site="seattle", label="cup").json()
    whole = told["precision"]
    assert (whole["right"], whole["wrong"], whole["share"], told["disputed"]) == (2, 1, pytest.approx(2 / 3), 1)
    assert 0 < whole["share_low"] < 2 / 3 < whole["share_high"] < 1
    (device,) = told["devices"]
    assert (device["device"], device["software"], device["precision"]) == ("Seattle01", "not told", whole)
    assert [(each["threshold"], each["precision"]["share"]) for each in told["thresholds"]] == [
        (0.5, pytest.approx(2 / 3)),
        (0.6, 1.0),
        (0.7, 1.0),
    ]
    answers = SchemaGenerator().get_schema(request=None, public=True)["paths"]["/api/v1/precision/"]["get"]["responses"]
    assert answers["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/PrecisionTable"}
    nothing = ask(viewer, "precision", site="seattle").json()
    assert (nothing["precision"]["share"], nothing["devices"]) == (None, [])
    assert ask(viewer, "precision", site="chicago").status_code == HTTPStatus.NOT_FOUND
    assert "site" in ask(viewer, "precision").json()["errors"]
