"""What somebody is told if the server cannot answer: in plain words, and to a program as problem details."""

from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.urls import reverse


def fail(monkeypatch: pytest.MonkeyPatch, error: Exception, cause: Exception | None = None) -> None:
    def raise_it(*_: object, **__: object) -> Any:
        raise error from cause

    monkeypatch.setattr("django.db.models.query.QuerySet._fetch_all", raise_it)


@pytest.fixture
def signed_in(client: Client, viewer: User) -> Client:
    client.force_login(viewer)
    client.raise_request_exception = False
    return client


def test_an_outage_is_a_503_that_says_when_to_try_again(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, OperationalError("connection refused"), psycopg.OperationalError("connection refused"))
    page = signed_in.get(reverse("overview"))
    assert (page.status_code, page["Retry-After"]) == (503, "10")
    assert "The database does not respond" in page.content.decode()
    answer = signed_in.get("/api/v1/sites/")
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert answer.json()["detail"] == (
        "The database does not respond. Nothing of this request was stored; send it again later."
    )


@pytest.mark.parametrize("error", [ValueError("wrong"), OperationalError("database is locked")])
def test_another_error_is_a_500_without_its_details(
    error: Exception, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, error)
    page = signed_in.get(reverse("overview"))
    assert page.status_code == 500
    assert "The server made an error" in page.content.decode()
    answer = signed_in.get("/api/v1/sites/")
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert str(error) not in answer.content.decode()
