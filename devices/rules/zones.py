"""The rules of time zones, which are those of the pinned package `tzdata` on every machine.

The system's own rules differ from machine to machine and may be years old.
"""

import datetime as dt
import zoneinfo
from functools import cache
from importlib import resources

import tzdata

VERSION = tzdata.IANA_VERSION
"""The edition of the IANA time zone database in use, such as 2026f."""


def use_pinned_rules() -> None:
    """Have this process compute local times by `tzdata` alone. Zones that are in use already keep their rules."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()


@cache
def listed_zones() -> tuple[str, ...]:
    """Return the names of the time zones that people choose from: one for each region, without former names."""
    table = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return ("UTC", *sorted({row[2] for row in rows}))


def local_time(at: dt.datetime, zone: str) -> dt.datetime:
    """Return this time in the time zone of this name."""
    return at.astimezone(zoneinfo.ZoneInfo(zone))
