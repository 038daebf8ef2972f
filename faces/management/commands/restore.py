"""`manage.py restore FILE`: replace the database by that of a backup, and add the backup's pictures."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from faces.backups import archive, database
from faces.backups.archive import Unusable
from faces.backups.database import DatabaseTrouble
from faces.services import NotErasedYet, forget


class Command(BaseCommand):
    help = (
        "Restores a backup, and erases again whoever was erased after it. Stop all other processes first. May be run"
        " again after an interruption, with --replace. See docs/backups.md."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--key", type=Path, required=True, help="the file that `backup --new-key` has written")
        parser.add_argument("--erasures", type=Path, help="the file that `backup --erasures` has written last")
        parser.add_argument("--replace", action="store_true", help="replace a database that is not empty")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            if not options["replace"] and not database.is_empty():
                raise CommandError("The database is not empty. Add --replace to delete what is in it.")
            numbers = {*archive.erased_numbers(), *_listed(options["erasures"])}
            manifest = self._restore(file, options["key"])
        except (Unusable, DatabaseTrouble) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from None
        call_command("migrate", interactive=False, verbosity=0)
        erased = self._erase_again(numbers)
        self.stdout.write(f"Restored the state of {manifest['made_at']} (version {manifest['version']}).")
        if erased:
            self.stdout.write(f"{erased} people who were erased after the backup are erased again.")
        if manifest["secret_key"] != settings.SECRET_KEY:
            path = settings.DATA_DIR / "restored-secret-key"
            path.write_text(manifest["secret_key"] + "\n")
            path.chmod(0o600)
            self.stdout.write(
                f"The backup's SECRET_KEY is another: {path} contains it. Set it, or second factors and links of the"
                " backup do not work; then delete the file."
            )

    def _restore(self, file: Path, key: Path) -> dict[str, Any]:
        with tqdm(unit="B", unit_scale=True, disable=None) as bar:

            def progress(what: str, size: int) -> None:
                bar.set_description(what, refresh=False)
                bar.update(size)

            return archive.read(file, key_file=key, progress=progress)

    def _erase_again(self, numbers: set[int]) -> int:
        erased = 0
        for person in archive.to_erase_again(numbers):
            try:
                forget(person=person, by=None)
                erased += 1
            except NotErasedYet as error:
                self.stderr.write(f"Person {person.pk}: {error}")
        return erased


def _listed(path: Path | None) -> list[int]:
    """Return the numbers in the file. Raises `CommandError` if it contains anything else."""
    if path is None:
        return []
    try:
        numbers = json.loads(path.read_text())
    except ValueError:
        numbers = None
    if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
        raise CommandError(f"{path} is no list of numbers, as `backup --erasures` writes it.")
    return numbers
