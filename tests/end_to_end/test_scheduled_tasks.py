"""What the task workers do every minute, hour and night is bounded for a fleet."""

import datetime as dt
from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.module_loading import import_string
from django_q.models import Schedule

from devices.intake.batches import accept
from devices.models import Device, Site, Thing
from devices.reading.decoding import Arrival
from edge_agent import messages
from tests import clock

pytestmark = pytest.mark.django_db


def speaking(site: Site, count: int) -> None:
    """Add cameras to the site, each of which is online and has seen somebody."""
    first, now = Device.objects.count(), clock.now() - dt.timedelta(seconds=5)
    arrivals = []
    for number in range(first, first + count):
        name = f"camera-{number}"
        Device.objects.create(site=site, name=name, thing=Thing.objects.create(name=name))
        at = int(now.timestamp() * 1000)
        frame = messages.Frame(taken_at=at, faces=(messages.Face(0.9, (1, 1, 9, 9)),), size=(1280, 720))
        status = messages.Status(online=True, sent_at=at, settings=messages.Settings())
        for kind, content in ("status", status), ("frames", messages.Frames(id=f"id-{number}", frames=(frame,))):
            arrivals.append(Arrival(messages.topic_from_device(name, kind), messages.encode(content), now))
    assert accept(arrivals).quarantined == 0


def statements_of_tasks() -> Counter[str]:
    """Run all scheduled tasks, and return the number of statements of each."""
    made = Counter[str]()
    for function in Schedule.objects.order_by("func").values_list("func", flat=True):
        with CaptureQueriesContext(connection) as captured:
            import_string(function)()
        made[function] = len(captured)
    return made


def test_no_task_asks_the_database_anew_for_each_camera(seattle: Site) -> None:
    found = []
    for more in (2, 5):
        speaking(seattle, more)
        statements_of_tasks()  # What is new is noted once.
        found.append(statements_of_tasks())
    assert len(found[0]) > 20
    assert found[1] == found[0]
