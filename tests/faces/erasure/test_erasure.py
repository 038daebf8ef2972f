"""Whoever wants to is forgotten: every step survives an outage, and the receipt can be checked later."""

import hashlib
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from devices.models import Site
from faces import tasks
from faces.erasure.foreseeing import foresee_erasure
from faces.models import Capture, Coffee, Consent, Erasure, Face, Person, Sighting, State
from faces.pictures import storage
from faces.recognisers.recogniser import Recogniser, RecogniserUnavailable
from faces.services import NotErasedYet, create_person, forget, recognise
from tests.faces import scenes
from tests.faces.conftest import LATER, NOON, TakePicture, agree
from tests.faces.scripted import Scripted, detections

pytestmark = pytest.mark.django_db

COUNTS = {
    "faces": 1,
    "consents": 1,
    "pictures": 1,
    "sightings": 1,
    "coffees": 1,
    "unrecognised": 0,
    "rows": 0,
    "texts": 0,
}

BOXES = ((100, 100, 100, 100), (600, 100, 100, 100))


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def capture(ada: Person, enrolled_only: None, take_picture: TakePicture, local: Recogniser) -> Capture:
    """Ada with a cup."""
    return recognise(capture_id=take_picture().pk, now=LATER, recogniser=local)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def away(*_: Any, **__: Any) -> None:
    raise RecogniserUnavailable("The recogniser is away.")


