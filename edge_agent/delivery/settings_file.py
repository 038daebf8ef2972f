"""Keeps the platform's latest settings on disk, so that they hold after a restart, before the broker is reached."""

import logging
from pathlib import Path

import msgspec

from edge_agent import messages
from edge_agent.durable import replace_file
from edge_agent.messages import DesiredSettings

log = logging.getLogger(__name__)


class SettingsFile:
    """The file beside the outbox with the settings that were applied last. One thread only."""

    def __init__(self, outbox: Path) -> None:
        self._path = outbox.with_name(f"{outbox.name}.settings")

    def load(self) -> DesiredSettings:
        """Return the saved settings; settings without a value where none were saved, or none can be read (logged)."""
        try:
            return messages.decode_settings(self._path.read_bytes())
        except FileNotFoundError:
            return DesiredSettings()
        except (OSError, msgspec.DecodeError) as error:
            log.warning("the settings in %s cannot be used until the platform sends them again: %s", self._path, error)
            return DesiredSettings()

    def save(self, settings: DesiredSettings) -> None:
        """Replace the file's settings. After a power cut the file holds either the old or the new settings.

        A file that cannot be written is logged.
        """
        try:
            replace_file(self._path, messages.encode(settings))
        except OSError as error:
            log.warning("the settings hold only until the next restart, because they cannot be saved: %s", error)
