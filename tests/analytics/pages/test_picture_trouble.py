"""From the camera's picture to the page: what is wrong with the picture is named, with its time."""

import datetime as dt
import zoneinfo

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from devices.intake.batches import accept
from devices.models import Device
from devices.reading.decoding import Arrival
from edge_agent import messages
from edge_agent.pictures.encoding import Picture
from edge_agent.pictures.picture_watch import LEARNING, STEADY, PictureWatch
from tests import clock
from tests.edge_agent.pictures.test_picture_watch import ROOM, pictures

pytestmark = pytest.mark.django_db

EVERY = dt.timedelta(seconds=10)


def page_of(device: Device, client: Client) -> str:
    cache.clear()  # the state is rendered once in ten seconds for all who see it
    return client.get(reverse("device", args=["seattle", device.name])).content.decode()


def tell(device: Device, watch: PictureWatch, rgb: Picture, count: int, start: dt.datetime) -> None:
    """Have the watch judge so many pictures, and the platform take in the status that the agent then sends."""
    for number, each in enumerate(pictures(rgb, count)):
        watch.update(round((start + number * EVERY).timestamp() * 1000), each)
    problem, since = watch.trouble or (None, None)
    status = messages.Status(
        online=True,
        sent_at=round(clock.now().timestamp() * 1000) + count,
        picture_problem=problem,
        picture_problem_since=since,
    )
    topic = messages.topic_from_device(device.thing_name, "status")
    accept([Arrival(topic, messages.encode(status), clock.now())])


def test_a_covered_camera_is_named_on_the_device_s_page_since_when_until_the_cover_is_gone(
    seattle01: Device, operator: User, client: Client
) -> None:
    client.force_login(operator)
    watch, now = PictureWatch(), clock.now()
    began = now - STEADY * EVERY
    tell(seattle01, watch, ROOM, LEARNING, began - LEARNING * EVERY)
    assert "picture covered" not in page_of(seattle01, client)
    tell(seattle01, watch, np.full_like(ROOM, 140), STEADY, began)
    local = began.astimezone(zoneinfo.ZoneInfo(seattle01.site.timezone))
    told = f"picture covered since {local:%-d %b, %H:%M}"
    assert told in page_of(seattle01, client)
    tell(seattle01, watch, ROOM, STEADY, now)
    assert "picture covered" not in page_of(seattle01, client)
