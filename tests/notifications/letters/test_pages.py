"""Members read a site's letters, have them sent, and operators say who else gets them; the API can do the same."""

from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from devices.rules.roles import Role
from notifications.models import Copy, Letter, Reader
from tests import clock
from tests.notifications.letters.conftest import MONDAY
from tests.world import places

pytestmark = pytest.mark.django_db


def test_a_member_opens_a_letter_and_has_it_sent(letter: Letter, reader_user: User, client: Client) -> None:
    client.force_login(reader_user)
    site = letter.site
    listed = client.get(reverse("site-letters", args=[site.slug])).content.decode()
    assert "9 – 15 Nov 2026" in listed
    assert "Everybody who gets it" not in listed
    assert "Busier than usual" in client.get(reverse("site-letter", args=[site.slug, letter.pk])).content.decode()
    subscribe = reverse("site-letter-subscribe", args=[site.slug])
    client.post(subscribe, {"unit": "week"})
    assert Reader.objects.get().address == reader_user.email
    client.post(subscribe, {"unit": "week"})
    assert not Reader.objects.exists()
    sentence = client.post(subscribe, {"unit": "decade"}, follow=True).content.decode()
    assert "Letters come each week or each month" in sentence


def test_a_member_reads_all_sites_in_one_letter(letter: Letter, reader_user: User, client: Client) -> None:
    client.force_login(reader_user)
    page = reverse("letter-of-all", args=["week", MONDAY.isoformat()])
    assert page in client.get(reverse("letters")).content.decode()
    shown = client.get(page).content.decode()
    assert reverse("site-letter", args=["chicago", letter.pk]) in shown
    client.post(reverse("letters"), {"unit": "month"})
    assert Reader.objects.get().site is None
    for wrong in ("letters/week/2026-11-02/", "letters/week/yesterday/", "letters/year/2026-11-09/"):
        assert client.get(f"/{wrong}").status_code == HTTPStatus.NOT_FOUND


def test_an_outsider_sees_no_letter(letter: Letter, client: Client) -> None:
    client.force_login(places.user("outsider", {places.seattle(): Role.OWNER}))
    assert client.get(reverse("site-letter", args=["chicago", letter.pk])).status_code == HTTPStatus.NOT_FOUND
    assert client.get(reverse("letter-of-all", args=["week", "2026-11-09"])).status_code == HTTPStatus.NOT_FOUND
    assert "9 – 15 Nov 2026" not in client.get(reverse("inbox")).content.decode()


def test_an_operator_adds_and_removes_readers(letter: Letter, client: Client) -> None:
    operator = places.user("boss", {letter.site: Role.OPERATOR})
    client.force_login(operator)
    add = reverse("site-letter-reader-new", args=["chicago"])
    assert (
        "gets the letter each week"
        in client.post(add, {"unit": "week", "address": "a@example.com"}, follow=True).content.decode()
    )
    assert "Enter a valid email" in client.post(add, {"unit": "week", "address": "a"}, follow=True).content.decode()
    reader = Reader.objects.get()
    Copy.objects.create(reader=reader, first=MONDAY, created_at=clock.now())
    assert "a@example.com" in client.get(reverse("inbox")).content.decode()
    client.post(reverse("site-letter-reader-delete", args=["chicago", reader.pk]))
    assert not Reader.objects.exists()


def test_an_account_without_an_address_is_told_so(letter: Letter, client: Client) -> None:
    client.force_login(places.user("nobody", {letter.site: Role.VIEWER}))
    assert "Your account has no" in client.get(reverse("site-letters", args=["chicago"])).content.decode()


def test_the_api_can_do_what_the_pages_can(letter: Letter, reader_user: User) -> None:
    api = APIClient()
    api.force_authenticate(reader_user)
    [listed] = api.get("/api/v1/letters/").json()["results"]
    assert listed["content"]["period"] == "9 – 15 Nov 2026"
    assert "Busier than usual" in api.get(f"/api/v1/letters/{letter.pk}/html/").content.decode()
    made = api.post("/api/v1/letter-readers/", {"site": "chicago", "unit": "week"})
    assert (made.status_code, made.json()["address"]) == (201, "reader@example.com")
    assert api.post("/api/v1/letter-readers/", {"unit": "month"}).json()["site"] is None
    other = {"site": "chicago", "unit": "week", "address": "else@example.com"}
    assert api.post("/api/v1/letter-readers/", other).status_code == 403
    assert api.post("/api/v1/letter-readers/", {"address": "else@example.com"}).status_code == 400
    assert len(api.get("/api/v1/letter-readers/").json()["results"]) == 2
    assert api.delete(f"/api/v1/letter-readers/{made.json()['id']}/").status_code == 204
    api.force_authenticate(places.user("outsider", {places.seattle(): Role.OWNER}))
    assert api.get("/api/v1/letters/").json()["results"] == []
    assert api.get("/api/v1/letter-readers/").json()["results"] == []
    assert api.post("/api/v1/letter-readers/", {"site": "chicago"}).status_code == 400
