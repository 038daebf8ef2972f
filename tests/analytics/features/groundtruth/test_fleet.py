"""The fleet tells when people last counted beside a camera, and whether the camera was changed since."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.features.groundtruth.fleet import calibration_column
from analytics.models import DeviceSetup
from analytics.models.groundtruth import GroundTruthSession
from devices.models import Device
from tests import clock


def counted(device: Device) -> None:
    now = clock.now()
    GroundTruthSession.objects.create(device=device, started_at=now, heard_at=now, ended_at=now)


def test_a_camera_tells_when_it_was_counted_and_another_tells_nothing(seattle01: Device, chicago01: Device) -> None:
    counted(seattle01)
    assert calibration_column([seattle01, chicago01]) == {seattle01.pk: "counted 20 Nov 2026"}


@pytest.mark.parametrize(("later", "told"), [({"accuracy": "high"}, ", changed since"), ({"software": "2"}, "")])
def test_a_count_before_a_change_of_the_setup_says_so(seattle01: Device, later: dict[str, str], told: str) -> None:
    counted(seattle01)
    hour, usual = dt.timedelta(hours=1), {"accuracy": "fast", "software": "1"}
    for since, setup in ((clock.now() - hour, usual), (clock.now() + hour, {**usual, **later})):
        DeviceSetup.objects.create(device=seattle01, since=since, setup=setup)
    assert calibration_column([seattle01]) == {seattle01.pk: f"counted 20 Nov 2026{told}"}


def test_the_fleet_has_the_column(seattle01: Device, viewer: User, client: Client) -> None:
    counted(seattle01)
    client.force_login(viewer)
    page = client.get("/fleet/").content.decode()
    assert "Calibration</th>" in page
    assert "counted 20 Nov 2026" in page
