"""What the platform asked for last, kept on the disk: it holds after a restart, before the broker is reached."""

import logging
import os
from pathlib import Path

import msgspec

from edge_agent import messages
from edge_agent.messages import DesiredSettings

log = logging.getLogger(__name__)


class Remembered:
    """The settings that were taken over last, in a file beside the outbox. One thread only."""

    def __init__(self, outbox: Path) -> None:
        self._path = outbox.with_name(f"{outbox.name}.settings")

    def load(self) -> DesiredSettings:
        """The settings; none, where none were kept or they cannot be read, which is logged."""
        try:
            return messages.decode_settings(self._path.read_bytes())
        except FileNotFoundError:
            return DesiredSettings()
        except (OSError, msgspec.DecodeError) as error:
            log.warning("the settings in %s cannot be used until the platform sends them again: %s", self._path, error)
            return DesiredSettings()

    def keep(self, settings: DesiredSettings) -> None:
        """Keep these instead: after a power cut there are either these or those before. A full disk is logged."""
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            with new.open("wb") as file:
                file.write(messages.encode(settings))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
            _flush_folder(self._path.parent)
        except OSError as error:
            log.warning("the settings hold only until the next restart, since they cannot be kept: %s", error)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
