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

LOOK = dt.timedelta(seconds=5)


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


def test_a_long_task_is_no_silence() -> None:
    health_of_faces.note_long_task(dt.timedelta(minutes=15))
    assert workers(clock.now() + dt.timedelta(minutes=17)).well
    assert not workers(clock.now() + dt.timedelta(minutes=19)).well


class TestWatch:
    """The watch looks every few seconds, as the command does."""

    def watched(
        self, watch: health_of_faces.WorkerWatch, now: dt.datetime, span: dt.timedelta
    ) -> tuple[dt.timedelta, str]:
        """Let the watch look until it reports a problem, or for this span. Return for how long, and the problem."""
        for number in range(1, span // LOOK + 1):
            if problem := watch.problem(now + number * LOOK):
                return number * LOOK, problem
        return span, ""

    def test_workers_that_no_task_leaves_stand_still(self) -> None:
        now = clock.now()
        passed, problem = self.watched(health_of_faces.WorkerWatch(since=now), now, dt.timedelta(minutes=10))
        assert problem == "No task has ended for 180 s."
        assert passed == dt.timedelta(minutes=3) + LOOK

    def test_a_sweep_is_a_sign_of_life_whatever_the_clock_of_its_machine_shows(self) -> None:
        now = clock.now()
        watch = health_of_faces.WorkerWatch(since=now)
        for minute in range(10):
            health.beat("task workers", at=now + dt.timedelta(hours=-5, minutes=minute))
            _, problem = self.watched(watch, now + dt.timedelta(minutes=minute), dt.timedelta(minutes=1))
            assert problem == ""

    def test_the_end_of_a_task_is_a_sign_of_life(self) -> None:
        now = clock.now()
        watch = health_of_faces.WorkerWatch(since=now)
        for minute in range(0, 10, 2):
            at = now + dt.timedelta(minutes=minute)
            Task.objects.create(id=f"{minute:032}", name="recognise", func="f", started=at, stopped=at, success=False)
            assert self.watched(watch, at, dt.timedelta(minutes=2))[1] == ""

    def test_the_only_worker_may_train_for_a_quarter_of_an_hour(self) -> None:
        now = clock.now()
        watch = health_of_faces.WorkerWatch(since=now)
        health_of_faces.note_long_task(dt.timedelta(minutes=15))
        assert self.watched(watch, now, dt.timedelta(minutes=17))[1] == ""
        assert self.watched(watch, now + dt.timedelta(minutes=17), dt.timedelta(minutes=2))[1]

    def test_a_machine_that_slept_and_a_clock_that_was_set_are_no_silence(self) -> None:
        now = clock.now()
        watch = health_of_faces.WorkerWatch(since=now)
        assert watch.problem(now + LOOK) == ""
        assert watch.problem(now + dt.timedelta(hours=8)) == ""
        assert watch.problem(now) == ""

    def test_it_waits_for_a_database_that_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = clock.now()
        watch = health_of_faces.WorkerWatch(since=now)
        with monkeypatch.context() as patched:
            patched.setattr(Heartbeat.objects, "filter", _away)
            assert self.watched(watch, now, dt.timedelta(minutes=10))[1] == ""
        later = now + dt.timedelta(minutes=10)
        assert self.watched(watch, later, dt.timedelta(minutes=2))[1] == ""
        assert self.watched(watch, later + dt.timedelta(minutes=2), dt.timedelta(minutes=2))[1]


def _away(**_: object) -> None:
    raise OperationalError("the connection is closed")


def test_the_sweep_runs_every_minute() -> None:
    assert Schedule.objects.get(func="faces.tasks.sweep_captures").schedule_type == Schedule.MINUTES


def test_captures_that_wait_are_told() -> None:
    assert [str(line) for line in health.report(clock.now()) if line.part == "captures"] == ["ok   captures: 0 wait"]
