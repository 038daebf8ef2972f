"""`manage.py forget_old_frames`: run the nightly deletion of old frames now."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from tqdm import tqdm

from analytics.counting import corrections


class Command(BaseCommand):
    help = (
        "Deletes frames that are older than FRAME_RETENTION_DAYS; their tallies stay. The command may be interrupted."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        deleted = 0
        with tqdm(unit=" frames", disable=None) as bar:
            for count in corrections.forget_old_frames(now=timezone.now()):
                deleted += count
                bar.update(count)
        self.stdout.write(f"{deleted} frames deleted.")
