"""`manage.py replay FILE`: take in a log of messages."""

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
        "Takes in a log of messages: JSON lines with topic, payload and, where known, received_at. "
        "Running it again, or after an interruption, counts nothing twice."
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
            f"{total.committed} messages taken in, {total.quarantined} set aside (the admin has them), {bad} bad lines."
        )
        if bad:
            raise CommandError("Some lines hold no message; mend them and replay the file again.")

    def _replay(self, file: Path, written_at: dt.datetime) -> tuple[batches.Accepted, int]:
        total, bad = batches.Accepted(), 0
        with file.open(encoding="utf-8") as lines, tqdm(unit=" messages", disable=None) as bar:
            read = arrivals_of(lines, written_at=written_at)
            while chunk := list(itertools.islice(read, BATCH)):
                for line in (each for each in chunk if isinstance(each, BadLine)):
                    self.stderr.write(str(line))
                    bad += 1
                total.add(batches.accept([each for each in chunk if isinstance(each, Arrival)]))
                bar.update(len(chunk))
        return total, bad
