"""What the tests of pictures and people share: the real recogniser, captures, and somebody who agreed."""

import datetime as dt
import itertools
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from devices.intake.batches import Batch
from devices.models import Device, Site
from devices.reading.decoding import TakenPicture
from edge_agent.vision.files import fetch_models, models_folder
from faces.models import Capture, Consent, Mode, Person
from faces.pictures import sink
from faces.recognisers import recogniser as recognisers
from faces.recognisers.local import LocalRecogniser
from faces.recognisers.recogniser import Recogniser
from faces.services import create_person, enrol, record_consent, set_policy
from tests import clock
from tests.faces import scenes

NOON = dt.datetime(2026, 11, 20, 20, 0, tzinfo=dt.UTC)
"""Noon in Seattle."""

LATER = NOON + dt.timedelta(minutes=2)
"""When workers come to it; too late to greet anybody."""

TakePicture = Callable[..., Capture]


@pytest.fixture(scope="session")
def local() -> LocalRecogniser:
    """The local recogniser with its real models."""
    fetch_models(models_folder())
    found = recognisers.recogniser_by_name("local")
    assert isinstance(found, LocalRecogniser)
    return found


@pytest.fixture
def take_picture(seattle01: Device) -> TakePicture:
    """Have a device's picture taken in, as the intake does."""
    keys = itertools.count(1)

    def take(
        jpeg: bytes | None = None, *, device: Device = seattle01, at: dt.datetime = NOON, received: dt.datetime = NOON
    ) -> Capture:
        key = next(keys)
        jpeg = scenes.jpeg(scenes.portrait_with_cup()) if jpeg is None else jpeg
        sink.take_in(Batch(pictures=[TakenPicture(device, at, received, key, jpeg)]))()
        return Capture.objects.get(device=device, key=key)

    return take


def agree(person: Person, *, signed_at: dt.datetime = NOON - dt.timedelta(days=1), days: float = 365) -> Consent:
    return record_consent(
        person=person,
        text="I agree to be recognised by the camera at the coffee machine.",
        text_version="1",
        method="paper",
        signed_by=person.name,
        signed_at=signed_at,
        expires_at=signed_at + dt.timedelta(days=days),
        now=max(signed_at, clock.now()),
    )


@pytest.fixture
def ada(seattle: Site, local: Recogniser) -> Person:
    """The astronaut of the portrait, enrolled at Seattle."""
    person = create_person(site=seattle, name="Ada", line="Commander")
    jpeg = scenes.jpeg(scenes.portrait())
    enrol(person=person, consent=agree(person), jpeg=jpeg, now=NOON, recogniser=local)
    return person


@pytest.fixture
def enrolled_only(seattle: Site, chicago: Site, owner: User, outsider: User) -> None:
    """Both sites recognise people who agreed."""
    set_policy(site=seattle, mode=Mode.ENROLLED, confirmed_by=owner, now=NOON)
    set_policy(site=chicago, mode=Mode.ENROLLED, confirmed_by=outsider, now=NOON)
