"""Frames go after the retention, day by day; what they counted stays."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django_q.models import Schedule

from analytics import tasks
from analytics.counting import corrections
from analytics.models import Detection, EngagementQuarter, Frame, LabelQuarter, Verdict
from devices.intake.batches import accept
from devices.models import Device
from devices.reading.decoding import Arrival
from tests import clock
from tests.world import places

pytestmark = pytest.mark.django_db


def seen(days_ago: float) -> None:
    at = clock.now() - dt.timedelta(days=days_ago)
    accept([Arrival(f"$aws/things/{places.SEATTLE01}/infer", b'{"face": 0.5}', at)])


def test_frames_past_the_retention_go_and_their_tallies_stay(seattle01: Device, settings: Any) -> None:
    settings.FRAME_RETENTION_DAYS = 10
    for days_ago in (0.01, 8, 12, 30):
        seen(days_ago)
    assert sum(corrections.forget_old_frames(now=clock.now(), at_once=1)) == 2
    assert (Frame.objects.count(), Detection.objects.count()) == (2, 2)
    assert sum(EngagementQuarter.objects.values_list("frames", flat=True)) == 4
    assert sum(LabelQuarter.objects.values_list("count", flat=True)) == 4


def test_a_device_whose_frames_cannot_be_deleted_keeps_no_other_device_s_frames(
    seattle01: Device, chicago01: Device, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FRAME_RETENTION_DAYS = 10
    for device in (seattle01, chicago01):
        at = clock.now() - dt.timedelta(days=12)
        accept([Arrival(f"$aws/things/{device.thing_name}/infer", b'{"face": 0.5}', at)])
    forget = corrections._forget

    def failing(device: Device, *when: dt.datetime) -> int:
        if device == seattle01:
            raise ValueError("a fault")
        return forget(device, *when)

    monkeypatch.setattr(corrections, "_forget", failing)
    assert sum(corrections.forget_old_frames(now=clock.now())) == 1
    assert Frame.objects.get().device == seattle01


def test_a_rebuild_afterwards_leaves_the_old_tallies_alone(seattle01: Device, settings: Any) -> None:
    settings.FRAME_RETENTION_DAYS = 10
    for days_ago in (0.01, 9.5, 10.5, 12):
        seen(days_ago)
    before = sorted(EngagementQuarter.objects.values_list("start", "frames", "faces_sum"))
    call_command("forget_old_frames")
    call_command("rebuild_tallies")
    assert sorted(EngagementQuarter.objects.values_list("start", "frames", "faces_sum")) == before


def tallies() -> list[tuple[Any, ...]]:
    return sorted(EngagementQuarter.objects.values_list("start", "frames", "faces_sum"))


def test_a_rebuild_leaves_settled_days_alone_even_if_frames_are_kept_longer_from_now_on(
    seattle01: Device, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.FRAME_RETENTION_DAYS = 10
    for days_ago in (0.01, 12, 30):
        seen(days_ago)
    call_command("forget_old_frames")
    before = tallies()
    settings.FRAME_RETENTION_DAYS = 400
    call_command("rebuild_tallies")
    assert tallies() == before
    said = capsys.readouterr().out
    assert "every tally was right" in said
    assert "2 days stay as they are: their frames are deleted, so they cannot be computed again." in said


def test_frames_that_come_to_a_settled_day_add_to_it_and_a_review_loses_none_of_it(
    seattle01: Device, operator: User, settings: Any
) -> None:
    settings.FRAME_RETENTION_DAYS = 10
    seen(12)
    call_command("forget_old_frames")
    seen(12 - 1 / 86_400)  # a second later
    assert [frames for _, frames, _ in tallies()] == [2]
    corrections.review(verdicts={Detection.objects.get(): Verdict.WRONG}, by=operator, now=clock.now())
    assert [frames for _, frames, _ in tallies()] == [2]


def test_the_workers_delete_old_frames_every_night(seattle01: Device) -> None:
    schedule = Schedule.objects.get(func="analytics.tasks.forget_old_frames")
    assert schedule.schedule_type == Schedule.DAILY
    assert tasks.forget_old_frames() == 0


def test_nothing_is_deleted_without_old_frames(seattle01: Device) -> None:
    seen(1)
    call_command("forget_old_frames")
    assert Frame.objects.count() == 1
