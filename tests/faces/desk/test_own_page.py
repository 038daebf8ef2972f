"""A person's own page, by a code: what is kept, who looked, download, correct, withdraw, erase."""

import io
import json
import zipfile

import pytest
from django.contrib.auth.models import User
from django.test import Client

from faces.models import Coffee, Consent, Erasure, Face, Person
from faces.people.desk_links import make_link
from tests import clock
from tests.faces.desk.conftest import logged_in, shown

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(bea: Person, owner: User) -> str:
    _, code = make_link(site=bea.site, person=bea, by=owner, now=clock.now())
    return f"/me/{code}/"


def test_it_shows_what_is_kept_and_who_looked(page: str, bea: Person, viewer: User, client: Client) -> None:
    logged_in(viewer).get(f"/sites/seattle/people/{bea.pk}/")
    answer = client.get(page)
    text = shown(answer)
    assert ("data:image/jpeg" in text, "viewer looked at your page" in text, "Seattle01" in text) == (True,) * 3
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


def test_it_is_downloaded_whole(page: str, client: Client) -> None:
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{page}download/").content))
    about = json.loads(archive.read("about-me.json"))
    assert (about["name"], len(about["coffees"]), len(about["sightings"]), len(about["consents"])) == ("Bea", 1, 1, 1)
    assert [name.endswith(".jpg") for name in archive.namelist()] == [False, True]


def test_a_name_is_corrected_and_a_wrong_one_is_told(page: str, client: Client) -> None:
    assert client.post(page, {"correct": "yes", "name": " "}).status_code == 400
    assert "Your details are saved." in shown(client.post(page, {"correct": "yes", "name": "Béa"}))
    person = Person.objects.get()
    assert (person.name, person.external_id) == ("Béa", "staff:7")


def test_a_withdrawal_deletes_the_face_at_once(page: str, client: Client) -> None:
    assert "Your consent is withdrawn" in shown(client.post(page, {"withdraw": "yes"}))
    assert (Face.objects.count(), Consent.objects.get().withdrawn_at is not None) == (0, True)


@pytest.mark.django_db(transaction=True)
def test_an_erasure_says_first_what_goes_and_ends_in_a_receipt(page: str, client: Client) -> None:
    asked = shown(client.post(page, {"erase": "yes"}))
    assert ("1 picture, with every copy" in asked, "1 coffee" in asked, Person.objects.count()) == (True, True, 1)
    done = client.post(page, {"erase": "yes", "sure": "yes"})
    receipt = Erasure.objects.get()
    assert done.headers["Location"] == f"/receipts/{receipt.pk}/"
    assert (Person.objects.count(), Coffee.objects.get().person) == (0, None)
    assert client.get(page).status_code == 404


def test_a_new_code_ends_the_one_before(page: str, bea: Person, operator: User, client: Client) -> None:
    answer = logged_in(operator).post(f"/sites/seattle/people/{bea.pk}/link/")
    assert ("<svg" in shown(answer), client.get(page).status_code) == (True, 404)
