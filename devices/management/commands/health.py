"""`manage.py health`: report whether each part of the platform works."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from devices import health


class Command(BaseCommand):
    help = "Prints one line for each part of the platform. The exit code is 1 if a part does not work."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--forget", metavar="NAME", help="forget this process, because it was taken out of use")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["forget"]:
            self._forget(options["forget"])
        lines = health.report(timezone.now())
        for line in lines:
            self.stdout.write(str(line))
        if not all(line.well for line in lines):
            sys.exit(1)

    def _forget(self, name: str) -> None:
        """Forget the process with this name, as its line shows it; an ingester also by its client id alone."""
        if not health.forget_process(name) and not health.forget_process(f"ingest {name}"):
            raise CommandError(f"There is no process “{name}”. `manage.py health` shows the names.")
        self.stdout.write(f"Forgot {name}. If it still runs, it reports itself again within seconds.")
