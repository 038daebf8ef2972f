"""Health knows which cameras usually send at this hour of the week, and says when none of them does."""

import datetime as dt

import pytest

from analytics.models import EngagementQuarter
from analytics.models.quarters import quarter_start
from analytics.verdicts.usual_cameras import USUAL_IN, WEEKS, flow
from devices.models import Device, DeviceState
from tests import clock

pytestmark = pytest.mark.django_db


def send(device: Device, *, weeks: range) -> None:
    for week in weeks:
        EngagementQuarter.objects.create(
            device=device,
            start=quarter_start(clock.now() - dt.timedelta(weeks=week)),
            frames=9,
            faces_sum=0,
            faces_peak=0,
            minutes_seen=1,
            minutes_occupied=0,
            minutes_told=0,
        )


def test_cameras_that_usually_send_now_and_do_are_well(seattle01: Device, chicago01: Device) -> None:
    send(seattle01, weeks=range(1, USUAL_IN + 1))
    send(chicago01, weeks=range(1, WEEKS + 1))
    DeviceState.objects.update_or_create(thing=seattle01.thing, defaults={"last_seen_at": clock.now()})
    [line] = flow(clock.now())
    assert line.well
    assert line.text == "1 of the 2 cameras that usually send at this hour have sent"


def test_if_none_of_them_has_sent_for_a_quarter_hour_something_else_is_wrong(seattle01: Device) -> None:
    send(seattle01, weeks=range(1, WEEKS + 1))
    late = clock.now() - dt.timedelta(minutes=15)
    DeviceState.objects.update_or_create(thing=seattle01.thing, defaults={"last_seen_at": late})
    [line] = flow(clock.now())
    assert not line.well
    assert "check the broker" in line.text


def test_nothing_is_expected_at_an_hour_at_which_cameras_are_usually_off(seattle01: Device) -> None:
    send(seattle01, weeks=range(1, USUAL_IN))
    assert list(flow(clock.now())) == []
