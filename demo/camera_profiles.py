"""The demo's three cameras, with the opening hours and the visitors of their places.

The thing names and time zones are those of the installations that the demo follows. The visitors are invented, so that
the plots look like those of real places: a rush in the morning, at lunch and at coffee time, and quiet weekends.
"""

import datetime as dt
import math
import zoneinfo
from dataclasses import dataclass
from typing import Literal

SATURDAY = 5
"""`datetime.weekday()` of the first day of the weekend."""


@dataclass(frozen=True)
class Peak:
    """A rush of visitors around an hour of the day, in the shape of a bell curve."""

    hour: float
    """Local time in hours: 12.25 is a quarter past noon."""
    width: float
    """Standard deviation in hours."""
    visitors: float
    """Additional visitors an hour at the top of the curve."""


@dataclass(frozen=True)
class CameraProfile:
    """A camera, and how many visitors come when. Hours and days are local, in `zone`."""

    name: str
    thing: str
    site: str
    zone: zoneinfo.ZoneInfo
    room: Literal["lobby", "cafe"]
    """The room before the camera, a key of `rooms.ROOMS`."""
    protocol: Literal["agent", "deeplens"]
    opens: dt.time
    closes: dt.time
    visitors: float
    """Visitors an hour while the place is open on a weekday, apart from the peaks."""
    peaks: tuple[Peak, ...]
    weekend: float
    """Visitors of a Saturday or Sunday as a share of a weekday's; with 0 the camera is off on these days."""
    night_on: float
    """Chance that the camera stays on all night before an empty room."""
    frame_every: int
    """Milliseconds from one frame to the next."""
    frames_per_message: int
    thumbs: float
    """Share of the visitors who hold up a thumb."""
    thumbs_down: float
    """Share of the visitors who turn a thumb down; 0 before a DeepLens, whose model does not detect it."""
    cups: float
    """Share of the visitors who bring a cup of coffee."""

    def visitors_per_hour_at(self, now: float) -> float:
        """Return the expected visitors an hour at this moment (epoch seconds)."""
        return self.visitors_per_hour(dt.datetime.fromtimestamp(now, self.zone))

    def visitors_per_hour(self, at: dt.datetime) -> float:
        """Return the expected visitors an hour at this moment; `at` is local time. Never fewer than `FEWEST`."""
        hour = at.hour + at.minute / 60 + at.second / 3600
        open_now = self.opens <= at.time() < self.closes
        quiet = self.visitors if open_now else self.visitors * AFTER_HOURS
        rush = sum(peak.visitors * math.exp(-(((hour - peak.hour) / peak.width) ** 2) / 2) for peak in self.peaks)
        return max(FEWEST, (quiet + rush) * (self.weekend if at.weekday() >= SATURDAY else 1.0))

    @property
    def most_visitors_per_hour(self) -> float:
        """An upper bound of `visitors_per_hour`."""
        return max(FEWEST, self.visitors + sum(peak.visitors for peak in self.peaks))


FEWEST = 20.0
"""Visitors an hour at any time, so that whoever starts the demo at night sees somebody soon, as in its history."""

AFTER_HOURS = 0.02
"""Visitors of a closed place (cleaners, guards, late workers) as a share of those of its quiet hours."""

SEATTLE01 = CameraProfile(
    name="Seattle01",
    thing="deeplens_HoVip9KQTXiC3UFub47lJA",
    site="Seattle",
    zone=zoneinfo.ZoneInfo("America/Los_Angeles"),
    room="lobby",
    protocol="agent",
    opens=dt.time(7, 30),
    closes=dt.time(18, 30),
    visitors=22,
    peaks=(Peak(9.25, 0.5, 70), Peak(12.2, 0.4, 50), Peak(15.1, 0.45, 60)),
    weekend=0.12,
    night_on=0.4,
    frame_every=15_000,
    frames_per_message=8,
    thumbs=0.06,
    thumbs_down=0.015,
    cups=0.3,
)

CHICAGO01 = CameraProfile(
    name="Chicago01",
    thing="deeplens_bmTWwitIRUi_mASjZASUHA",
    site="Chicago",
    zone=zoneinfo.ZoneInfo("America/Chicago"),
    room="cafe",
    protocol="agent",
    opens=dt.time(8, 0),
    closes=dt.time(19, 0),
    visitors=30,
    peaks=(Peak(10.0, 0.6, 45), Peak(12.6, 0.5, 80), Peak(16.0, 0.5, 40)),
    weekend=0.0,
    night_on=0.3,
    frame_every=15_000,
    frames_per_message=8,
    thumbs=0.05,
    thumbs_down=0.02,
    cups=0.25,
)

CHICAGO02 = CameraProfile(
    name="Chicago02",
    thing="deeplens_Hgs6kj_yQASF2x-3fOxCHA",
    site="Chicago",
    zone=zoneinfo.ZoneInfo("America/Chicago"),
    room="cafe",
    protocol="deeplens",
    opens=dt.time(6, 30),
    closes=dt.time(16, 30),
    visitors=26,
    peaks=(Peak(7.75, 0.5, 85), Peak(12.4, 0.45, 60), Peak(14.75, 0.3, 30)),
    weekend=0.35,
    night_on=0.1,
    frame_every=20_000,
    frames_per_message=1,
    thumbs=0.05,
    thumbs_down=0.0,
    cups=0.6,
)

PROFILES = (SEATTLE01, CHICAGO01, CHICAGO02)
