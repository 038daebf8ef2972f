"""Health tells whether pictures are being recognised."""

import datetime as dt

import pytest
from django.utils import timezone
from django_q.models import Schedule

from devices import health
from faces import tasks

pytestmark = pytest.mark.django_db


def workers(now: dt.datetime) -> health.Line:
    return next(line for line in health.report(now) if line.part == "task workers")


def test_workers_that_never_ran_are_missed() -> None:
    assert "manage.py qcluster" in workers(timezone.now()).text


def test_a_sweep_is_the_workers_heartbeat() -> None:
    tasks.sweep_captures()
    assert workers(timezone.now()).well
    assert not workers(timezone.now() + dt.timedelta(minutes=4)).well


def test_the_sweep_runs_every_minute() -> None:
    assert Schedule.objects.get(func="faces.tasks.sweep_captures").schedule_type == Schedule.MINUTES


def test_captures_that_wait_are_told() -> None:
    assert [str(line) for line in health.report(timezone.now()) if line.part == "captures"] == ["ok   captures: 0 wait"]
