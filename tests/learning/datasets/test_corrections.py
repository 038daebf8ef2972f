"""Verdicts of reviewers become pictures to learn from, if the owner allows it, and for as long as the owner says."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from analytics.models import Detection
from analytics.numbers.intervals import wilson
from devices.intake.batches import accept
from devices.models import Device, Site
from devices.reading.decoding import Arrival
from edge_agent import messages
from faces.erasure.signals import person_erased
from faces.models import Capture, Person, State
from learning.datasets.corrections import NOT_IT, add_corrections, waiting_corrections
from learning.datasets.policies import set_training_policy
from learning.datasets.services import label_named
from learning.models import Annotation, DataSet, Kind, Origin, Picture, Rollout, Run, TrainingPolicy
from learning.rollout.field import read_field_precision
from learning.tasks import remove_old_training_pictures
from learning.training import running
from tests import clock
from tests.analytics.pages.test_pages import page, words
from tests.learning.samples import data_set, jpeg, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def hands(seattle: Site) -> DataSet:
    made = data_set()
    label_named(data_set=made, name="OK sign")
    return made


@pytest.fixture
def allowed(seattle: Site, owner: User) -> TrainingPolicy:
    return set_training_policy(site=seattle, by=owner, is_on=True, keep_days=30)


def reviewed(device: Device, verdict: str, number: int, *, with_picture: bool = True) -> Detection:
    """A detection in a frame of 128 × 96 pixels, whose picture is half as large, and what reviewers say of it."""
    at = clock.now() - dt.timedelta(minutes=number)
    gesture = messages.Labelled("ok sign", 0.9, (20, 20, 40, 30))
    frame = messages.Frame(taken_at=round(at.timestamp() * 1000), faces=(), gestures=(gesture,), size=(128, 96))
    topic = messages.topic_from_device(device.thing_name, "frames")
    accept([Arrival(topic, messages.encode(messages.Frames(f"m{number}", (frame,))), clock.now())])
    Detection.objects.filter(label="ok sign", review=None).update(review=verdict)
    detection: Detection = Detection.objects.order_by("taken_at").first()  # type: ignore[assignment]
    if with_picture:
        capture = Capture(device=device, taken_at=detection.taken_at, received_at=at, key=number, state=State.DONE)
        capture.area = [0, 0, 128, 96]
        capture.image.save("x.jpg", ContentFile(jpeg(number)))
    return detection


def test_right_and_wrong_detections_are_learned_from(
    hands: DataSet, allowed: TrainingPolicy, seattle01: Device, operator: User
) -> None:
    reviewed(seattle01, "right", 1)
    reviewed(seattle01, "wrong", 2)
    reviewed(seattle01, "right", 3, with_picture=False)
    assert len(waiting_corrections(hands)) == 2
    assert add_corrections(data_set=hands, by=operator) == (2, [])
    rows = Annotation.objects.order_by("-picture__taken_at").values_list(
        "label__name", "left", "top", "width", "height"
    )
    assert list(rows) == [("OK sign", 10, 10, 20, 15), (NOT_IT, 10, 10, 20, 15)]
    assert set(Picture.objects.values_list("origin", "recording")) == {(Origin.CAPTURE, "Seattle01 2026-11-20")}
    assert waiting_corrections(hands) == []


def test_without_the_owners_permission_no_picture_of_a_camera_is_kept(
    hands: DataSet, seattle01: Device, operator: User
) -> None:
    reviewed(seattle01, "right", 1)
    with pytest.raises(ValidationError, match="An owner of the site can allow it"):
        add_corrections(data_set=hands, by=operator)
    assert not Picture.objects.exists()
    assert "once an owner allows it" in words(page(operator, hands.get_absolute_url()))


def test_one_button_retrains_with_the_corrections(
    hands: DataSet, allowed: TrainingPolicy, seattle01: Device, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    Run.objects.create(data_set=hands, number=1, kind=Kind.GESTURE, parameters={"strength": 4.0, "seed": 9})
    reviewed(seattle01, "right", 1)
    assert "Retrain with these 1 correction" in words(page(operator, hands.get_absolute_url()))
    client = Client()
    client.force_login(operator)
    client.post(reverse("data-set-retrain", args=[hands.pk]))
    run = Run.objects.get(number=2)
    assert (run.parameters["strength"], run.parameters["seed"]) == (4.0, 9)
    assert (run.kind, run.note) == (Kind.GESTURE, "with 1 corrected pictures")
    assert hands.pictures.count() == 1
    Run.objects.update(kind=Kind.THING, parameters={"strength": 2.0})
    client.post(reverse("data-set-retrain", args=[hands.pk]))
    again = Run.objects.get(number=3)
    assert (again.kind, again.parameters["strength"]) == (Kind.THING, 2.0)


def test_only_an_owner_decides_on_pictures_for_training(
    seattle: Site, owner: User, operator: User, outsider: User
) -> None:
    with pytest.raises(PermissionDenied):
        set_training_policy(site=seattle, by=operator, is_on=True, keep_days=30)
    address = reverse("training-policy", args=["seattle"])
    assert "not allowed" in words(page(operator, address))
    assert page(outsider, address).status_code == 404
    for user, status in ((operator, 403), (owner, 302)):
        client = Client()
        client.force_login(user)
        assert client.post(address, {"is_on": "on", "keep_days": "30"}).status_code == status
    told = words(page(operator, address))
    assert "allowed by owner since 20 Nov 2026, 12:00" in told
    assert "Notice to put up at the display" in told
    assert client.post(address, {"is_on": "on", "keep_days": "0"}).status_code == 200
    assert TrainingPolicy.objects.get().keep_days == 30


def test_pictures_of_cameras_are_deleted_at_the_end_of_their_term(
    hands: DataSet, allowed: TrainingPolicy, seattle01: Device, operator: User
) -> None:
    reviewed(seattle01, "right", 1)
    add_corrections(data_set=hands, by=operator)
    own = picture(hands, 1)
    assert remove_old_training_pictures() == 0
    Picture.objects.update(added_at=clock.now() - dt.timedelta(days=31))
    assert remove_old_training_pictures() == 1
    assert list(Picture.objects.all()) == [own]


def test_the_erasure_of_a_person_deletes_the_copies_of_their_pictures(
    hands: DataSet, allowed: TrainingPolicy, seattle01: Device, operator: User
) -> None:
    for number in (1, 2):
        reviewed(seattle01, "right", number)
    add_corrections(data_set=hands, by=operator)
    capture = Capture.objects.first()
    assert capture is not None
    person_erased.send(Person, site=seattle01.site, captures=[capture.pk])
    assert list(hands.pictures.values_list("capture_id", flat=True)) == [
        key for key in Capture.objects.values_list("pk", flat=True) if key != capture.pk
    ]


def test_the_field_is_told_beside_the_promise(hands: DataSet, seattle01: Device, evaluated: Run, viewer: User) -> None:
    Rollout.objects.create(device=seattle01, run=evaluated, since=clock.now() - dt.timedelta(hours=1))
    for number, verdict in enumerate(["right", "wrong", "wrong"], 1):
        reviewed(seattle01, verdict, number, with_picture=False)
    reviewed(seattle01, "wrong", 90, with_picture=False)  # before the model was there
    (found,) = read_field_precision(evaluated, None, now=clock.now())
    assert (found.right, found.wrong, found.interval) == (1, 2, wilson(1, 3))
    assert "ok sign 1 2 33%" in words(page(viewer, evaluated.get_absolute_url()))
