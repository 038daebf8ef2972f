"""The state of a device follows its status messages."""

import datetime as dt
from typing import get_args

import pytest

from devices.intake.batches import accept
from devices.intake.device_states import SEEN_TO
from devices.models import Device, DeviceState, PictureProblem
from edge_agent import messages
from tests.devices.intake.test_batches import NOW, frames_message, from_agent, milliseconds

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


def test_frames_change_nothing_of_a_state_but_when_the_device_was_heard_of(seattle01: Device) -> None:
    def heard(after_s: int) -> dict[str, object]:
        at = NOW + dt.timedelta(seconds=after_s)
        accept([from_agent(frames_message(0, at=at, id=f"{after_s}"), "frames", at=at)])
        return dict(DeviceState.objects.values().get())

    status = messages.Status(online=True, sent_at=milliseconds(NOW), software="1", temperature=50.5, dropped_messages=3)
    accept([from_agent(status, "status", at=NOW)])
    before = dict(DeviceState.objects.values().get())
    assert heard(60) == before | {"last_seen_at": NOW + dt.timedelta(seconds=60)}
    assert heard(30) == before | {"last_seen_at": NOW + dt.timedelta(seconds=60)}, "it arrived earlier"


def test_when_a_device_was_heard_of_is_exact_to_some_seconds(seattle01: Device) -> None:
    def heard(after: dt.timedelta) -> dt.timedelta:
        at = NOW + after
        accept([from_agent(frames_message(0, at=at, id=f"{after}"), "frames", at=at)])
        seen = DeviceState.objects.values_list("last_seen_at", flat=True).get()
        assert seen is not None
        return seen - NOW

    step = SEEN_TO / 2
    accept([from_agent(messages.Status(online=True, sent_at=milliseconds(NOW)), "status", at=NOW)])
    assert [heard(number * step) // step for number in range(1, 6)] == [0, 2, 2, 4, 4]
