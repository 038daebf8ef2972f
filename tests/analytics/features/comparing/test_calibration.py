"""Places are compared as people where all of their cameras have ground truth that still holds."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.features.comparing.calibration import pair_of, read_calibrations, together
from analytics.models import DeviceSetup
from analytics.numbers.reads import Selection
from analytics.verdicts.hour_series import HourSeries, read_hour_series
from analytics.verdicts.matched import Booleans, Calibration
from devices.models import Device
from tests.analytics.features.groundtruth.conftest import NINE, camera, counted

ZONE = ZoneInfo("America/Los_Angeles")


def series(*devices: Device) -> HourSeries:
    day = dt.timedelta(days=1)
    selection = Selection(devices, ZONE, NINE - day, NINE + day)
    (found,) = read_hour_series([selection], label="cup", now=NINE + day)
    return found


@pytest.fixture
def counted_at_seattle(seattle01: Device, operator: User) -> Device:
    """The camera finds about half of ten people."""
    camera(seattle01, *[[4, 6], [5, 5]] * 5)
    counted(seattle01, operator, *[10] * 10)
    return seattle01


def place(*devices: Device) -> tuple[list[Device], HourSeries, Booleans]:
    found = series(*devices)
    return list(devices), found, np.ones(found.starts.shape, bool)


def test_a_camera_is_calibrated_by_its_count_by_eye(counted_at_seattle: Device) -> None:
    (found,) = read_calibrations([place(counted_at_seattle)])
    assert found is not None
    assert found.share == pytest.approx(0.5)
    assert found.log_variance >= 0


def test_a_place_with_a_camera_that_nobody_has_counted_at_is_not_calibrated(
    counted_at_seattle: Device, chicago01: Device
) -> None:
    assert read_calibrations([place(counted_at_seattle, chicago01), place(chicago01)]) == [None, None]


def test_a_calibration_ends_with_a_change_of_the_camera(counted_at_seattle: Device) -> None:
    for since, camera_hash in ((NINE - dt.timedelta(days=1), "a1"), (NINE + dt.timedelta(hours=1), "b2")):
        DeviceSetup.objects.create(device=counted_at_seattle, since=since, setup={"camera": camera_hash})
    camera(counted_at_seattle, [5, 5], start=NINE + dt.timedelta(hours=3))
    assert read_calibrations([place(counted_at_seattle)]) == [None]


def test_hours_with_a_former_setup_are_corrected_by_the_count_of_that_setup(
    counted_at_seattle: Device, operator: User
) -> None:
    for since, accuracy in ((NINE - dt.timedelta(days=1), "fast"), (NINE + dt.timedelta(hours=1), "high")):
        DeviceSetup.objects.create(device=counted_at_seattle, since=since, setup={"accuracy": accuracy})
    later = NINE + dt.timedelta(hours=2)
    camera(counted_at_seattle, *[[9, 11], [10, 10]] * 5, start=later)
    counted(counted_at_seattle, operator, *[10] * 10, start=later)
    (found,) = read_calibrations([place(counted_at_seattle)])
    assert found is not None
    assert found.share == pytest.approx(300 / 400), "the camera found 100 of 200 people, and then 200 of 200"


def test_without_ground_truth_it_takes_one_query(seattle01: Device, chicago01: Device) -> None:
    places = [place(each) for each in (seattle01, chicago01)]
    with CaptureQueriesContext(connection) as made:
        assert read_calibrations(places) == [None, None]
    assert len(made) == 1


def test_cameras_together_weigh_as_many_people_as_they_stand_for() -> None:
    found = together([(90.0, Calibration(0.9, 0.01, 50)), (50.0, Calibration(0.5, 0.03, 20))])
    assert found is not None
    assert found.share == pytest.approx(140 / 200)
    assert found.log_variance == pytest.approx((0.01 + 0.03) / 4)
    assert 20 <= found.freedom <= 70


@pytest.mark.parametrize("cameras", [[], [(0.0, Calibration(0.9, 0.01, 50))], [(5.0, None)]])
def test_nothing_is_no_calibration(cameras: list[tuple[float, Calibration | None]]) -> None:
    assert together(cameras) is None


def test_like_is_compared_with_like() -> None:
    known = Calibration(0.9, 0.01, 50)
    assert pair_of(known, known) == (known, known)
    assert pair_of(known, None) is None
    assert pair_of(None, known) is None
