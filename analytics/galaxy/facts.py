"""What boards and globes are drawn from. Pure, and the same after a journey through a cache."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from analytics.numbers.measures import BucketState, EngagementBucket, merge_engagement


@dataclass(frozen=True, slots=True)
class SiteHours:
    """A site with some adjoining hours, all its cameras taken together."""

    slug: str
    name: str
    timezone: str
    latitude: float | None
    """Degrees north; None where nobody has said where the site is."""
    longitude: float | None
    """Degrees east."""
    cameras: int
    live: int
    """Cameras that were heard of lately."""
    hours: Sequence[EngagementBucket]

    @property
    def whole(self) -> EngagementBucket:
        return merge_engagement(self.hours)

    def hour_at(self, moment: dt.datetime) -> EngagementBucket | None:
        return next((hour for hour in self.hours if hour.start <= moment < hour.end), None)


@dataclass(frozen=True, slots=True)
class Seen:
    """Who was in front of the displays of these sites, by name."""

    at: dt.datetime
    """The moment up to which it tells, UTC."""
    sites: Sequence[SiteHours]
    thumbs_up: int = 0
    coffees: int = 0


@dataclass(frozen=True, slots=True)
class Leader:
    rank: int
    name: str
    coffees: int


@dataclass(frozen=True, slots=True)
class Leaders:
    """Who had how many coffees since Monday, the most first."""

    at: dt.datetime
    place: str
    timezone: str
    rows: Sequence[Leader]
    anonymous: int
    """Coffees of nobody in particular."""


@dataclass(frozen=True, slots=True)
class AnswerBar:
    """An hour or a day of a question; both times in the site's zone."""

    start: dt.datetime
    end: dt.datetime
    yes: int
    no: int
    showing: BucketState


@dataclass(frozen=True, slots=True)
class Asked:
    """The question that a site asks, or the last one that it asked, with its answers."""

    at: dt.datetime
    place: str
    timezone: str
    cameras: int
    text: str | None
    """None where the site has asked nothing yet; then all below is empty."""
    is_running: bool = False
    until: dt.datetime | None = None
    yes: int = 0
    no: int = 0
    bars: Sequence[AnswerBar] = ()


def local(at: dt.datetime, timezone: str) -> dt.datetime:
    return at.astimezone(ZoneInfo(timezone))
