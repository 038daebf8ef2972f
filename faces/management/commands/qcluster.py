"""`manage.py qcluster`: django-q2's, which ends with an error where it stands still, so that it is started again."""

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db import close_old_connections
from django.utils import timezone
from django_q.management.commands import qcluster

from faces.recognition import health

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0

STANDS_STILL = 70
"""The exit code, as the ingester's."""


class Command(qcluster.Command):  # type: ignore[misc]
    help = "Runs the task workers until told to stop. Ends with 70 where they stand still, to be started again."

    def handle(self, *args: Any, **options: Any) -> None:
        watch = health.WorkerWatch(since=timezone.now())
        super().handle(*args, **options)
        # Killing a worker at the wrong moment leaves its lock behind: the others wait for it, and nobody else notices.
        for guard in multiprocessing.active_children():
            while guard.is_alive():
                guard.join(LOOK_EVERY_S)
                close_old_connections()
                if guard.is_alive() and (told := watch.problem(timezone.now())):
                    log.critical("%s Leaving, to be started again; what they had in hand the sweep finds.", told)
                    for pid in [*_below(guard.pid or 0)]:
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
            if guard.exitcode:
                sys.exit(STANDS_STILL)


def _below(pid: int) -> Iterator[int]:
    """The process and all those below it, as Linux tells."""
    yield pid
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from _below(int(child))
