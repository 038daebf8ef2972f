"""`manage.py watch_folder FOLDER`: takes in the pictures that cameras put there, until it is stopped."""

import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from devices import health
from devices.management.stopping import stop_on_signals
from faces.sources.watched_folder import Watcher, log

CHECK_EVERY_S = 1.0

PROCESS = "ingest folder"
"""The beginning of the process's name in `manage.py health`; the folder follows."""


class Command(BaseCommand):
    help = (
        "Takes in the pictures in FOLDER/<thing name>/ until it gets SIGTERM or Ctrl-C. Moves each picture to taken/ "
        "or refused/ beside it. See docs/people.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder; make it, and in it a folder for each device.")
        self._watch(folder.resolve(), stop_on_signals())

    def _watch(self, folder: Path, stop: threading.Event) -> None:
        watcher, process = Watcher(folder), f"{PROCESS} {folder}"[:160]
        numbers: dict[str, float] = {"committed_messages_total": 0, "quarantined_messages_total": 0}
        while not stop.is_set():
            close_old_connections()
            try:
                counts = watcher.step(timezone.now())
                numbers["committed_messages_total"] += counts.taken
                numbers["quarantined_messages_total"] += counts.refused
                health.beat(process, at=timezone.now(), numbers=numbers)
            except (OSError, OperationalError, InterfaceError) as error:
                log.error("%s; the pictures stay in the folder. Trying again.", str(error).strip().rstrip("."))
            stop.wait(CHECK_EVERY_S)
        health.forget(process, before=timezone.now())
