"""Health tells whether pictures are being recognised."""

import datetime as dt

import pytest
from django.db import OperationalError
from django_q.models import Schedule, Task

from devices import health
from devices.models import Heartbeat
from faces import tasks
from faces.recognition import health as health_of_faces
from tests import clock

pytestmark = pytest.mark.django_db


def workers(now: dt.datetime) -> health.Line:
    return next(line for line in health.report(now) if line.part == "task workers")


def test_workers_that_never_ran_are_missed() -> None:
    assert "manage.py qcluster" in workers(clock.now()).text


def test_a_sweep_is_the_workers_heartbeat() -> None:
    tasks.sweep_captures()
    assert workers(clock.now()).well
    assert not workers(clock.now() + dt.timedelta(minutes=4)).well


def test_a_finished_task_is_a_heartbeat_too() -> None:
    tasks.sweep_captures()
    later = clock.now() + dt.timedelta(minutes=4)
    Task.objects.create(id="1" * 32, name="recognise", func="f", started=later, stopped=later, success=False)
    assert workers(later).well


class TestWatch:
    def test_a_new_watch_waits_before_it_reports(self) -> None:
        now = clock.now()
        watch = health_of_faces.WorkerWatch(since=now)
        assert watch.problem(now + dt.timedelta(minutes=2)) == ""
        assert watch.problem(now + dt.timedelta(minutes=3)) == "No task has ended for 180 s."

    def test_a_sweep_is_a_sign_of_life(self) -> None:
        watch = health_of_faces.WorkerWatch(since=clock.now() - dt.timedelta(hours=1))
        assert watch.problem(clock.now())
        tasks.sweep_captures()
        assert not watch.problem(clock.now())

    def test_it_waits_for_a_database_that_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = clock.now()
        watch = health_of_faces.WorkerWatch(since=now - dt.timedelta(hours=1))
        with monkeypatch.context() as patched:
            patched.setattr(Heartbeat.objects, "filter", _away)
            assert watch.problem(now) == ""
        assert watch.problem(now + dt.timedelta(minutes=2)) == ""
        assert watch.problem(now + dt.timedelta(minutes=3))


def _away(**_: object) -> None:
    raise OperationalError("the connection is closed")


def test_the_sweep_runs_every_minute() -> None:
    assert Schedule.objects.get(func="faces.tasks.sweep_captures").schedule_type == Schedule.MINUTES


def test_captures_that_wait_are_told() -> None:
    assert [str(line) for line in health.report(clock.now()) if line.part == "captures"] == ["ok   captures: 0 wait"]
