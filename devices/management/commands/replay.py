"""`manage.py replay FILE`: take in the messages of a log."""

import datetime as dt
import itertools
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from devices.intake.message_logs import BadLine, read_log
from devices.intake.past import Past, accept_past
from devices.mqtt.ingester import BATCH
from devices.reading.decoding import Arrival
from edge_agent.text.files import lines_of


class Command(BaseCommand):
    help = (
        "Takes in the messages of a log: JSON objects with topic, payload and, where known, received_at or timestamp, "
        "such as the AWS IoT console exports. A device's state stays as it is. The command may be run again, also "
        "after an interruption: nothing counts twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        self._untimed = self._bad = 0
        try:
            written_at = dt.datetime.fromtimestamp(file.stat().st_mtime, dt.UTC)
            past = self._replay(file, written_at)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror or error}.") from None
        if self._untimed:
            self.stdout.write(
                f"{self._untimed} messages have neither received_at nor timestamp. They count as received when the "
                f"file was last changed, at {written_at:%Y-%m-%d %H:%M:%S} UTC."
            )
        self.stdout.write(
            f"{past.accepted.committed} messages taken in, {past.accepted.quarantined} quarantined (see the admin), "
            f"{past.repeated} taken in before, {self._bad} bad lines."
        )
        if self._bad:
            raise CommandError("Some lines contain no message. Correct them and replay the file again.")

    def _replay(self, file: Path, written_at: dt.datetime) -> Past:
        past = Past()
        with tqdm(unit=" messages", disable=None) as bar:
            read = read_log(lines_of(file), written_at=written_at, now=timezone.now())
            while chunk := list(itertools.islice(read, BATCH)):
                for bad_line in (line for line in chunk if isinstance(line, BadLine)):
                    self.stderr.write(str(bad_line))
                    self._bad += 1
                arrivals = [line for line in chunk if isinstance(line, Arrival)]
                self._untimed += sum(not arrival.arrival_known for arrival in arrivals)
                past.add(accept_past(arrivals))
                bar.update(len(chunk))
        return past
