"""Snapshots: the numbers of one time slot, from which boards and globes are drawn. Pure.

A snapshot is cached for all processes, so it can be pickled and does not change.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from analytics.numbers.measures import BucketState, EngagementBucket, merge_engagement


class Snapshot(Protocol):
    """Any class of this module that a board is drawn from."""

    @property
    def at(self) -> dt.datetime:
        """The moment up to which the numbers reach: the start of a time slot, UTC."""


@dataclass(frozen=True, slots=True)
class SiteHours:
    """A site and its consecutive hours, all its cameras taken together."""

    slug: str
    name: str
    timezone: str
    latitude: float | None
    """Degrees north; None where the site has no coordinates."""
    longitude: float | None
    """Degrees east; None where the site has no coordinates."""
    cameras: int
    live: int
    """The number of cameras that are live."""
    hours: Sequence[EngagementBucket]

    @property
    def total(self) -> EngagementBucket:
        """All hours as one bucket."""
        return merge_engagement(self.hours)

    def hour_at(self, moment: dt.datetime) -> EngagementBucket | None:
        """Return the hour that contains this moment; None where the hours do not reach it."""
        return next((hour for hour in self.hours if hour.start <= moment < hour.end), None)


@dataclass(frozen=True, slots=True)
class EngagementSnapshot:
    """The people in front of the displays of some sites, hour by hour."""

    at: dt.datetime
    sites: Sequence[SiteHours]
    """Sorted by the sites' names."""
    thumbs_up: int = 0
    """The count of the sites' current local day. It is 0 in snapshots of other windows."""
    coffees: int = 0
    """The count of the sites' current local day. It is 0 in snapshots of other windows."""
    visits: int | None = None
    """The count of the sites' current local day. None where no device follows people, and in other windows."""
    viewers: int | None = None
    """As `visits`; None also where the devices do not tell where faces look."""
    conversion: float | None = None
    """Viewers as a share of passers-by; None where no device looks for bodies."""


@dataclass(frozen=True, slots=True)
class RankedPerson:
    """A person's rank among those who had coffee; equal counts share a rank."""

    rank: int
    name: str
    coffees: int


@dataclass(frozen=True, slots=True)
class CoffeeSnapshot:
    """The coffees since Monday at one site or at all sites."""

    at: dt.datetime
    place: str
    """The site's name, or "All sites"."""
    timezone: str
    people: Sequence[RankedPerson]
    """Most coffees first."""
    anonymous: int
    """The number of coffees of unnamed people."""


@dataclass(frozen=True, slots=True)
class AnswerBar:
    """An hour or a day of a question; both times in the site's time zone."""

    start: dt.datetime
    end: dt.datetime
    yes: int
    no: int
    state: BucketState
    """The number for all cameras of the site."""


@dataclass(frozen=True, slots=True)
class QuestionSnapshot:
    """A site's current question, or its last one, with the answers."""

    at: dt.datetime
    place: str
    """The site's name."""
    timezone: str
    cameras: int
    text: str | None
    """None where the site has had no question yet; then the fields below have their defaults."""
    is_running: bool = False
    until: dt.datetime | None = None
    yes: int = 0
    no: int = 0
    unit: str = "gestures"
    """What the answers are: people, gestures, or answers where there are both."""
    bars: Sequence[AnswerBar] = ()


class _Zoned(Protocol):
    @property
    def timezone(self) -> str: ...


def common_timezone(sites: Iterable[_Zoned]) -> str:
    """Return the time zone of these sites, or UTC if they have several."""
    zones = {site.timezone for site in sites}
    return zones.pop() if len(zones) == 1 else "UTC"


def local_time(at: dt.datetime, timezone: str) -> dt.datetime:
    """Return the moment in the time zone of this name."""
    return at.astimezone(ZoneInfo(timezone))
