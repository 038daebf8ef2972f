"""`manage.py backup FILE`: write the database, the pictures and the key of the installation into one encrypted file."""

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from faces.backups import archive
from faces.backups.archive import Unusable
from faces.backups.database import DatabaseTrouble


class Command(BaseCommand):
    help = (
        "Writes a backup of everything, encrypted to a public key, while all processes run. Make the key once with"
        " --new-key, and keep it somewhere else. See docs/backups.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the backup, or the file for --new-key or --erasures")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--to", metavar="PUBLIC_KEY", help="the public key that the backup is encrypted to")
        what.add_argument("--new-key", action="store_true", help="write a new key into FILE, and print its public key")
        what.add_argument(
            "--erasures",
            action="store_true",
            help="write the numbers of the erased people into FILE, for `restore --erasures`; it takes no time",
        )

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            if options["new_key"]:
                self._make_key(file)
            elif options["erasures"]:
                file.write_text(json.dumps(archive.erased_numbers()) + "\n")
            else:
                self._back_up(file, options["to"])
        except (Unusable, DatabaseTrouble) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{error.filename or file} cannot be written: {error.strerror}.") from None

    def _make_key(self, file: Path) -> None:
        text, public = archive.new_key()
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
            target.write(text)
        self.stdout.write(public)

    def _back_up(self, file: Path, public_key: str) -> None:
        with tqdm(unit="B", unit_scale=True, disable=None) as bar:

            def progress(what: str, size: int) -> None:
                bar.set_description(what, refresh=False)
                bar.update(size)

            made = archive.write(file, public_key=public_key, now=timezone.now(), progress=progress)
        self.stdout.write(f"{file}: the database ({made.database_bytes:,} bytes) and {made.pictures:,} pictures.")
        if made.missing:
            self.stdout.write(f"{len(made.missing):,} pictures were deleted before they could be copied.")
