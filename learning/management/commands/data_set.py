"""`manage.py data_set import SITE NAME PATH` and `data_set export SITE NAME FORMAT PATH`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from devices.models import Site
from learning.datasets import formats
from learning.datasets.archives import Archive, BadArchive, Files, folder_files
from learning.datasets.exporting import write_archive, write_folder
from learning.datasets.importing import import_files
from learning.datasets.services import create_data_set
from learning.models import DataSet


class Command(BaseCommand):
    help = "Import pictures and annotations from a folder or ZIP archive into a data set, or export a data set."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="import|export")
        importing = actions.add_parser("import", help="Add pictures and annotations; the data set is made if missing.")
        exporting = actions.add_parser(
            "export", help="Write the data set into a folder, or into a file that ends in .zip."
        )
        for each in (importing, exporting):
            each.add_argument("site", help="The site's slug.")
            each.add_argument("name", help="The data set's name.")
        importing.add_argument("path", type=Path, help="A folder or a ZIP archive.")
        importing.add_argument("--recording", default="", help="The recording of pictures whose folder tells none.")
        exporting.add_argument("format", choices=list(formats.FORMATS))
        exporting.add_argument("path", type=Path)
        exporting.add_argument("--without-pictures", action="store_true", help="Write the annotations alone.")

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(slug=options["site"]).first()
        if site is None:
            raise CommandError(f"There is no site “{options['site']}”.")
        try:
            if options["action"] == "import":
                self._import(site, options)
            else:
                self._export(site, options)
        except (BadArchive, ValidationError) as error:
            raise CommandError(" ".join(error.messages) if isinstance(error, ValidationError) else str(error)) from None
        except OSError as error:
            raise CommandError(f"{options['path']}: {error.strerror or error}.") from None

    def _import(self, site: Site, options: dict[str, Any]) -> None:
        path: Path = options["path"]
        if not path.exists():
            raise CommandError(f"{path} does not exist.")
        files: Files = folder_files(path) if path.is_dir() else Archive(path)
        data_set = DataSet.objects.filter(site=site, name=options["name"]).first()
        if data_set is None:
            data_set = create_data_set(site=site, name=options["name"], by=None)
        report = import_files(data_set=data_set, files=files, recording=options["recording"] or path.stem, by=None)
        for sentence in report.sentences:
            self.stdout.write(sentence)
        for problem in report.problems:
            self.stderr.write(str(problem))

    def _export(self, site: Site, options: dict[str, Any]) -> None:
        data_set = DataSet.objects.filter(site=site, name=options["name"]).first()
        if data_set is None:
            raise CommandError(f"{site} has no data set “{options['name']}”.")
        path: Path = options["path"]
        chosen = {"data_set": data_set, "format": options["format"], "with_pictures": not options["without_pictures"]}
        if path.suffix.lower() == ".zip":
            with path.open("wb") as file:
                count = write_archive(to=file, **chosen)
        else:
            count = write_folder(to=path, **chosen)
        self.stdout.write(f"{count:,} files were written to {path}.")
