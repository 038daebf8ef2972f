"""The task workers' process ends with an error where they stand still, and takes them along."""

import datetime as dt
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest
from django.core.management import call_command
from django_q.management.commands import qcluster

from faces.management.commands import qcluster as ours
from faces.recognition import health

pytestmark = pytest.mark.django_db(transaction=True)

FORK = multiprocessing.get_context("fork")


class Cluster:
    """As django-q2's: a guard, and a worker that is the guard's child and waits for a lock that nobody frees."""

    workers: Connection

    def start(self) -> None:
        Cluster.workers, told = FORK.Pipe()
        FORK.Process(target=_guard, args=(told,)).start()


def _guard(told: Connection) -> None:
    worker = os.fork()
    if worker == 0:
        time.sleep(30)
    told.send(worker)
    time.sleep(30)


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(qcluster, "Cluster", Cluster)
    monkeypatch.setattr(ours, "CHECK_EVERY_S", 0.05)
    yield
    for guard in multiprocessing.active_children():
        guard.kill()


def is_alive(pid: int) -> bool:
    """A child that nobody has reaped yet is not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_cluster_that_stands_still_is_ended_with_all_its_processes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(health, "SILENT_FOR", dt.timedelta(seconds=0.5))
    with pytest.raises(SystemExit) as ended:
        call_command("qcluster")
    assert ended.value.code == 70
    assert "No task has ended for" in caplog.text
    worker = Cluster.workers.recv()
    while is_alive(worker):
        time.sleep(0.01)
    assert not multiprocessing.active_children()


def test_one_whose_guard_was_killed_ends_with_the_same_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(watch: health.WorkerWatch, now: dt.datetime) -> str:
        os.kill(Cluster.workers.recv(), signal.SIGKILL)
        (guard,) = multiprocessing.active_children()
        guard.kill()
        guard.join()
        return ""

    monkeypatch.setattr(health.WorkerWatch, "problem", look)
    with pytest.raises(SystemExit) as ended:
        call_command("qcluster")
    assert ended.value.code == 70


def test_one_that_is_told_to_stop_ends_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cluster, "start", lambda self: FORK.Process(target=time.sleep, args=(0.1,)).start())
    call_command("qcluster")
