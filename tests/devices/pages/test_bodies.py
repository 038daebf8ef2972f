"""No door reads a body that is larger than it takes, with or without a proxy in front."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from learning.datasets.uploads import MAX_UPLOAD_BYTES

pytestmark = pytest.mark.django_db

FORM = "multipart/form-data; boundary=x"
PAGES = ("/accounts/login/", "/learning/data-sets/1/import/", "/admin/faces/person/add/", "/no/such/page/")
API = ("/api/v1/captures/", "/api/v1/messages/", "/api/v1/data-sets/1/import/")


@pytest.fixture(autouse=True)
def _nothing_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object) -> None:
        raise AssertionError("The body was parsed.")

    monkeypatch.setattr("django.http.multipartparser.MultiPartParser.parse", parse)


def post(client: Client, address: str, **headers: Any) -> Any:
    return client.generic("POST", address, b"x", FORM, **headers)


@pytest.mark.parametrize("address", [*PAGES, *API])
def test_a_form_that_is_too_large_is_refused_before_it_is_parsed(address: str, client: Client) -> None:
    response = post(client, address, CONTENT_LENGTH=str(MAX_UPLOAD_BYTES + 1))
    assert (response.status_code, " bytes." in response.content.decode()) == (413, True)
    assert response["Content-Type"].startswith("application/problem+json" if address in API else "text/html")
    assert "Content-Security-Policy" in response.headers


@pytest.mark.parametrize("address", ["/accounts/login/", "/api/v1/captures/"])
@pytest.mark.parametrize("headers", [{"HTTP_TRANSFER_ENCODING": "chunked"}, {"CONTENT_LENGTH": "many"}])
def test_a_body_of_unknown_length_is_refused(address: str, headers: dict[str, str], client: Client) -> None:
    response = post(client, address, **headers)
    assert response.status_code == 411
    assert "Send the length of the body in the header Content-Length." in response.content.decode()


def test_only_who_has_signed_in_may_send_a_page_more_than_usual(client: Client, viewer: User, settings: Any) -> None:
    more = {"CONTENT_LENGTH": str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)}
    assert post(client, "/learning/data-sets/1/import/", **more).status_code == 413
    client.force_login(viewer)
    assert post(client, "/learning/data-sets/1/import/", **more).status_code == 404
