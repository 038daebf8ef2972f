"""A detection in the API comes with the picture that its device took nearest in time."""

import datetime as dt
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from rest_framework.test import APIClient

from devices.intake.batches import Batch
from devices.models import Device
from devices.reading.decoding import TakenPicture
from faces.models import Capture
from faces.pictures.sink import take_in
from tests.analytics.frames import count, seen
from tests.analytics.rest.test_api import NINE, NOW
from tests.clock import SetClock
from tests.faces import scenes

JPEG = scenes.jpeg(scenes.cat())
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def near(seattle01: Device, tmp_path: Path, settings: Settings, set_clock: SetClock) -> Capture:
    """The picture a second after a cup; another is two seconds after it, and a second cup has none."""
    set_clock(NOW)
    settings.MEDIA_ROOT = tmp_path
    for after, confidence in ((0, 0.9), (60, 0.8)):
        count(seen(seattle01, NINE + after * SECOND, labels=[("cup", confidence)]))
    for key in (1, 2):
        at = NINE + key * SECOND
        take_in(Batch(pictures=[TakenPicture(seattle01, at, at, key, JPEG)]))()
    return Capture.objects.get(key=1)


def test_a_detection_links_the_nearest_picture(near: Capture, viewer: User) -> None:
    client = APIClient()
    client.force_login(viewer)
    without, pictured = client.get("/api/v1/detections/").json()["results"]
    assert without["picture"] is None
    assert pictured["picture"]["capture"] == str(near.pk)
    assert b"".join(client.get(pictured["picture"]["image"])) == JPEG
    alone = client.get(f"/api/v1/detections/{pictured['id']}/").json()
    assert alone["picture"]["capture"] == str(near.pk)


def test_a_file_of_detections_has_no_links_that_expire(near: Capture, viewer: User) -> None:
    client = APIClient()
    client.force_login(viewer)
    header = b"".join(client.get("/api/v1/detections/?format=csv")).decode("utf-8-sig").splitlines()[0]
    assert header == "id,site,device,taken_at,label,confidence,box.left,box.top,box.width,box.height,visit,review"
