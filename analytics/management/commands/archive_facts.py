"""`manage.py archive_facts`: move the facts of old months from PostgreSQL into files now."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from analytics.features.archiving import writing


class Command(BaseCommand):
    help = (
        "Moves frames, detections and visits of months that are wholly older than FACTS_IN_DATABASE_DAYS from "
        "PostgreSQL into Parquet files, one for each day. Tables are dropped only after the files were compared with "
        "them. The command may be interrupted; run again, it goes on. The workers run it each night."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.FACTS_IN_DATABASE_DAYS or connection.vendor != "postgresql":
            raise CommandError("Nothing is archived: that takes PostgreSQL, and a number in FACTS_IN_DATABASE_DAYS.")
        with tqdm(unit=" facts", disable=None) as bar:

            def show(name: str, rows: int) -> None:
                bar.set_description(name)
                bar.update(rows)

            try:
                moved = writing.archive(now=timezone.now(), progress=show)
            except writing.Changed as error:
                raise CommandError(str(error)) from None
            except KeyboardInterrupt:
                raise CommandError("Stopped. Run the command again to go on.") from None
        self.stdout.write(f"{moved} facts are in files now.")
