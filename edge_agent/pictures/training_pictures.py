"""Chooses the frames that the platform trains models with: few, unsure ones first, within a day's budget of bytes.

The whole frame travels with what was detected in it, so that the boxes can be drawn and corrected on the platform.
Nothing is kept unless the platform asks for it, which the owner of the site decides.
"""

import logging
from pathlib import Path

import msgspec

from edge_agent.durable import replace_file
from edge_agent.messages import MAX_TRAINING_BOXES, Frame, Image, Labelled, TrainingRule
from edge_agent.pictures.encoding import Picture, training_image

log = logging.getLogger(__name__)

DAY_MS = 24 * 3_600_000
MEGABYTE = 1_000_000


class Spent(msgspec.Struct):
    """The bytes of pictures that went out on a day, counted from 1970 in UTC."""

    day: int = 0
    bytes: int = 0


class TrainingPictures:
    """Keeps one frame of every `every` detections: the frame whose weakest detection is the least sure.

    `file` keeps the day's bytes over a restart. A file that cannot be written ends the choice for the day.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._spent = self._load()
        self._count = 0
        self._best: tuple[float, Picture, Frame, list[Labelled]] | None = None

    def choose(self, rgb: Picture, frame: Frame, rule: TrainingRule | None) -> Image | None:
        """Return the message of the frame to keep, once `every` detections have passed; mostly None.

        Without a rule nothing is held, not even in memory.
        """
        if rule is None:
            self._count, self._best = 0, None
            return None
        found = [
            each
            for each in (*frame.gestures, *frame.objects)
            if each.box is not None and (not rule.labels or each.label in rule.labels)
        ][:MAX_TRAINING_BOXES]
        if not found:
            return None
        self._count += len(found)
        surety = min(each.confidence for each in found)
        if self._best is None or surety < self._best[0]:
            self._best = surety, rgb.copy(), frame, found
        if self._count < rule.every:
            return None
        _, picture, chosen, seen = self._best
        self._count, self._best = 0, None
        image = training_image(picture, seen, taken_at=chosen.taken_at)
        return image if self._spend(frame.taken_at, len(image.image_string) * 3 // 4, rule) else None

    def _spend(self, now: int, count: int, rule: TrainingRule) -> bool:
        """Return whether so many bytes are left of the day, and note them as spent."""
        day = now // DAY_MS
        before = self._spent.bytes if self._spent.day == day else 0
        if before + count > rule.megabytes * MEGABYTE:
            return False
        self._spent = Spent(day, before + count)
        try:
            replace_file(self._file, msgspec.json.encode(self._spent))
        except OSError as error:
            log.warning("%s cannot be written, so no picture is kept for training: %s", self._file, error.strerror)
            return False
        return True

    def _load(self) -> Spent:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Spent)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return Spent()
