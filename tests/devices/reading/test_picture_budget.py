"""One device that floods the platform with the largest pictures takes a bounded part of it, and delays no other."""

import base64
import datetime as dt
import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pytest_django import Settings
from rest_framework.test import APIClient

from devices.intake.batches import accept
from devices.intake.replay import replay_quarantined
from devices.models import Device, QuarantinedMessage, Reason
from devices.reading import picture_budget, pictures
from devices.reading.decoding import Arrival
from devices.reading.picture_budget import MOST_PIXELS, PIXELS_PER_SECOND, OverBudget, budget_of, note_stored
from devices.services import issue_device_token
from edge_agent import messages
from faces.models import Capture
from tests import clock

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)
SIDE = 4_800


def jpeg(side: int, shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (side, side), shade).save(out, "JPEG", quality=1, optimize=True)
    return out.getvalue()


LARGEST = [base64.b64encode(jpeg(SIDE, 80 * number)).decode() for number in range(4)]
"""Pictures that fit into a message, each with nearly as many pixels as any picture may have."""


def from_agent(device: Device, number: int, at: dt.datetime) -> Arrival:
    taken_at = round(at.timestamp() * 1000)
    image = messages.Image(id=f"p{number}", taken_at=taken_at, image_string=LARGEST[number], shows="frame", faces=())
    return Arrival(messages.topic_from_device(device.thing_name, "image"), msgspec.json.encode(image), at)


def from_deeplens(device: Device, number: int, at: dt.datetime) -> Arrival:
    payload = {"image_string": LARGEST[number], "unix_time": round(at.timestamp() * 1000), "face": 0.9}
    return Arrival(f"$aws/things/{device.thing_name}/infer", json.dumps(payload).encode(), at)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Any) -> list[int]:
    """The numbers of pixels of the pictures that were decoded."""
    settings.MEDIA_ROOT = tmp_path
    found: list[int] = []
    as_rgb = pictures._as_rgb

    def noted(picture: Image.Image, file: Any) -> Image.Image:
        found.append(picture.width * picture.height)
        return as_rgb(picture.resize((8, 8)), file)

    monkeypatch.setattr(pictures, "_as_rgb", noted)
    return found


def test_an_agent_that_floods_gets_no_receipt_and_no_picture_of_it_is_lost(
    seattle01: Device, chicago01: Device, decoded: list[int]
) -> None:
    flood = [from_agent(seattle01, number, clock.NOW) for number in range(4)]
    accepted = accept([*flood, from_agent(chicago01, 0, clock.NOW)])
    assert accepted.receipts == {seattle01.thing_name: ["p0", "p1", "p2"], chicago01.thing_name: ["p0"]}
    assert (accepted.committed, accepted.quarantined, len(decoded)) == (4, 0, 4)
    later = msgspec.structs.replace(flood[3], received_at=clock.NOW + 10 * SECOND)
    assert accept([later]).receipts == {seattle01.thing_name: ["p3"]}
    assert Capture.objects.filter(device=seattle01).count() == 4


def test_the_pictures_of_a_deeplens_that_floods_are_quarantined(chicago01: Device, decoded: list[int]) -> None:
    accept([from_deeplens(chicago01, number, clock.NOW) for number in range(4)])
    assert QuarantinedMessage.objects.get().reason == Reason.TOO_MANY
    assert (Capture.objects.count(), len(decoded)) == (3, 3)


def test_what_somebody_replays_from_the_quarantine_is_nobody_s_flood(chicago01: Device, decoded: list[int]) -> None:
    accept([from_deeplens(chicago01, number, clock.NOW) for number in range(4)])
    assert replay_quarantined(message=QuarantinedMessage.objects.get(), now=clock.NOW)
    assert Capture.objects.count() == 4


def test_uploads_of_a_device_that_floods_are_told_when_to_come_again(seattle01: Device, decoded: list[int]) -> None:
    client, token = APIClient(), issue_device_token(device=seattle01)
    answers = [
        client.post(
            "/api/v1/captures/", {"image_string": LARGEST[number]}, HTTP_AUTHORIZATION=f"Device {token}", format="json"
        )
        for number in range(4)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert 1 <= int(answers[3]["Retry-After"]) <= MOST_PIXELS / PIXELS_PER_SECOND
    assert "has sent more pictures than one device may" in answers[3].json()["detail"]


def test_what_somebody_replays_from_a_file_is_nobody_s_flood(chicago01: Device, decoded: list[int]) -> None:
    flood = [from_deeplens(chicago01, number, clock.NOW) for number in range(4)]
    accept([msgspec.structs.replace(each, read_at=clock.NOW) for each in flood])
    assert (Capture.objects.count(), QuarantinedMessage.objects.count()) == (4, 0)


def test_a_device_stores_so_much_a_day(settings: Settings) -> None:
    settings.DEVICE_PICTURE_MB_PER_DAY = 1
    budget_of("thing", clock.NOW)(1)
    note_stored("thing", 1_500_000, clock.NOW)
    with pytest.raises(OverBudget):
        budget_of("thing", clock.NOW + dt.timedelta(hours=11))(1)
    budget_of("thing", clock.NOW + dt.timedelta(hours=13))(1)
    budget_of("another", clock.NOW)(1)


Sent = list[tuple[float, int]]


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, pictures.MAX_PIXELS)), max_size=60))
def test_whatever_a_device_sends_no_more_than_its_share_is_decoded(sent: Sent) -> None:
    picture_budget.forget()
    at, spent = clock.NOW, 0
    for pause, pixels in sent:
        at += dt.timedelta(seconds=pause)
        try:
            budget_of("thing", at)(pixels)
        except OverBudget:
            continue
        spent += pixels
    seconds = (at - clock.NOW).total_seconds()
    assert spent <= MOST_PIXELS + pictures.MAX_PIXELS + seconds * PIXELS_PER_SECOND


def test_a_progressive_picture_costs_as_much_as_its_scans() -> None:
    asked: list[int] = []
    for options in ({}, {"progressive": True}):
        out = io.BytesIO()
        Image.new("RGB", (100, 100)).save(out, "JPEG", **options)
        pictures.sanitised_jpeg(out.getvalue(), asked.append)
    assert asked[0] == 10_000
    assert asked[1] == 55_000  # ten scans
