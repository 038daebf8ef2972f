"""What the weekly letter says of contents: one sentence, true in words."""

import datetime as dt

from devices.models import Site
from plays.models import Content
from plays.numbers.contents import Numbers, Period, read_contents

FEWEST_IMPRESSIONS = 30
"""A content that fewer people saw is not named."""


def weekly_line(site: Site, *, start: dt.datetime, end: dt.datetime) -> str:
    """Return the letter's sentence about the contents of a site in a period; "" where there is nothing to say.

    A content is called the one that held people longest only if its interval lies above that of the next one. Three
    queries, and one more.
    """
    found = read_contents([site], Period(start, end))
    told = {
        key: numbers
        for key, numbers in found.items()
        if numbers.told >= FEWEST_IMPRESSIONS and numbers.attention_s is not None
    }
    if not told:
        return ""
    ranked = sorted(told, key=lambda key: -(told[key].attention_s or 0))
    names = Content.objects.in_bulk(ranked[:2])
    first = told[ranked[0]]
    if len(ranked) == 1:
        return f"“{names[ranked[0]]}” held people for {_seconds(first)} each time they met it."
    second = told[ranked[1]]
    if _is_above(first, second):
        return (
            f"“{names[ranked[0]]}” held people longest: {_seconds(first)} each time they met it, "
            f"“{names[ranked[1]]}” {_seconds(second)}."
        )
    return f"None of {len(ranked):,} contents clearly held people longer than the others."


def _seconds(numbers: Numbers) -> str:
    return f"{numbers.attention_s or 0:.1f} s"


def _is_above(first: Numbers, second: Numbers) -> bool:
    high, low = first.attention_interval, second.attention_interval
    return high is not None and low is not None and high.low > low.high
