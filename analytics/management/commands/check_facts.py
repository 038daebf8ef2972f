"""`manage.py check_facts`: checks what no constraint of the database checks about frames and what hangs on them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from analytics.counting import consistency


class Command(BaseCommand):
    help = (
        "Checks that each detection has its frame and each review its detection, with the same device and time, that "
        "their devices exist, that majorities fit the reviews, and that no id is used twice. Prints a sentence for "
        "each inconsistency; the exit code is 1 if there is any. The ingester may run at the same time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        try:
            for sentence in consistency.find_inconsistencies(
                progress=lambda parts, number: tqdm(parts, "Checking", number, unit=" parts", disable=None)
            ):
                self.stdout.write(sentence)
                found += 1
        except KeyboardInterrupt:
            raise CommandError("Stopped. The check changes nothing.") from None
        if found:
            raise CommandError(f"{found} inconsistencies were found.")
        self.stdout.write("All facts are consistent.")
