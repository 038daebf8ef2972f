"""The state of a device follows its status messages."""

import datetime as dt
from typing import get_args

import pytest

from devices.intake.batches import accept
from devices.models import Device, DeviceState, PictureProblem
from edge_agent import messages
from tests.devices.intake.test_batches import NOW, from_agent, milliseconds

pytestmark = pytest.mark.django_db


def test_a_problem_with_the_picture_is_kept_until_it_is_over(seattle01: Device) -> None:
    kept = []
    told: list[messages.PictureProblem | None] = [None, "dark", "dark", None]
    for minute, problem in enumerate(told):
        at = NOW + dt.timedelta(minutes=minute)
        since = milliseconds(NOW) if problem else None
        status = messages.Status(
            online=True, sent_at=milliseconds(at), picture_problem=problem, picture_problem_since=since
        )
        accept([from_agent(status, "status", at=at)])
        kept.append(DeviceState.objects.values_list("picture_problem", "picture_problem_since").get())
    assert kept == [("", None), ("dark", NOW), ("dark", NOW), ("", None)]


def test_every_problem_that_a_device_may_tell_has_words() -> None:
    assert set(PictureProblem) == set(get_args(messages.PictureProblem))
