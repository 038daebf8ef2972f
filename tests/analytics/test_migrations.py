"""What an upgrade does with what an earlier version counted."""

import importlib

import pytest
from django.apps import apps

from analytics.models import EngagementQuarter
from devices.models import Device
from tests import clock

learn = importlib.import_module("analytics.migrations.0017_devices_that_said_face").learn_from_tallies


@pytest.mark.parametrize(
    ("faces", "corrected", "sought"), [(3, False, True), (0, False, None), (3, True, None)], ids=str
)
def test_a_device_that_has_counted_a_face_looks_for_faces_unless_somebody_corrected_it(
    chicago01: Device, faces: int, corrected: bool, sought: bool | None
) -> None:
    Device.objects.update(sought_is_corrected=corrected)
    EngagementQuarter.objects.create(
        device=chicago01,
        start=clock.NOW,
        frames=9,
        faces_sum=faces,
        faces_peak=faces,
        minutes_seen=1,
        minutes_occupied=0,
        minutes_told=1,
    )
    learn(apps, None)
    chicago01.refresh_from_db()
    assert chicago01.faces_sought is sought
