"""The rules of time zones, which are those of the pinned package `tzdata` on every machine.

The system's own rules differ from machine to machine and may be years old.
"""

import zoneinfo

import tzdata

VERSION = tzdata.IANA_VERSION
"""The edition of the IANA time zone database in use, such as 2026f."""


def use_pinned_rules() -> None:
    """Have this process compute local times by `tzdata` alone. Zones that are in use already keep their rules."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
