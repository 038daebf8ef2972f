"""Fills a platform with rows of every kind that the API returns, and creates tokens for the API."""

import datetime as dt
import io
from dataclasses import dataclass

import msgspec
from django.core.files.base import ContentFile
from PIL import Image

from devices.intake.batches import accept
from devices.models import Device
from devices.reading.decoding import Arrival
from devices.rules.roles import Role
from devices.services import issue_api_token, issue_device_token
from edge_agent import messages
from faces.models import Capture, Coffee, Mode, Sighting, State
from faces.services import create_person, set_policy
from tests import clock
from tests.world import places

HOURS = 30


@dataclass(frozen=True)
class Keys:
    """Values of the `Authorization` header."""

    person: str
    """The token of an owner of both sites, who has every permission there."""
    device: str


def fill() -> Keys:
    """Create frames and a quarantined message for each device, and people, captures and coffees for one site."""
    now = clock.now()
    devices = [places.seattle01(), places.chicago01(), places.chicago02()]
    sites = {device.site: Role.OWNER for device in devices}
    owner = places.user("fuzzed", sites)
    for site in sites:
        set_policy(site=site, mode=Mode.ENROLLED, confirmed_by=owner, now=now - dt.timedelta(days=30))
    for device in devices:
        _frames(device, now)
        accept([Arrival(f"$aws/things/{device.thing_name}/infer", b'{"face": 17}', now)])
    _coffees(devices[0], now)
    token = issue_api_token(user=owner, name="fuzzing")[1]
    return Keys(f"Token {token}", f"Device {issue_device_token(device=devices[0])}")


def _frames(device: Device, now: dt.datetime) -> None:
    cup = {"label": "cup", "confidence": 0.7, "box": [1, 2, 30, 40]}
    thumb = {"label": "thumbs-up", "confidence": 0.9, "box": [1, 2, 30, 40]}
    frames = [
        {
            "taken_at": round((now - dt.timedelta(minutes=7 * step)).timestamp() * 1000),
            "faces": [{"confidence": 0.9, "box": [5, 6, 70, 80]}] * (step % 3),
            "objects": [cup] * (step % 2),
            "gestures": [thumb] * (step % 5 == 0),
        }
        for step in range(HOURS * 60 // 7)
    ]
    topic = messages.topic_from_device(device.thing_name, "frames")
    accept([Arrival(topic, msgspec.json.encode({"id": "f", "frames": frames}), now)])


def _coffees(device: Device, now: dt.datetime) -> None:
    people = [create_person(site=device.site, name=name) for name in ("Ada", "Bob", "Grace")]
    picture = io.BytesIO()
    Image.new("RGB", (320, 240)).save(picture, "JPEG")
    for number in range(12):
        taken_at = now - dt.timedelta(hours=3 * number)
        capture = Capture(device=device, taken_at=taken_at, received_at=taken_at, key=number, state=State.DONE, cups=1)
        capture.image.save("picture.jpg", ContentFile(picture.getvalue()))
        person = [*people, None][number % 4]
        seen = Sighting.objects.create(capture=capture, number=0, person=person, confidence=0.9, box=[1, 2, 30, 40])
        Coffee.objects.create(person=person, device=device, taken_at=taken_at, sighting=seen)
