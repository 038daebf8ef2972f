"""A recogniser is one file and a dotted path; a name that nobody knows is refused at every door."""

import io
from typing import Any

import pytest
from django.core import checks
from PIL import Image

from devices import health
from devices.models import Site
from faces.enrolment.enrolment import save_face
from faces.erasure.retention import forget_faces_without_consent
from faces.models import Coffee, Face, Person, State
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import RecogniserUnavailable, UnknownRecogniser
from faces.services import NotErasedYet, create_person, finish_erasures, forget, recognise, sweep
from tests.faces.conftest import LATER, NOON, TakePicture, agree
from tests.faces.recognition.test_gallery import Local, embedding

OWN = "tests.faces.recognisers.by_colour.ByColour"
BROWN, BLUE = (150, 90, 40), (40, 90, 150)


class Nameless:
    """Lacks nearly everything."""

    name = "nameless"


class Impostor:
    """Gives itself the name of another."""

    name = "local"
    detects_emotions = False
    from_environment = detect = identify = index = find_by_notes = forget = list_faces = None


def jpeg(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (200, 200), colour).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def own(settings: Any) -> None:
    settings.RECOGNISER = OWN


@pytest.fixture
def ada(seattle: Site, own: None, enrolled_only: None) -> Person:
    """Enrolled by a brown picture."""
    ada, recogniser = create_person(site=seattle, name="Ada"), recognisers.configured_recogniser()
    indexed = recogniser.index(jpeg(BROWN), (0, 0, 200, 200), collection="")
    save_face(consent=agree(ada), indexed=indexed, recogniser=recogniser, now=NOON)
    return ada


def test_a_recogniser_is_configured_by_its_dotted_path(own: None) -> None:
    assert recognisers.configured_recogniser() is recognisers.recogniser_by_name("colour")
    assert recognisers.configured_recogniser().name == "colour"
    assert not recognisers.configured_class().detects_emotions
    assert recognisers.check_setting() == []


@pytest.mark.django_db(transaction=True)
def test_it_recognises_whom_it_knows_and_forgets_whoever_is_erased(ada: Person, take_picture: TakePicture) -> None:
    first = recognise(capture_id=take_picture(jpeg(BROWN)).pk, now=LATER)
    assert (first.state, first.cups) == (State.DONE, 1)
    assert Coffee.objects.get().person == ada
    recognise(capture_id=take_picture(jpeg(BLUE)).pk, now=LATER)
    assert Coffee.objects.count() == 1
    forget(person=ada, by=None, now=NOON)
    assert not Face.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_erasure_waits_until_the_recogniser_of_the_faces_is_known_again(ada: Person, settings: Any) -> None:
    settings.RECOGNISER = "local"
    with pytest.raises(NotErasedYet, match="The recogniser “colour” is unknown: set RECOGNISER, which is “local”"):
        forget(person=ada, by=None, now=NOON)
    assert finish_erasures(now=NOON) == 0
    settings.RECOGNISER = OWN
    assert finish_erasures(now=NOON) == 1


@pytest.mark.django_db
def test_an_unknown_recognisers_faces_do_not_stop_the_removal_of_others(ada: Person, settings: Any) -> None:
    bea = agree(create_person(site=ada.site, name="Bea"), days=1.5)
    save_face(consent=bea, indexed=recognisers.IndexedFace("face-1", embedding(1)), recogniser=Local(), now=NOON)
    settings.RECOGNISER = "local"
    assert forget_faces_without_consent(now=NOON.replace(year=2028)) == 1
    assert Face.objects.get().provider == "colour"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("crystal-ball", "cannot be imported"),
        ("tests.faces.recognisers.by_colour.Missing", "cannot be imported"),
        ("nowhere.Recogniser", "cannot be imported"),
        (
            "tests.faces.recognisers.test_choice.Nameless",
            "it has no detect, detects_emotions, find_by_notes, forget, from_environment",
        ),
        ("tests.faces.recognisers.test_choice.Impostor", "whose name “local” is taken"),
    ],
)
class TestUnknown:
    @pytest.fixture(autouse=True)
    def _chosen(self, path: str, settings: Any) -> None:
        settings.RECOGNISER = path

    def test_the_system_check_says_so(self, path: str, sentence: str) -> None:
        (error,) = [message for message in checks.run_checks() if message.id == "faces.E001"]
        assert error.msg.startswith(f"RECOGNISER is “{path}”")
        assert sentence in error.msg

    def test_no_other_recogniser_is_used_instead(self, path: str, sentence: str) -> None:
        for refused in (
            recognisers.configured_recogniser,
            recognisers.configured_class,
            lambda: recognisers.recogniser_by_name("acme"),
        ):
            with pytest.raises(UnknownRecogniser, match=sentence):
                refused()
        assert recognisers.recogniser_by_name("local").name == "local"

    @pytest.mark.django_db
    def test_pictures_wait_and_health_says_why(self, path: str, sentence: str, take_picture: TakePicture) -> None:
        capture = take_picture()
        recognise(capture_id=capture.pk, now=LATER)
        capture.refresh_from_db()
        assert capture.state == State.QUEUED
        assert sentence in capture.reason
        assert sweep(now=LATER) == 0
        (line,) = [line for line in health.report(LATER) if line.part == "recogniser"]
        assert not line.well
        assert sentence in line.text


def test_a_stored_name_that_nobody_knows_is_refused(settings: Any) -> None:
    settings.RECOGNISER = "local"
    with pytest.raises(RecogniserUnavailable, match="The recogniser “acme” is unknown"):
        recognisers.recogniser_by_name("acme")
