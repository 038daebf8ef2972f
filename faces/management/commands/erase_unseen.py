"""`manage.py erase_unseen`: who has not been seen for the term of their consent, and their erasure."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from faces.erasure.unseen import announce_erasures, erase_announced, unseen_people


class Command(BaseCommand):
    help = "Lists whom no camera has seen for the term of their consent, and when they are erased. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--act",
            action="store_true",
            help="announce them in the admin and erase those whose notice has run out, as the workers do every night",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if options["act"]:
            self.stdout.write(f"{announce_erasures(now=now)} announced.")
            erased = list(tqdm(erase_announced(now=now), unit=" people", disable=None))
            self.stdout.write(f"{sum(erased)} erased.")
            if not all(erased):
                raise CommandError("Not everybody is erased yet; the notices in the admin say why. Run it again.")
            return
        found = list(unseen_people(now=now))
        for one in found:
            self.stdout.write(
                f"{one.person} at {one.person.site}: last seen on {one.last_seen_at:%Y-%m-%d}, "
                f"erased after {one.erase_at:%Y-%m-%d}"
            )
        self.stdout.write(f"{len(found)} people. Nothing was changed; --act announces and erases.")
