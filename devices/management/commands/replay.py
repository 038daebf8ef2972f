"""`manage.py replay FILE`: take in the messages of a log."""

import datetime as dt
import itertools
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from devices.intake import batches
from devices.intake.decoding import Arrival
from devices.intake.replay import BadLine, arrivals_of
from devices.mqtt.ingester import BATCH


class Command(BaseCommand):
    help = (
        "Takes in the messages of a log: JSON lines with topic, payload and, where known, received_at. "
        "It may be run again, also after an interruption: nothing counts twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            written_at = dt.datetime.fromtimestamp(file.stat().st_mtime, dt.UTC)
            total, bad = self._replay(file, written_at)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}.") from None
        self.stdout.write(
            f"{total.committed} messages taken in, {total.quarantined} quarantined (see the admin), {bad} bad lines."
        )
        if bad:
            raise CommandError("Some lines contain no message. Correct them and replay the file again.")

    def _replay(self, file: Path, written_at: dt.datetime) -> tuple[batches.Accepted, int]:
        total, bad = batches.Accepted(), 0
        with file.open(encoding="utf-8") as lines, tqdm(unit=" messages", disable=None) as bar:
            read = arrivals_of(lines, written_at=written_at)
            while chunk := list(itertools.islice(read, BATCH)):
                for bad_line in (line for line in chunk if isinstance(line, BadLine)):
                    self.stderr.write(str(bad_line))
                    bad += 1
                total.add(batches.accept([line for line in chunk if isinstance(line, Arrival)]))
                bar.update(len(chunk))
        return total, bad