class TestForget:
    @pytest.mark.parametrize("state", [State.QUEUED, State.WORKING, State.WAITING, State.FAILED])
    def test_a_picture_that_was_not_recognised_yet_goes_because_it_may_show_anybody(
        self, ada: Person, capture: Capture, take_picture: TakePicture, owner: User, state: State
    ) -> None:
        waiting = take_picture(scenes.jpeg(scenes.portrait()), at=LATER)
        Capture.objects.filter(pk=waiting.pk).update(state=state)
        assert "1 picture in which nobody was recognised" in foresee_erasure(ada).goes
        receipt = forget(person=ada, by=owner, now=LATER)
        assert receipt.counts["unrecognised"] == 1
        waiting.refresh_from_db()
        assert (str(waiting.image), waiting.state) == ("", State.FAILED)
        assert "somebody who was erased" in waiting.reason

    def test_an_erasure_leaves_anonymous_counts_and_a_receipt(self, ada: Person, capture: Capture, owner: User) -> None:
        number, face, picture = ada.pk, Face.objects.get(), storage.read(capture)
        receipt = forget(person=ada, by=owner, now=LATER)
        receipt.refresh_from_db()
        assert receipt.counts == COUNTS
        enrolled_from = scenes.jpeg(scenes.portrait())
        removed = [picture, enrolled_from, face.provider_id.encode(), bytes(face.embedding or b"")]
        assert receipt.digests == sorted(map(sha256, removed))
        assert (receipt.person_number, receipt.erased_by, receipt.site) == (number, owner, ada.site)
        assert (receipt.requested_at, receipt.erased_at, receipt.reason) == (LATER, LATER, "")
        assert not any(model.objects.exists() for model in (Person, Face, Consent))
        capture.refresh_from_db()
        assert str(capture.image) == ""
        sighting, coffee = Sighting.objects.get(), Coffee.objects.get()
        assert (sighting.person, sighting.similarity, coffee.person) == (None, None, None)

    def test_the_capture_somebody_was_enrolled_from_goes_too(self, ada: Person, take_picture: TakePicture) -> None:
        capture = take_picture()
        Face.objects.update(capture=capture)
        assert forget(person=ada, by=None).counts["pictures"] == 1
        with pytest.raises(FileNotFoundError):
            storage.read(Capture.objects.get())

    def test_an_erasure_changes_no_other_person(self, ada: Person, seattle: Site, take_picture: TakePicture) -> None:
        bob = create_person(site=seattle, name="Bob")
        Face.objects.create(consent=agree(bob), provider="local", provider_id="bob")
        capture = take_picture()
        Sighting.objects.create(capture=capture, number=0, person=bob, confidence=0.9, similarity=0.8)
        Capture.objects.update(state=State.DONE)
        forget(person=ada, by=None)
        assert storage.read(capture)
        assert (Sighting.objects.get().person, Face.objects.get().person) == (bob, bob)

    def test_a_picture_that_comes_in_meanwhile_goes_too(
        self, ada: Person, capture: Capture, take_picture: TakePicture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A worker that matched her before the erasure writes it down after the pictures were removed."""
        remove, late = storage.remove, take_picture(scenes.jpeg(scenes.two_with_cups()))

        def remove_and_see_her_again(name: str) -> None:
            remove(name)
            Sighting.objects.get_or_create(capture=late, number=0, person=ada, confidence=0.9)
            Capture.objects.filter(pk=late.pk).update(state=State.DONE)

        monkeypatch.setattr(storage, "remove", remove_and_see_her_again)
        assert forget(person=ada, by=None).counts["pictures"] == 2
        assert not Capture.objects.exclude(image="").exists()


class TestOutage:
    def test_an_interrupted_erasure_is_resumed_with_a_complete_receipt(
        self, ada: Person, capture: Capture, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("faces.recognisers.local.LocalRecogniser.forget", away)
            with pytest.raises(NotErasedYet, match=r"is away\. The erasure is not finished"):
                forget(person=ada, by=owner, now=LATER)
            assert tasks.finish_erasures() == 0
        pending = Erasure.objects.get()
        assert (pending.erased_at, pending.reason) == (None, "The recogniser is away.")
        assert tasks.finish_erasures() == 1
        done = Erasure.objects.get()
        assert (done.pk, done.requested_at, done.erased_by, done.reason) == (pending.pk, LATER, owner, "")
        assert done.erased_at is not None
        assert done.counts == COUNTS
        assert len(done.digests) == 4
        assert not Person.objects.exists()
        assert tasks.finish_erasures() == 0

    def test_nobody_is_recognised_from_the_first_moment(
        self, ada: Person, enrolled_only: None, take_picture: TakePicture, local: Recogniser, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("faces.recognisers.local.LocalRecogniser.forget", away)
        with pytest.raises(NotErasedYet):
            forget(person=ada, by=None, now=NOON)
        recognise(capture_id=take_picture().pk, now=LATER, recogniser=local)
        assert Coffee.objects.get().person is None

    def test_a_storage_that_is_away_is_outlived_as_well(
        self, ada: Person, capture: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unreachable(name: str) -> None:
            raise OSError("the disk is gone")

        with monkeypatch.context() as patched:
            patched.setattr(storage, "remove", unreachable)
            with pytest.raises(NotErasedYet, match="A picture cannot be removed: the disk is gone"):
                forget(person=ada, by=None)
        receipt = forget(person=ada, by=None)
        assert (receipt.counts["pictures"], receipt.counts["faces"]) == (1, 1)

    def test_a_picture_that_was_removed_already_is_no_hindrance(self, ada: Person, capture: Capture) -> None:
        storage.remove(str(capture.image))
        assert forget(person=ada, by=None).counts["pictures"] == 1


class TestReceipt:
    def test_it_proves_that_nothing_is_left(
        self, ada: Person, capture: Capture, local: Recogniser, capsys: pytest.CaptureFixture[str]
    ) -> None:
        receipt = forget(person=ada, by=None)
        call_command("check_erasure")
        call_command("check_erasure", str(receipt.pk))
        assert capsys.readouterr().out == "Nothing is left of the people of 1 receipts.\n" * 2

    def test_a_copy_of_a_picture_is_found(self, ada: Person, capture: Capture, local: Recogniser) -> None:
        picture = storage.read(capture)
        receipt = forget(person=ada, by=None)
        default_storage.save("elsewhere/copy.jpg", ContentFile(picture))
        assert trace() == f"The picture elsewhere/copy.jpg still exists after the {receipt}."

    def test_an_embedding_that_was_there_before_is_found(self, ada: Person, seattle: Site, local: Recogniser) -> None:
        embedding = Face.objects.get().embedding
        receipt = forget(person=ada, by=None)
        bob = create_person(site=seattle, name="Bob")
        face = Face.objects.create(consent=agree(bob), provider="local", provider_id="new", embedding=embedding)
        call_command("check_erasure")  # somebody may come back, with the same picture
        Face.objects.update(created_at=receipt.erased_at)
        assert trace() == f"Face {face.pk} still exists after the {receipt}."

    def test_a_face_that_the_recogniser_kept_is_found(
        self, ada: Person, seattle: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scripted = Scripted(detections(*BOXES))
        monkeypatch.setattr("faces.recognisers.recogniser.recogniser_by_name", lambda name: scripted)
        scripted.kept = {"somebody else's": "", (hers := Face.objects.get().provider_id): ""}
        receipt = forget(person=ada, by=None)
        call_command("check_erasure")
        scripted.kept[hers] = ""
        assert trace() == f"A face of scripted still exists after the {receipt}."

    def test_an_unfinished_erasure_is_reported_as_a_trace(self, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("faces.recognisers.local.LocalRecogniser.forget", away)
        with pytest.raises(NotErasedYet):
            forget(person=ada, by=None)
        assert "is not finished: The recogniser is away." in trace()

    def test_what_cannot_be_read_proves_nothing(self, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        forget(person=ada, by=None)
        monkeypatch.setattr("faces.recognisers.recogniser.recogniser_by_name", away)
        assert trace() == "The check is inconclusive, as not everything could be read: The recogniser is away."

    def test_a_receipt_that_is_not_there_is_said(self) -> None:
        nobody = "00000000-0000-0000-0000-000000000000"
        with pytest.raises(CommandError, match=f"There is no receipt {nobody}"):
            call_command("check_erasure", nobody)


def trace() -> str:
    with pytest.raises(CommandError) as error:
        call_command("check_erasure")
    return str(error.value)
