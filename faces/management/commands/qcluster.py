"""`manage.py qcluster`: the command of django-q2, which ends with an error if its workers stand still."""

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from django_q.management.commands import qcluster

from devices import pictures_folder
from faces.recognition import health

log = logging.getLogger(__name__)

CHECK_EVERY_S = 5.0

STANDS_STILL = 70
"""The exit code, as of `manage.py ingest`."""


class Command(qcluster.Command):  # type: ignore[misc]
    help = "Runs the task workers until it is stopped. If they stand still, ends with exit code 70, to be restarted."

    def handle(self, *args: Any, **options: Any) -> None:
        with suppress(DatabaseError):  # The cluster itself waits for a database that is away.
            if problem := pictures_folder.problem():
                raise CommandError(problem)
        watch = health.WorkerWatch(since=timezone.now())
        super().handle(*args, **options)
        # A worker that is killed at the wrong moment leaves its lock behind, and all others wait for the lock forever.
        for guard in multiprocessing.active_children():
            while guard.is_alive():
                guard.join(CHECK_EVERY_S)
                close_old_connections()
                if guard.is_alive() and (problem := watch.problem(timezone.now())):
                    log.critical("%s Ending, to be restarted; the sweep enqueues unfinished captures again.", problem)
                    for pid in [*_process_tree(guard.pid or 0)]:
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
            if guard.exitcode:
                sys.exit(STANDS_STILL)


def _process_tree(pid: int) -> Iterator[int]:
    """Yield the ids of the process and all its descendants, as Linux lists them."""
    yield pid
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from _process_tree(int(child))
