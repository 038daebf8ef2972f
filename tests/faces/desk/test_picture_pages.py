"""The pages of captures and coffees: pictures to judge by, words, and a void with a reason from the picture."""

import re
import uuid

import pytest
from django.contrib.auth.models import User

from faces.models import Capture, Coffee, Person
from tests.faces.desk.conftest import logged_in, shown

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bea")]


def test_captures_are_shown_in_words_and_in_the_sites_time(viewer: User, outsider: User) -> None:
    capture = Capture.objects.get()
    client = logged_in(viewer)
    listed, one = (shown(client.get(f"/sites/seattle/captures/{rest}")) for rest in ("", f"{capture.pk}/"))
    assert ("<strong>Bea, 1 cup</strong>" in listed, "Fri 20 Nov, 12:00:00" in listed) == (True, True)
    assert "very like the enrolled pictures" in one
    text = re.sub(r"<[^>]*>", " ", one)
    assert not re.search(r"0\.\d{3}|[0-9a-f]{8}-[0-9a-f]{4}|[\[{]", text)
    assert logged_in(outsider).get(f"/sites/seattle/captures/{capture.pk}/").status_code == 404


def test_a_coffee_is_voided_from_its_picture_in_two_clicks_and_counted_again(operator: User, viewer: User) -> None:
    coffee = Coffee.objects.get()
    client, address = logged_in(operator), f"/sites/seattle/coffees/{coffee.pk}/review/"
    page = shown(client.get("/sites/seattle/coffees/"))
    assert (page.count("<img"), "Delete" in page, "No coffee in the picture" in page) == (1, False, True)
    assert logged_in(viewer).post(address, {"reason": "Counted twice"}).status_code == 403
    back = client.post(address, {"reason": "Counted twice", "back": "/sites/seattle/coffees/?device=Seattle01"})
    assert back.headers["Location"] == "/sites/seattle/coffees/?device=Seattle01"
    coffee.refresh_from_db()
    assert (coffee.voided, coffee.review_reason, coffee.reviewed_by) == (True, "Counted twice", operator)
    assert "Counted twice" in shown(client.get("/sites/seattle/coffees/?voided=yes"))
    for odd in ("https://evil.example/", "//evil.example/", "overview", "[", "0001-01-01T00:00"):
        elsewhere = client.post(address, {"restore": "yes", "back": odd})
        assert elsewhere.headers["Location"] == "/sites/seattle/coffees/"
    coffee.refresh_from_db()
    assert not coffee.voided


def test_a_void_without_a_reason_is_refused_with_a_sentence(operator: User) -> None:
    client, address = logged_in(operator), f"/sites/seattle/coffees/{Coffee.objects.get().pk}/review/"
    answer = client.post(address, {}, follow=True)
    assert "Give a reason" in shown(answer)
    assert not Coffee.objects.get().voided
    answer = client.post(
        f"/sites/seattle/coffees/{Coffee.objects.get().pk}/review/", {"other": "9" * 5_000}, follow=True
    )
    assert "at most 200 characters" in shown(answer)
    assert not Coffee.objects.get().voided


@pytest.mark.parametrize("before", ["x", "9" * 30, str(uuid.UUID(int=5)), "-1"])
def test_an_address_that_names_no_row_is_not_found(viewer: User, before: str) -> None:
    client = logged_in(viewer)
    for page in ("captures", "coffees"):
        assert client.get(f"/sites/seattle/{page}/?before={before}").status_code == 404


def test_a_coffees_page_is_one_persons(viewer: User) -> None:
    client, person = logged_in(viewer), Person.objects.get()
    assert "<strong>Bea</strong>" in shown(client.get(f"/sites/seattle/coffees/?person={person.pk}"))
    assert "No coffee was counted yet" in shown(client.get("/sites/seattle/coffees/?person=999"))
