"""The demo's three cameras and the habits of the places they look at.

The thing names and zones are those of the installations the demo follows; the habits are invented, so that the plots
show what plots of real places show: a rush in the morning, at lunch and at coffee time, quiet weekends, dark nights.
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
    """More people around an hour of the day, in the shape of a bell."""

    hour: float
    """Local time: 12.25 is a quarter past noon."""
    width: float
    """Standard deviation of the bell, hours."""
    visitors: float
    """Visitors an hour at the top, over those who come anyway."""


@dataclass(frozen=True)
class Habits:
    """A camera and who comes when. Hours and days are those of its `zone`."""

    name: str
    thing: str
    site: str
    zone: zoneinfo.ZoneInfo
    room: Literal["lobby", "cafe"]
    """What the camera looks at, of `rooms.ROOMS`."""
    speaks: Literal["agent", "deeplens"]
    opens: dt.time
    closes: dt.time
    visitors: float
    """Visitors an hour while the place is open on a weekday, apart from the peaks."""
    peaks: tuple[Peak, ...]
    weekend: float
    """Part of a weekday's visitors that comes on Saturdays and Sundays; with 0 the camera is off on these days."""
    night_on: float
    """Chance that nobody switches the camera off when the place closes, so that it looks at an empty room all night."""
    frame_every: int
    """Milliseconds from one frame to the next."""
    frames_per_message: int
    thumbs: float
    """Part of the visitors that holds up a thumb."""
    thumbs_down: float
    """Part of the visitors that turns a thumb down; none before a DeepLens, whose model knows no such gesture."""
    cups: float
    """Part of the visitors that brings a cup of coffee."""

    def visitors_per_hour(self, at: dt.datetime) -> float:
        """How many visitors an hour are to be expected at this moment; `at` is local time."""
        hour = at.hour + at.minute / 60 + at.second / 3600
        open_now = self.opens <= at.time() < self.closes
        quiet = self.visitors if open_now else self.visitors * AFTER_HOURS
        rush = sum(peak.visitors * math.exp(-(((hour - peak.hour) / peak.width) ** 2) / 2) for peak in self.peaks)
        return (quiet + rush) * (self.weekend if at.weekday() >= SATURDAY else 1.0)

    @property
    def most_visitors_per_hour(self) -> float:
        """An upper bound of `visitors_per_hour`."""
        return self.visitors + sum(peak.visitors for peak in self.peaks)


AFTER_HOURS = 0.02
"""Part of the quiet hours' visitors that still comes when the place is closed: cleaners, guards, late workers."""

SEATTLE01 = Habits(
    name="Seattle01",
    thing="deeplens_HoVip9KQTXiC3UFub47lJA",
    site="Seattle",
    zone=zoneinfo.ZoneInfo("America/Los_Angeles"),
    room="lobby",
    speaks="agent",
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

CHICAGO01 = Habits(
    name="Chicago01",
    thing="deeplens_bmTWwitIRUi_mASjZASUHA",
    site="Chicago",
    zone=zoneinfo.ZoneInfo("America/Chicago"),
    room="cafe",
    speaks="agent",
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

CHICAGO02 = Habits(
    name="Chicago02",
    thing="deeplens_Hgs6kj_yQASF2x-3fOxCHA",
    site="Chicago",
    zone=zoneinfo.ZoneInfo("America/Chicago"),
    room="cafe",
    speaks="deeplens",
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

DEMO = (SEATTLE01, CHICAGO01, CHICAGO02)
