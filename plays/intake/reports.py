"""What a player reports of one showing, however the report comes, and the rules that each report must keep. Pure."""

import datetime as dt
from dataclasses import dataclass

from devices.reading.identity import digest
from devices.rules.text import clean_line, is_printable
from plays.models import MOST_NAME

LONGEST = dt.timedelta(hours=24)
"""The longest play. A content that is shown for days is reported once a day, or left open and reported again."""

MAX_LEAD = dt.timedelta(hours=1)
"""How far in the future a player's time may lie, as a device's."""

MOST_POSITION = 32_767


class BadReport(ValueError):
    """The report cannot be stored. The text says in one sentence what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Report:
    """One showing of a content. Times are in UTC, by the player's clock."""

    content: str
    """As the player calls it."""
    started_at: dt.datetime
    ended_at: dt.datetime | None = None
    """None while it goes on."""
    name: str = ""
    """As people call it; "" where the player does not tell."""
    layout: str = ""
    position: int = 0
    seen_until: dt.datetime | None = None
    """Of an open play: the last moment at which it was known to be shown."""


def check(report: Report, *, now: dt.datetime, retention: dt.timedelta) -> None:
    """Raise `BadReport` with one sentence if the report cannot be stored."""
    for text, what in ((report.content, "content"), (report.name, "name"), (report.layout, "layout")):
        check_name(text, what)
    if not report.content.strip():
        raise BadReport("The play names no content.")
    if not 0 <= report.position <= MOST_POSITION:
        raise BadReport(f"The position is {report.position}; it must be from 0 to {MOST_POSITION:,}.")
    start, end = report.started_at, report.ended_at
    if start < now - retention:
        raise BadReport(f"The play started at {start.isoformat()}, more than {retention.days} days ago.")
    if start > now + MAX_LEAD:
        raise BadReport(f"The play starts at {start.isoformat()}, more than an hour ahead; set the player's clock.")
    if end is not None and end < start:
        raise BadReport(f"The play ended at {end.isoformat()}, before it started at {start.isoformat()}.")
    if end is not None and end - start > LONGEST:
        hours = LONGEST // dt.timedelta(hours=1)
        raise BadReport(f"The play lasts longer than {hours} hours; report each day of it as a play of its own.")


def check_name(text: str, what: str) -> None:
    """Raise `BadReport` unless the text can be stored and printed as the name of a content or layout."""
    if len(text) > MOST_NAME:
        raise BadReport(f"The {what} has {len(text):,} characters; it may have {MOST_NAME}.")
    if not all(map(is_printable, text)):
        raise BadReport(f"The {what} has a character that cannot be printed.")


def key_of(screen: int, content: int) -> int:
    """Return the hash that tells plays apart which started at the same time."""
    return digest("play", str(screen), str(content))


def readable(key: str) -> str:
    """Return a name for people made from the player's own: "lobby_film-2.mp4" becomes "lobby film 2"."""
    stem = key.rsplit("/", 1)[-1]
    base, dot, ending = stem.rpartition(".")
    stem = base if dot and base and len(ending) <= 4 and ending.isalnum() and not ending.isdigit() else stem
    return clean_line(stem.replace("_", " ").replace("-", " ")) or key
