"""`manage.py provision FILE`: sets sites, cameras and members up from a CSV or TOML file."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from devices.cameras.provisioning import files


class Command(BaseCommand):
    help = (
        "Creates or changes the sites, cameras and members of a file, and reports each. Running it again changes "
        "nothing. See docs/operations.md for the columns."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="A .csv or .toml file.")
        parser.add_argument("--dry-run", action="store_true", help="Report what would be done, and do nothing.")

    def handle(self, *args: Any, file: Path, dry_run: bool, **options: Any) -> None:
        try:
            entries = files.read(file)
        except files.BadFile as error:
            raise CommandError(str(error)) from None
        counts: Counter[str] = Counter()
        for line in files.provision(entries, now=timezone.now(), dry_run=dry_run):
            counts[line.did] += 1
            if line.did != "unchanged":
                self.stdout.write(f"{line.where}: {line.did} {line.what}{f': {line.detail}' if line.detail else ''}")
        summary = ", ".join(f"{counts[did]} {did}" for did in ("created", "changed", "unchanged", "failed"))
        self.stdout.write(f"{summary}{' (dry run: nothing was kept)' if dry_run else ''}")
        if counts["failed"]:
            raise CommandError(f"{counts['failed']} entries failed; correct them and run the command again.")
