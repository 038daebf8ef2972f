"""`manage.py erase_unseen`: lists, announces and erases people whom no camera has seen for their consent's term."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from faces.erasure.unseen import announce_erasures, erase_announced, unseen_people


class Command(BaseCommand):
    help = "Lists the people whom no camera has seen for the term of their consent, and when they will be erased."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--act",
            action="store_true",
            help="Announce them in the admin, and erase those whose notice period is over, as the workers do nightly.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if options["act"]:
            self.stdout.write(f"{announce_erasures(now=now)} announced.")
            erased = list(tqdm(erase_announced(now=now), unit=" people", disable=None))
            self.stdout.write(f"{sum(erased)} erased.")
            if not all(erased):
                raise CommandError("Some erasures are not finished. See the notices in the admin, and run this again.")
            return
        unseen = list(unseen_people(now=now))
        for entry in unseen:
            self.stdout.write(
                f"{entry.person} at {entry.person.site}: last seen on {entry.last_seen_at:%Y-%m-%d}, "
                f"erased after {entry.erase_at:%Y-%m-%d}"
            )
        self.stdout.write(f"{len(unseen)} people. Nothing was changed; --act announces and erases.")
