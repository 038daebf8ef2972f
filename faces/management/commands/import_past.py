"""`manage.py import_past ARCHIVE`: imports what cameras have recorded before they were connected."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from tqdm import tqdm

from devices.models import Device, Site, Thing
from faces.importing.archives import UnreadableArchive, open_archive
from faces.importing.importing import Importer, Report, list_items
from faces.importing.owners import Owners
from faces.sources.layouts import Kind

INTERRUPTED = 130
"""The exit code of a shell after Ctrl-C."""


class Command(BaseCommand):
    help = (
        "Imports what cameras have recorded before they were connected: the records, pictures and logs in a folder or "
        "a bucket (docs/import.md). Without --act, only says what it would import. May be repeated, also after an "
        "interruption: nothing counts twice. The archive stays as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("archive", help="A folder, or s3://bucket/prefix.")
        parser.add_argument(
            "--device",
            action="append",
            default=[],
            metavar="[WHICH=]THING",
            help="The thing name of the device whose id in the records, or whose folder, is WHICH; without WHICH, of "
            "all that tells no device. May be given several times.",
        )
        parser.add_argument("--site", help="Register devices of unknown ids at the site with this slug.")
        parser.add_argument("--act", action="store_true", help="Import. Without it, nothing is written.")

    def handle(self, *args: Any, archive: str, device: list[str], site: str | None, act: bool, **options: Any) -> None:
        owners = Owners(_given(device), list(Device.objects.select_related("site", "thing")), _site(site))
        report = Report()
        try:
            opened = open_archive(archive)
            items = list_items(opened, report)
            if act and site:
                dry = Importer(opened, owners, timezone.now(), act=False)
                self._run(dry, items, "Reading")
                owners.register()
                owners = Owners(owners.given, list(Device.objects.select_related("site", "thing")), owners.site)
            self._run(Importer(opened, owners, timezone.now(), act, report), items, "Importing" if act else "Reading")
        except UnreadableArchive as error:
            raise CommandError(str(error)) from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database is away: {error}. Run the command again to continue.") from None
        except KeyboardInterrupt:
            raise CommandError("Interrupted; run the command again to continue.", returncode=INTERRUPTED) from None
        self._tell(report, owners)
        if act:
            self.stdout.write(
                f"{report.committed} taken in, {report.quarantined} quarantined (see the admin), "
                f"{report.repeated} taken in before."
            )
        else:
            self.stdout.write("Nothing was imported. Run the command again with --act to import.")

    def _run(self, importer: Importer, items: dict[Kind, list[Any]], word: str) -> None:
        total = sum(map(len, items.values()))
        with tqdm(total=total, desc=word, unit=" objects", disable=None) as bar:
            importer.progress = bar.update
            importer.run(items)

    def _tell(self, report: Report, owners: Owners) -> None:
        for device_id in sorted(owners.new):
            self.stdout.write(f"{device_id}: a new device at {owners.site}.")
        for (thing, kind), span in sorted(report.spans.items(), key=lambda item: (item[0][0], item[0][1].value)):
            between = f", {span.first:%Y-%m-%d} to {span.last:%Y-%m-%d}" if span.first and span.last else ""
            self.stdout.write(f"{thing}: {span.objects:,} {_word(kind)}{between}")
        for why, count in report.passed_over.most_common():
            self.stdout.write(f"{count:,} passed over, such as {report.examples[why]}: {why}.")


def _word(kind: Kind) -> str:
    return "messages of logs" if kind is Kind.LOG else kind.value


def _given(texts: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    known = set(Thing.objects.values_list("name", flat=True))
    for text in texts:
        which, _, thing = text.rpartition("=")
        if thing not in known:
            raise CommandError(f"--device {text}: no device has the thing name “{thing}”. Register one in the admin.")
        given[which.strip("/")] = thing
    return given


def _site(slug: str | None) -> Site | None:
    site = Site.objects.filter(slug=slug).first() if slug else None
    if slug and site is None:
        slugs = ", ".join(Site.objects.values_list("slug", flat=True))
        raise CommandError(f"There is no site “{slug}”; the sites are: {slugs or 'none yet'}.")
    return site
