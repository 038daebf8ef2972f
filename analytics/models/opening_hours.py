"""Opening hours as text: "09:00-12:00, 13:00-18:00" or "22:00-02:00 next day". Pure."""

import re
from functools import lru_cache
from itertools import pairwise

from analytics.models.quarters import QUARTER_MINUTES

DAY_MINUTES = 24 * 60
DAY_QUARTERS = DAY_MINUTES // QUARTER_MINUTES
Hours = tuple[tuple[int, int], ...]
"""Spans of a local day, in quarter hours since midnight, ascending; an end above `DAY_QUARTERS` is on the next day."""

_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})(\s*next day)?\Z")


@lru_cache(maxsize=1_024)
def parse_hours(text: str) -> Hours:
    """Parse the opening hours of a day; no spans for an empty text.

    Raises `ValueError` with a sentence where the text has another form, an end lies before its start without "next
    day", spans overlap, or a time is no quarter hour.
    """
    spans = [_span(part.strip()) for part in text.split(",") if part.strip()]
    spans.sort()
    for (_, end), (start, following) in pairwise(spans):
        if start < end:
            span = f"{_clock(start)}-{_end(following)}"
            raise ValueError(f"{span} begins before the span before it ends; write both as one span.")
    return tuple(spans)


def format_hours(hours: Hours) -> str:
    """Return the text that `parse_hours` parses."""
    return ", ".join(f"{_clock(start)}-{_end(end)}" for start, end in hours)


def find_overlap(days: "list[Hours]") -> int | None:
    """Return the number of a day, 0 to 6, whose hours reach into the hours of the next day; None if none does."""
    for number, hours in enumerate(days):
        following = days[(number + 1) % len(days)]
        if hours and following and hours[-1][1] - DAY_QUARTERS > following[0][0]:
            return number
    return None


def _span(text: str) -> tuple[int, int]:
    found = _SPAN.match(text)
    if found is None:
        raise ValueError(f"“{text}” is no span of time such as 09:00-18:00 or 22:00-02:00 next day.")
    hour, minute, until, until_minute = map(int, found.groups()[:4])
    start, end = hour * 60 + minute, until * 60 + until_minute
    if minute > 59 or until_minute > 59 or start >= DAY_MINUTES or end > DAY_MINUTES:
        raise ValueError(f"“{text}” contains a time that no clock shows; a day goes from 00:00 to 24:00.")
    if start % QUARTER_MINUTES or end % QUARTER_MINUTES:
        raise ValueError(f"“{text}” is not in quarter hours, such as 09:00, 09:15, 09:30 or 09:45.")
    if found.group(5):
        end += DAY_MINUTES
        if end - start > DAY_MINUTES:
            raise ValueError(f"“{text}” is longer than a day.")
    elif end <= start:
        raise ValueError(f"“{text}” ends before it starts; write “{text} next day” if it ends on the next morning.")
    return start // QUARTER_MINUTES, end // QUARTER_MINUTES


def _end(quarters: int) -> str:
    return _clock(quarters) if quarters <= DAY_QUARTERS else f"{_clock(quarters - DAY_QUARTERS)} next day"


def _clock(quarters: int) -> str:
    hours, rest = divmod(quarters * QUARTER_MINUTES, 60)
    return f"{hours:02}:{rest:02}"
