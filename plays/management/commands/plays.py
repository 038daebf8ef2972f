"""`manage.py plays`: imports files of plays, and computes tallies again."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from devices.models import Site
from plays.attribution import services as attribution
from plays.intake.files import FORMATS, BadFile, import_file


class Command(BaseCommand):
    help = "Imports files of plays, and computes the numbers of contents again."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        importing = actions.add_parser("import", help="Store the plays of a CSV file or of Xibo's proof of play.")
        importing.add_argument("site", help="The site's slug.")
        importing.add_argument("path", type=Path)
        importing.add_argument("--format", choices=list(FORMATS), default="", help="By default, by the columns.")
        actions.add_parser("compute", help="Compute the numbers of all contents again, from plays and visits.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "import":
            self._import(options)
            return
        attribution.mark_all()
        days = attribution.compute_changed(now=timezone.now())
        self.stdout.write(f"The numbers of {days:,} days of cameras were computed.")

    def _import(self, options: dict[str, Any]) -> None:
        site = Site.objects.filter(slug=options["site"]).first()
        if site is None:
            raise CommandError(f"There is no site “{options['site']}”.")
        try:
            with options["path"].open(encoding="utf-8-sig", newline="") as file:
                imported = import_file(site=site, file=file, format=options["format"])
        except OSError as error:
            raise CommandError(f"{options['path']}: {error.strerror or error}.") from None
        except BadFile as error:
            raise CommandError(f"{options['path']}: {error}") from None
        for problem in imported.problems:
            self.stderr.write(problem)
        self.stdout.write(imported.sentence)
