"""Pictures that cameras send for training: off by default, into the data set that the owner chose, within a budget."""

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from devices.intake.batches import accept
from devices.models import Device, QuarantinedMessage, Site
from devices.reading.decoding import Arrival
from devices.services import issue_device_token
from edge_agent import messages
from edge_agent.messages import Frame, Image, Labelled, TrainingRule
from edge_agent.pictures.training_pictures import TrainingPictures
from faces.erasure.signals import person_erased
from faces.models import Capture, Person
from learning.datasets.policies import set_training_policy
from learning.datasets.services import label_named
from learning.models import DataSet, Picture, TrainingPolicy
from learning.tasks import remove_old_training_pictures
from tests import clock
from tests.analytics.pages.test_pages import page, words
from tests.learning.samples import data_set

pytestmark = pytest.mark.django_db


@pytest.fixture
def thumbs(seattle: Site) -> DataSet:
    made = data_set("thumbs")
    label_named(data_set=made, name="Thumbs-Up")
    return made


def allow(thumbs: DataSet, owner: User, **values: Any) -> TrainingPolicy:
    chosen: dict[str, Any] = {"from_cameras": True, "every": 2, "megabytes": 1, "data_set": thumbs, "keep_days": 30}
    return set_training_policy(site=thumbs.site, by=owner, is_on=True, **chosen | values)


def told(device: Device) -> TrainingRule | None:
    """Return what the device hears from the platform."""
    token = issue_device_token(device=device)
    answer = Client().get("/api/v1/device-models/", headers={"Authorization": f"Device {token}"})
    rule = answer.json()["training"]
    return None if rule is None else msgspec.convert(rule, TrainingRule)


def seen(tmp_path: Path, rule: TrainingRule, number: int = 0, at: int | None = None) -> Image:
    """Return what an agent sends of two looks at a thumb."""
    chosen = TrainingPictures(tmp_path / "spent")
    image = None
    for confidence in (0.9, 0.6):
        rgb = np.random.default_rng(number).integers(0, 256, (60, 80, 3), np.uint8)
        thumb = Labelled("thumbs-up", confidence, (10, 10, 30, 20))
        image = chosen.choose(rgb, Frame(at or clock.epoch_ms(), gestures=(thumb,)), rule) or image
    assert image is not None
    return image


def send(device: Device, image: Image) -> None:
    topic = messages.topic_from_device(device.thing_name, "image")
    accept([Arrival(topic, messages.encode(image), clock.now())])


def test_cameras_send_nothing_until_an_owner_says_so(
    thumbs: DataSet, seattle01: Device, owner: User, operator: User, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert told(seattle01) is None
    send(seattle01, seen(tmp_path, TrainingRule(2, 1.0)))
    assert not Picture.objects.exists()
    assert "1 pictures for training were not kept, because their site's owner does not let" in caplog.text
    with pytest.raises(PermissionDenied):
        allow(thumbs, operator)
    allow(thumbs, owner)
    assert told(seattle01) == TrainingRule(2, 1.0, ("thumbs-up",))
    set_training_policy(site=thumbs.site, by=owner, is_on=True, keep_days=30, from_cameras=False)
    assert told(seattle01) is None


def test_a_frame_comes_into_the_data_set_with_what_the_camera_saw_and_is_no_capture(
    thumbs: DataSet, seattle01: Device, owner: User, tmp_path: Path
) -> None:
    allow(thumbs, owner)
    rule = told(seattle01)
    assert rule is not None
    image = seen(tmp_path, rule)
    for _ in range(2):
        send(seattle01, image)
    picture = thumbs.pictures.get()
    assert (picture.origin, picture.review, picture.device) == ("field", "open", seattle01)
    assert picture.recording == f"Seattle01 {clock.now():%Y-%m-%d}"
    assert picture.uncertainty == pytest.approx(0.4)
    assert [(each.label.name, each.box) for each in picture.annotations.all()] == [("Thumbs-Up", (10, 10, 30, 20))]
    assert default_storage.exists(str(picture.image))
    assert not Capture.objects.exists()
    assert not QuarantinedMessage.objects.exists()


def test_a_camera_beyond_its_days_budget_and_one_of_another_site_add_nothing(
    thumbs: DataSet, seattle01: Device, chicago01: Device, owner: User, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    allow(thumbs, owner)
    send(chicago01, seen(tmp_path, TrainingRule(2, 1.0)))
    assert not Picture.objects.exists()
    send(seattle01, seen(tmp_path, TrainingRule(2, 1.0), 1))
    Picture.objects.update(bytes=999_999)
    send(seattle01, seen(tmp_path, TrainingRule(2, 1.0), 2))
    assert thumbs.pictures.count() == 1
    assert "because the day's budget of their camera is spent" in caplog.text
    yesterday = clock.epoch_ms() - 24 * 3_600_000
    send(seattle01, seen(tmp_path, TrainingRule(2, 1.0), 3, at=yesterday))
    assert thumbs.pictures.count() == 2


def test_the_end_of_the_term_and_the_erasure_of_whoever_stood_there_delete_the_frames(
    thumbs: DataSet, seattle01: Device, owner: User, tmp_path: Path
) -> None:
    allow(thumbs, owner)
    minutes = (0, 1, 30)
    for number in minutes:
        at = clock.epoch_ms() - number * 60_000
        send(seattle01, seen(tmp_path, TrainingRule(2, 1.0), number, at=at))
    capture = Capture.objects.create(
        device=seattle01, taken_at=clock.now(), received_at=clock.now(), key=1, next_try_at=clock.now()
    )
    person_erased.send(Person, site=seattle01.site, captures=[capture.pk])
    left = thumbs.pictures.get()
    assert left.taken_at is not None
    assert clock.now() - left.taken_at > dt.timedelta(minutes=20)
    Picture.objects.update(added_at=clock.now() - dt.timedelta(days=31))
    assert remove_old_training_pictures() == 1
    assert not thumbs.pictures.exists()


def test_the_owner_decides_on_the_page_and_the_notice_tells_it(
    thumbs: DataSet, owner: User, viewer: User, chicago: Site
) -> None:
    foreign = data_set("foreign", site=chicago)
    address = reverse("training-policy", args=[thumbs.site.slug])
    client = Client()
    client.force_login(owner)
    values = {"is_on": "on", "keep_days": "20", "from_cameras": "on", "every": "50", "megabytes": "5"}
    assert "Choose the data set into which" in words(client.post(address, values))
    assert client.post(address, values | {"data_set": str(foreign.pk)}).status_code == 200
    client.post(address, values | {"data_set": str(thumbs.pk)})
    text = words(page(viewer, address))
    assert "Cameras send at most one frame in 50 detections, and 5 MB a day each, into thumbs" in text
    assert "sends some of its pictures to people who correct its mistakes" in text
    client.post(address, values | {"is_on": ""})
    policy = TrainingPolicy.objects.get()
    assert (policy.is_on, policy.from_cameras) == (False, False)
