"""Several frames vote on whose a face is: who is greeted, who is a guest, and which guests are one."""

import base64
import datetime as dt

import pytest
from django.contrib.auth.models import User

from devices.models import Site
from edge_agent.messages import Box
from faces.models import Capture, Coffee, Face, Merge, Mode, Person, Sighting
from faces.recognisers.recogniser import Detections
from faces.services import create_person, recognise, recognise_again, set_policy
from tests.faces.conftest import LATER, NOON, TakePicture, agree
from tests.faces.scripted import Scripted, detections

pytestmark = pytest.mark.django_db

FACE: Box = (100, 100, 100, 100)
CUP: Box = (120, 320, 60, 60)
ADA, BOB, NOBODY = 100, 300, 900
"""Left edges of faces, by which the scripted recogniser tells people apart."""


class Frames(Scripted):
    """Sees in each look a face whose left edge is the look's text."""

    def detect(self, jpeg: bytes) -> Detections:
        return detections((int(jpeg), 20, 90, 90)) if jpeg.isdigit() else super().detect(jpeg)


def with_looks(capture: Capture, *edges: int) -> Capture:
    capture.claimed_faces = [{"confidence": 0.9, "box": list(FACE)}]
    capture.looks = [[0, base64.b64encode(str(edge).encode()).decode()] for edge in edges]
    capture.save(update_fields=["claimed_faces", "looks"])
    return capture


def known(site: Site, name: str, edge: int) -> Person:
    person = create_person(site=site, name=name)
    Face.objects.create(consent=agree(person), provider="scripted", provider_id=f"headcount-site-{site.pk}/{edge}")
    return person


@pytest.fixture
def people(seattle: Site, enrolled_only: None) -> list[Person]:
    return [known(seattle, "Ada", ADA), known(seattle, "Bob", BOB)]


@pytest.mark.parametrize(
    ("looks", "name"),
    [
        ([], "Ada"),
        ([ADA, ADA], "Ada"),
        ([ADA, NOBODY], "Ada"),
        ([NOBODY, NOBODY], None),
        ([NOBODY], None),
        ([BOB, BOB], "Bob"),
        ([BOB, NOBODY], None),
    ],
)
def test_a_name_is_given_where_more_than_half_of_the_frames_show_the_person(
    people: list[Person], take_picture: TakePicture, looks: list[int], name: str | None
) -> None:
    capture = with_looks(take_picture(), *looks)
    recognise(capture_id=capture.pk, now=LATER, recogniser=Frames(detections(FACE, cups=[CUP])))
    sighting = Sighting.objects.get()
    assert (sighting.person and sighting.person.name) == name
    coffee = Coffee.objects.get()
    assert (coffee.person and coffee.person.name) == name


def test_looks_are_deleted_once_they_have_voted(people: list[Person], take_picture: TakePicture) -> None:
    capture = with_looks(take_picture(), ADA, ADA)
    recogniser = Frames(detections(FACE))
    recognise(capture_id=capture.pk, now=LATER, recogniser=recogniser)
    capture.refresh_from_db()
    assert capture.looks == []
    recognise_again(capture=capture, now=LATER)
    recognise(capture_id=capture.pk, now=LATER, recogniser=recogniser)
    assert Sighting.objects.get().person == people[0]


def test_a_look_without_a_face_has_no_vote(people: list[Person], take_picture: TakePicture) -> None:
    class Blind(Frames):
        def detect(self, jpeg: bytes) -> Detections:
            return detections() if jpeg.isdigit() else super().detect(jpeg)

    capture = with_looks(take_picture(), NOBODY, NOBODY)
    recognise(capture_id=capture.pk, now=LATER, recogniser=Blind(detections(FACE)))
    assert Sighting.objects.get().person == people[0]


def test_a_stranger_is_indexed_by_the_picture_and_the_looks(
    seattle: Site, owner: User, take_picture: TakePicture
) -> None:
    set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
    capture = with_looks(take_picture(), 101, 102)
    recognise(capture_id=capture.pk, now=LATER, recogniser=Frames(detections(FACE, cups=[CUP])))
    guest = Person.objects.get()
    assert Face.objects.filter(consent__person=guest).count() == 3


def test_a_guest_who_is_known_by_the_looks_alone_is_no_second_guest(
    seattle: Site, owner: User, take_picture: TakePicture
) -> None:
    set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
    first = with_looks(take_picture(), 101, 102)
    recognise(capture_id=first.pk, now=LATER, recogniser=Frames(detections(FACE, cups=[CUP])))
    second = with_looks(take_picture(at=NOON + dt.timedelta(hours=1)), 101, 102)
    # The picture itself shows a face that is matched with nobody.
    unlike = detections((110, 100, 100, 100), cups=[CUP])
    recognise(capture_id=second.pk, now=LATER + dt.timedelta(hours=1), recogniser=Frames(unlike))
    assert Person.objects.count() == 1
    assert Coffee.objects.filter(person=Person.objects.get()).count() == 2


def test_two_guests_for_whom_frames_of_one_face_are_taken_become_one(
    seattle: Site, owner: User, take_picture: TakePicture
) -> None:
    set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
    for hours, edge in ((0, 100), (1, 130)):
        seen = detections((edge, 100, 100, 100), cups=[CUP])
        capture = take_picture(at=NOON + dt.timedelta(hours=hours))
        recognise(capture_id=capture.pk, now=LATER + dt.timedelta(hours=hours), recogniser=Frames(seen))
    assert Person.objects.count() == 2
    older = Person.objects.order_by("pk").first()
    both = with_looks(take_picture(at=NOON + dt.timedelta(hours=2)), 130, NOBODY)
    recognise(capture_id=both.pk, now=LATER + dt.timedelta(hours=2), recogniser=Frames(detections(FACE, cups=[CUP])))
    assert Person.objects.get() == older
    assert Coffee.objects.filter(person=older).count() == 3
    assert Merge.objects.get().merged_by is None


def test_two_enrolled_people_are_never_joined(people: list[Person], take_picture: TakePicture) -> None:
    capture = with_looks(take_picture(), BOB, NOBODY)
    recognise(capture_id=capture.pk, now=LATER, recogniser=Frames(detections(FACE, cups=[CUP])))
    assert Person.objects.count() == 2
    assert not Merge.objects.exists()
