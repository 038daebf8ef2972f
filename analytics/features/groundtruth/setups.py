"""What decided how well the camera at a spot counted, at any time; `setup_key` tells which setups are the same."""

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from analytics.models.groundtruth import GroundTruthSession
from analytics.verdicts.setups import SOFTWARE, Told, name_changes, read_told, setup_key
from devices.models import Device


@dataclass(frozen=True, slots=True)
class Change:
    """A change of what decides how well a camera counts."""

    at: dt.datetime
    """UTC."""
    what: str
    """What was changed, such as "accuracy and software"."""

    @property
    def is_several(self) -> bool:
        """Whether a sentence about what was changed has a plural."""
        return " and " in self.what or self.what in ("models", "detectors")


@dataclass(frozen=True, slots=True)
class SetupHistory:
    """The setups at a spot."""

    device: Device
    """The latest device of the spot."""
    told: Told

    @property
    def current(self) -> str:
        """The `setup_key` of now."""
        told = self.told.get(self.device.pk, ())
        return setup_key(self.device.pk, told[-1][1] if told else {})

    def at(self, moment: dt.datetime) -> str:
        """Return the `setup_key` of the latest device at this time."""
        return setup_key(self.device.pk, self._told(self.device.pk, moment))

    def during(self, session: GroundTruthSession, until: dt.datetime) -> str | None:
        """Return the `setup_key` throughout the session; None where the setup was changed meanwhile."""
        device, start = session.device_id, session.started_at
        meanwhile = [setup for since, setup in self.told.get(device, ()) if start < since <= until]
        keys = {setup_key(device, setup) for setup in (self._told(device, start), *meanwhile)}
        return keys.pop() if len(keys) == 1 else None

    def change_since(self, session: GroundTruthSession) -> Change | None:
        """Return the first change of the setup since the session; None without one."""
        before = self._told(session.device_id, session.started_at)
        for since, later in self._told_since(session):
            if setup_key(session.device_id, later) != setup_key(session.device_id, before):
                return Change(since, name_changes(before, later))
        if session.device_id != self.device.pk and self.device.since is not None:
            return Change(self.device.since, "camera")
        return None

    def software_since(self, session: GroundTruthSession) -> Change | None:
        """Return the latest change of the software since the session; None without one, or with a former device."""
        if session.device_id != self.device.pk:
            return None
        before, found = self._told(session.device_id, session.started_at).get(SOFTWARE), None
        for since, later in self._told_since(session):
            if later.get(SOFTWARE) != before:
                found = Change(since, SOFTWARE)
            before = later.get(SOFTWARE)
        return found

    def _told(self, device: int, moment: dt.datetime) -> dict[str, Any]:
        """Return what the device had told by then. Before it told anything, its setup was the first one that it told,
        as far as is known."""
        told = self.told.get(device, ())
        place = bisect_right([since for since, _ in told], moment)
        return told[max(place - 1, 0)][1] if told else {}

    def _told_since(self, session: GroundTruthSession) -> list[tuple[dt.datetime, dict[str, Any]]]:
        return [each for each in self.told.get(session.device_id, ()) if each[0] > session.started_at]


def read_setups(device: Device) -> SetupHistory:
    """Read the setups of all devices that were ever at the spot of this one, its latest device, in one query."""
    return SetupHistory(device, read_told(Device.objects.of_spot(device).values("pk")))
