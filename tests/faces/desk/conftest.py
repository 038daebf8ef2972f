"""What the tests of the consent desk share: a scripted recogniser, a consent text, and photographs."""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from devices.models import Site
from edge_agent.messages import Box
from faces.models import ConsentTemplate, Mode, Person
from faces.people.consent_texts import PROPOSAL, publish_text
from faces.recognisers.recogniser import IndexedFace
from faces.recognition.recognising import recognise
from faces.services import create_person, enrol, set_policy
from tests import clock
from tests.faces import scenes
from tests.faces.conftest import LATER, NOON, TakePicture, agree
from tests.faces.scripted import Scripted, detections

FACE = (100, 60, 200, 200)

A_DAY_LATER = dt.timedelta(hours=25)


class ManyPictures(Scripted):
    """Gives each further picture of one face a name of its own, as recognisers do."""

    def index(self, jpeg: bytes, face: Box, *, collection: str, note: str = "") -> IndexedFace:
        if f"{collection}/{face[0]}" not in self.kept:
            return super().index(jpeg, face, collection=collection, note=note)
        name = f"{collection}/{face[0]}/{len(self.kept)}"
        self.kept[name] = note
        return IndexedFace(name)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """The recogniser of every page; it finds one face in each photograph."""
    recogniser = ManyPictures(detections(FACE))
    monkeypatch.setattr("faces.recognisers.recogniser.configured_recogniser", lambda: recogniser)
    monkeypatch.setattr("faces.recognisers.recogniser.recogniser_by_name", lambda name: recogniser)
    return recogniser


@pytest.fixture
def text(seattle: Site, owner: User) -> ConsentTemplate:
    return publish_text(site=seattle, by=owner, now=clock.now(), method="electronic", term_days=100, **PROPOSAL)


@pytest.fixture(autouse=True)
def no_refusals() -> Iterator[None]:
    """No test counts the wrong codes of another."""
    caches["rates"].clear()
    yield
    caches["rates"].clear()


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def photograph(name: str = "1.jpg", shade: int = 0) -> SimpleUploadedFile:
    """The astronaut's portrait. Another shade is another file."""
    picture = scenes.portrait()
    picture[:8, :8] = shade
    return SimpleUploadedFile(name, scenes.jpeg(picture), "image/jpeg")


def shown(response: Any) -> str:
    return str(response.content.decode())


class Desk:
    """A page to enrol, as one browser uses it."""

    def __init__(self, client: Client, address: str) -> None:
        self.client, self.address = client, address
        joint = "&" if "?" in address else "?"
        self.page = f"{address}{joint}draft={uuid.uuid4()}"

    def add(self, *files: Any) -> str:
        answer = self.client.post(self.page, {"photos": files}, headers={"X-Part": "photos"})
        assert answer.status_code == 200
        return shown(answer)

    def enrol(self, text: ConsentTemplate, **typed: Any) -> Any:
        fields = {"name": "Ada", "template": text.pk, "signed_by": "Ada L.", "enrol": "yes", **typed}
        return self.client.post(self.page, fields)


@pytest.fixture
def bea(seattle: Site, owner: User, scripted: Scripted, take_picture: TakePicture) -> Person:
    """Somebody with one coffee and one picture."""
    set_policy(site=seattle, mode=Mode.ENROLLED, confirmed_by=owner, now=NOON)
    person = create_person(site=seattle, name="Bea", external_id="staff:7")
    enrol(person=person, consent=agree(person), jpeg=photograph().read(), now=NOON, recogniser=scripted)
    scripted.detections = detections(FACE, cups=[(160, 240, 60, 60)])
    recognise(capture_id=take_picture().pk, now=LATER, recogniser=scripted)
    return person
