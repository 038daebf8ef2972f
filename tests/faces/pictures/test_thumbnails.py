"""Faces beside names: of people who agreed in person, to members of their site, and cut so that the face is in it."""

import io

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from devices.models import Site
from faces.models import Capture, Coffee, Consent, Method, Person
from faces.pictures import storage
from faces.pictures.thumbnails import SIDE, thumbnail
from faces.recognisers.recogniser import Recogniser
from faces.services import forget, recognise, withdraw_consent
from tests.faces import scenes
from tests.faces.conftest import LATER, NOON, TakePicture

FACE = (173, 72, 100, 118)
"""Of the portrait, as in test_local."""


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(-20, 80), st.integers(-20, 80), st.integers(1, 90), st.integers(1, 90)),
)
def test_it_is_a_square_wherever_the_face_is(size: tuple[int, int], face: tuple[int, int, int, int]) -> None:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, "JPEG")
    with Image.open(io.BytesIO(thumbnail(out.getvalue(), face))) as cut:
        assert cut.size == (SIDE, SIDE)
        assert np.array(cut)[..., 0].min() > 200, "nothing of beyond the picture is in it"


def test_the_face_is_in_its_middle(local: Recogniser) -> None:
    (face,) = local.detect(thumbnail(scenes.jpeg(scenes.portrait()), FACE)).faces
    left, top, width, height = face.box
    assert left + width / 2 == pytest.approx(SIDE / 2, abs=SIDE / 10)
    assert top + height / 2 == pytest.approx(SIDE / 2, abs=SIDE / 10)
    assert height > SIDE / 3


@pytest.fixture
def coffee(ada: Person, enrolled_only: None, take_picture: TakePicture, local: Recogniser) -> Coffee:
    recognise(capture_id=take_picture().pk, now=LATER, recogniser=local)
    return Coffee.objects.get(person=ada)


@pytest.fixture
def members(viewer: User) -> Client:
    client = Client()
    client.force_login(viewer)
    return client


def picture_on_the_board(client: Client) -> str | None:
    page = client.get(f"{reverse('leaderboard')}?period=all").content.decode()
    return page.partition('<span class="portrait" aria-hidden="true"><img src="')[2].partition('"')[0] or None


@pytest.mark.django_db
class TestWhoIsShown:
    def test_the_face_of_a_person_with_personal_consent_is_shown(self, coffee: Coffee, members: Client) -> None:
        address = picture_on_the_board(members)
        assert address
        answer = members.get(address)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
        assert answer["Cache-Control"].startswith("private")

    def test_a_face_is_shown_to_members_of_the_site_only(self, coffee: Coffee, members: Client, outsider: User) -> None:
        address = picture_on_the_board(members)
        assert address
        other = Client()
        assert other.get(address).status_code == 404
        other.force_login(outsider)
        assert other.get(address).status_code == 404
        assert members.get(address[:-6] + "x.jpg").status_code == 404

    def test_a_guests_face_is_not_shown(self, coffee: Coffee, members: Client) -> None:
        address = picture_on_the_board(members)
        Consent.objects.update(method=Method.OWNER)
        assert picture_on_the_board(members) is None
        assert members.get(str(address)).status_code == 404

    def test_a_face_is_not_shown_after_the_withdrawal(self, coffee: Coffee, members: Client) -> None:
        address = picture_on_the_board(members)
        withdraw_consent(consent=Consent.objects.get(), now=NOON)
        assert picture_on_the_board(members) is None
        assert members.get(str(address)).status_code == 404

    def test_no_face_is_shown_once_the_picture_is_removed(self, coffee: Coffee, members: Client, seattle: Site) -> None:
        address = picture_on_the_board(members)
        storage.remove(str(coffee.sighting.capture.image))
        assert members.get(str(address)).status_code == 404
        Capture.objects.update(image="")
        assert picture_on_the_board(members) is None

    def test_an_erased_persons_face_is_not_shown(self, coffee: Coffee, members: Client, ada: Person) -> None:
        address = picture_on_the_board(members)
        forget(person=ada, by=None, now=NOON)
        assert members.get(str(address)).status_code == 404
