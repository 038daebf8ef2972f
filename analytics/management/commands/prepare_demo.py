"""`manage.py prepare_demo`: sites, devices, an administrator, a person and a past for the demo."""

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from analytics.demo.preparation import ADMIN, Prepared, prepare
from analytics.demo.surroundings import DemoError

DAYS, SEED = 14, 1


class Command(BaseCommand):
    help = "Makes what the demo starts with: sites, devices, an administrator, a person with coffees, and a past."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=DAYS, help=f"of past to generate at the first time ({DAYS})")
        parser.add_argument("--seed", type=int, default=SEED, help=f"of the past, 0 or more ({SEED})")

    def handle(self, *args: Any, days: int, seed: int, **options: Any) -> None:
        if not 1 <= days <= settings.FRAME_RETENTION_DAYS:
            raise CommandError(f"--days must be from 1 to FRAME_RETENTION_DAYS, {settings.FRAME_RETENTION_DAYS}.")
        if seed < 0:
            raise CommandError("--seed must be 0 or more.")
        # It says a line for each picture that it is handed, which would tear the progress bar.
        logging.getLogger("django-q").setLevel(logging.WARNING)
        try:
            self._report(prepare(settings.DATA_DIR, days=days, seed=seed, now=timezone.now()))
        except (DemoError, OSError) as error:
            raise CommandError(f"The demo cannot be prepared: {error}") from error
        except DatabaseError as error:
            raise CommandError(f"The demo's database cannot be used: {error}. Has `migrate` been run?") from error

    def _report(self, prepared: Prepared) -> None:
        loaded = prepared.loaded
        self.stdout.write(f"Loaded a past of {loaded.messages} messages." if loaded else "The past was there already.")
        if loaded and loaded.quarantined:
            self.stderr.write(f"{loaded.quarantined} of them were set aside; the quarantine in the admin says why.")
        self.stdout.write(f"Administrator: {ADMIN}, password {prepared.password}")
        self.stdout.write(f"API token: {prepared.token}")
