"""A photograph of an iPhone is enrolled at every door."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from devices.models import Site
from faces.models import ConsentTemplate, Face, Person
from faces.services import create_person
from tests.devices.reading import test_heic
from tests.faces.conftest import agree
from tests.faces.desk.conftest import Desk, logged_in, scripted, text  # noqa: F401 - the fixtures
from tests.faces.enrolment.test_enrol import ALL, HERS, write
from tests.faces.rest.test_enrolment_api import client_of
from tests.faces.scripted import Scripted

pytestmark = pytest.mark.django_db


@pytest.fixture
def heic() -> SimpleUploadedFile:
    return SimpleUploadedFile("IMG_0001.HEIC", test_heic.photograph("turned"), "image/heic")


def test_at_the_desk(
    operator: User,
    text: ConsentTemplate,  # noqa: F811
    scripted: Scripted,  # noqa: F811
    heic: SimpleUploadedFile,
) -> None:
    desk = Desk(logged_in(operator), "/sites/seattle/people/enrol/")
    assert "1 of 3" in desk.add(heic)
    desk.enrol(text)
    assert Face.objects.get().person.name == "Ada"


def test_by_api(operator: User, seattle: Site, scripted: Scripted, heic: SimpleUploadedFile) -> None:  # noqa: F811
    person = create_person(site=seattle, name="Ada")
    agree(person)
    answer = client_of(operator).post(f"/api/v1/people/{person.pk}/faces/", {"images": [heic]}, format="multipart")
    assert (answer.status_code, answer.json()[0]["refused"]) == (201, "")


def test_from_a_folder(seattle: Site, scripted: Scripted, heic: SimpleUploadedFile, tmp_path: Path) -> None:  # noqa: F811
    write(tmp_path / "consent.toml", ALL)
    write(tmp_path / "Ada" / "consent.toml", HERS)
    (tmp_path / "Ada" / "IMG_0001.HEIC").write_bytes(heic.read())
    call_command("enrol", str(tmp_path), site="seattle")
    assert Person.objects.get().consents.get().faces.count() == 1
