"""What decided how well the camera at a spot counted, at any time: the device, its software, camera and settings."""

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from analytics.models.groundtruth import GroundTruthSession
from analytics.verdicts.setups import Told, name_changes, read_told
from devices.models import Device

Setup = tuple[int, dict[str, Any] | None]
"""A device, and what it has told of its setup; None from a device that tells nothing."""


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
    def current(self) -> Setup:
        """The setup of now."""
        told = self.told.get(self.device.pk)
        return self.device.pk, told[-1][1] if told else None

    def at(self, device: int, moment: dt.datetime) -> Setup:
        """Return the setup of the device at this time. Before it told any, it had the first one, as far as is known."""
        told = self.told.get(device, ())
        place = bisect_right([since for since, _ in told], moment)
        return device, told[max(place - 1, 0)][1] if told else None

    def during(self, session: GroundTruthSession, until: dt.datetime) -> Setup | None:
        """Return the setup throughout the session; None where it was changed meanwhile."""
        first, last = (self.at(session.device_id, moment) for moment in (session.started_at, until))
        return first if first == last else None

    def change_since(self, session: GroundTruthSession) -> Change | None:
        """Return the first change since the session; None without one."""
        _, setup = self.at(session.device_id, session.started_at)
        for since, later in self.told.get(session.device_id, ()):
            if since > session.started_at and later != setup:
                return Change(since, name_changes(setup or {}, later))
        if session.device_id != self.device.pk and self.device.since is not None:
            return Change(self.device.since, "camera")
        return None


def read_setups(device: Device) -> SetupHistory:
    """Read the setups of all devices that were ever at the spot of this one, its latest device, in one query."""
    return SetupHistory(device, read_told(Device.objects.of_spot(device).values("pk")))
