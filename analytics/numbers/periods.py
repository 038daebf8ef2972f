"""The period that a page shows, some local days of a site, and the period before for comparison. Pure."""

import datetime as dt
import zoneinfo
from dataclasses import dataclass
from typing import Literal

from analytics.numbers.buckets import day_start

HoursOf = Literal["open", "all"]
"""Whether numbers are about the opening hours of sites that have some, or about all hours."""

DAYS = (1, 7, 14, 30)
DEFAULT_DAYS = 7
WEEK = 7
PAST_DAYS = 9 * WEEK
"""How many days are read for a comparison: two weeks, and seven before them that tell how much weeks differ anyway."""

FIRST_YEAR = 2000
"""Earlier dates are typing mistakes: no device is that old."""


@dataclass(frozen=True, slots=True)
class Period:
    """So many local days of a site, of which `last` is the last.

    A single day that is today means the last 24 hours, unless `is_calendar`. The times that the properties return are
    local.
    """

    days: int
    last: dt.date
    zone: zoneinfo.ZoneInfo
    now: dt.datetime
    is_calendar: bool = False
    """Whether a single day that is today means today from midnight to midnight."""
    hours: HoursOf = "open"
    """Whether the numbers are about opening hours, where the site has some, or about all hours."""

    @property
    def is_rolling(self) -> bool:
        """Whether the period is the last 24 hours, ending with the hour under way."""
        return self.days == 1 and self.is_current and not self.is_calendar

    @property
    def is_current(self) -> bool:
        """Whether the period ends today."""
        return self.last == self.today

    @property
    def today(self) -> dt.date:
        """The local date of `now`."""
        return self.now.astimezone(self.zone).date()

    @property
    def midnight(self) -> dt.datetime:
        """The start of today."""
        return self._midnight(self.today)

    @property
    def start(self) -> dt.datetime:
        if self.is_rolling:
            return (self._next_hour() - dt.timedelta(days=1)).astimezone(self.zone)
        return self._midnight(self.last - dt.timedelta(days=self.days - 1))

    @property
    def end(self) -> dt.datetime:
        if self.is_rolling:
            return self._next_hour().astimezone(self.zone)
        return self._midnight(self.last + dt.timedelta(days=1))

    @property
    def previous_days(self) -> int:
        """How many days earlier the period before lies: a single day is compared with the same day of the week."""
        return max(self.days, WEEK)

    @property
    def previous_start(self) -> dt.datetime:
        """The start of the period before, which has as many days."""
        if self.is_rolling:
            return self._earlier(self.start)
        return self._midnight(self.last - dt.timedelta(days=self.days - 1 + self.previous_days))

    @property
    def previous_end(self) -> dt.datetime:
        """The end of the period before: the same local time as `now` where the period is not over.

        So half a day is compared with half a day.
        """
        if not self.is_current:
            return self._midnight(self.last + dt.timedelta(days=1 - self.previous_days))
        return self._earlier(self.now)

    @property
    def previous_name(self) -> str:
        """The period before as text, such as "the 7 days before"."""
        if self.days == 1:
            return f"the same {'hours' if self.is_rolling else 'day'} a week before"
        return f"the {self.days} days before"

    @property
    def past_start(self) -> dt.datetime:
        """The start of the past that tells how much days and weeks differ anyway; both periods lie after it."""
        days = max(PAST_DAYS, self.days + self.previous_days)
        return self._midnight(self.last + dt.timedelta(days=1 - days))

    @property
    def older(self) -> dt.date:
        """The last day of the period before."""
        return self.last - dt.timedelta(days=self.days)

    @property
    def newer(self) -> dt.date | None:
        """The last day of the period after, today at most; None where the period ends today."""
        return None if self.is_current else min(self.today, self.last + dt.timedelta(days=self.days))

    @property
    def name(self) -> str:
        """The period as text, such as "14 – 20 Nov 2026" or "Last 24 hours"."""
        if self.is_rolling:
            return "Last 24 hours"
        first = self.last - dt.timedelta(days=self.days - 1)
        if first == self.last:
            return f"{self.last:%a} {self.last.day} {self.last:%b %Y}"
        month = "" if (first.year, first.month) == (self.last.year, self.last.month) else f" {first:%b}"
        year = "" if first.year == self.last.year else f" {first.year}"
        return f"{first.day}{month}{year} – {self.last.day} {self.last:%b %Y}"

    def _next_hour(self) -> dt.datetime:
        local = self.now.astimezone(self.zone)
        into_hour = dt.timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        # In UTC: where clocks change, an hour added to a local time is not the next hour.
        return self.now.astimezone(dt.UTC) - into_hour + dt.timedelta(hours=1)

    def _earlier(self, moment: dt.datetime) -> dt.datetime:
        local = moment.astimezone(self.zone).replace(tzinfo=None) - dt.timedelta(days=self.previous_days)
        return local.replace(tzinfo=self.zone)

    def _midnight(self, day: dt.date) -> dt.datetime:
        return day_start(day, self.zone).astimezone(self.zone)


def parse(
    days: str | None, last: str | None, *, zone: zoneinfo.ZoneInfo, now: dt.datetime, hours: str | None = None
) -> Period:
    """Parse the parameters of a page's address: the number of days, the last day as YYYY-MM-DD, and open or all hours.

    Without `days` the period has `DEFAULT_DAYS`. Without `last`, or with a date after today, it ends today. Raises
    `ValueError` with a sentence where a parameter is not valid.
    """
    today = now.astimezone(zone).date()
    number = DEFAULT_DAYS if days is None else int(days) if days.isdecimal() else 0
    if number not in DAYS:
        raise ValueError(f"A period of “{days}” days is not possible; choose 1, 7, 14 or 30 days.")
    try:
        day = today if last is None else dt.date.fromisoformat(last)
    except ValueError:
        raise ValueError(f"“{last}” is not a date such as 2026-11-20.") from None
    if day.year < FIRST_YEAR:
        raise ValueError(f"“{last}” is too early; choose a date from {FIRST_YEAR} on.")
    if hours not in (None, "open", "all"):
        raise ValueError(f"Hours are open or all, not “{hours}”.")
    return Period(number, min(day, today), zone, now, hours="all" if hours == "all" else "open")
