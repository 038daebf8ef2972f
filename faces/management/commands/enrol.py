"""`manage.py enrol FOLDER`: enrols people by the pictures in their folders."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from devices.models import Site
from devices.rest.exports import as_csv
from edge_agent.text.file_names import printable
from faces.enrolment.bulk import Outcome, enrol_folder
from faces.enrolment.folders import BadFolder, PersonFolder, passed_over, read_people_folders
from faces.enrolment.portraits import ENOUGH_PICTURES, WHY_SEVERAL
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import RecogniserUnavailable

INTERRUPTED = 130
"""The exit code of a shell after Ctrl-C."""


class Command(BaseCommand):
    help = (
        "Enrols people of a site. FOLDER contains a folder for each person, with the person's name, pictures of the "
        "face and a consent.toml (docs/people.md). Prints which pictures were refused and why. Can be repeated: "
        "enrolled pictures are skipped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--site", required=True, help="The site's slug.")
        parser.add_argument("--report", type=Path, help="Also write the outcome of each picture to this CSV file.")

    def handle(self, *args: Any, folder: Path, site: str, report: Path | None, **options: Any) -> None:
        selected = Site.objects.filter(slug=site).first()
        if selected is None:
            slugs = ", ".join(Site.objects.values_list("slug", flat=True))
            raise CommandError(f"There is no site “{site}”; the sites are: {slugs or 'none yet'}.")
        outcomes: list[Outcome] = []
        try:
            people = read_people_folders(folder)
            for sentence in passed_over(folder):
                self.stderr.write(sentence)
            self._enrol(people, selected, outcomes)
        except BadFolder as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{printable(folder)} cannot be read: {error.strerror or error}.") from error
        except RecogniserUnavailable as error:
            raise CommandError(f"{error} Run the command again to continue; enrolled faces stay.") from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted; run the command again to continue.", returncode=INTERRUPTED) from None
        finally:
            self._report(folder, outcomes, report)
        if any(outcome.refused for outcome in outcomes):
            raise CommandError("Some pictures were refused; replace them and run the command again.")

    def _enrol(self, people: list[PersonFolder], site: Site, outcomes: list[Outcome]) -> None:
        recogniser = recognisers.configured_recogniser()
        total = sum(max(len(person.pictures) + len(person.unreadable), 1) for person in people)
        with tqdm(total=total, unit=" pictures", disable=None) as bar:
            for person in people:
                for outcome in enrol_folder(folder=person, site=site, now=timezone.now(), recogniser=recogniser):
                    outcomes.append(outcome)
                    bar.update()

    def _report(self, folder: Path, outcomes: list[Outcome], report: Path | None) -> None:
        refused = [outcome for outcome in outcomes if outcome.refused]
        for outcome in refused:
            self.stderr.write(f"{printable(outcome.path.relative_to(folder))}: {outcome.refused}")
        enrolled = Counter(outcome.path.parent.name for outcome in outcomes if not outcome.refused)
        if few := sorted(name for name, pictures in enrolled.items() if pictures < ENOUGH_PICTURES):
            self.stderr.write(f"Fewer than {ENOUGH_PICTURES} pictures: {', '.join(map(printable, few))}. {WHY_SEVERAL}")
        self.stdout.write(f"{len(outcomes) - len(refused)} pictures enrolled, {len(refused)} refused.")
        if report is not None:
            rows = ([printable(row.path.relative_to(folder)), not row.refused, row.refused] for row in outcomes)
            report.write_bytes(b"".join(as_csv(rows, ["picture", "enrolled", "refused"])))
