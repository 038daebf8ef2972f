"""`manage.py ask_players`: asks Anthias players what they show, until it is stopped."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from devices import health
from devices.management.stopping import stop_on_signals
from plays.intake.anthias import EVERY_S, Asking
from plays.intake.health import PROCESS


class Command(BaseCommand):
    help = "Asks each screen's Anthias player every few seconds what it shows. Stops on SIGTERM or Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=EVERY_S, help="Seconds between two questions.")
        parser.add_argument("--once", action="store_true", help="Ask once, and end.")

    def handle(self, *args: Any, **options: Any) -> None:
        stopped, asking = stop_on_signals(), Asking()
        while not stopped.is_set():
            try:
                asked = asking.turn()
                health.beat(PROCESS, at=timezone.now())
            except (OperationalError, InterfaceError) as error:
                self.stderr.write(f"The database cannot be reached: {error}".strip())
                close_old_connections()
                asked = 0
            if options["once"]:
                self.stdout.write(f"{asked:,} players were asked.")
                return
            stopped.wait(max(0.5, options["every"]))
