"""The stretch of time that a device's page shows: some days of the site, up to a day, and those before to compare."""

import datetime as dt
import zoneinfo
from dataclasses import dataclass

from analytics.numbers.buckets import day_start

DAYS = (1, 7, 14, 30)
DEFAULT_DAYS = 7
FIRST_YEAR = 2000
"""No device is older; dates before it are typing mistakes."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days of a site's zone; `last` is the last of them. A single day that is today means the last 24 hours."""

    days: int
    last: dt.date
    zone: zoneinfo.ZoneInfo
    now: dt.datetime
    is_calendar: bool = False
    """Today is today then, from midnight to midnight."""

    @property
    def is_rolling(self) -> bool:
        return self.days == 1 and self.is_current and not self.is_calendar

    @property
    def is_current(self) -> bool:
        return self.last == self.today

    @property
    def today(self) -> dt.date:
        return self.now.astimezone(self.zone).date()

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
    def previous_start(self) -> dt.datetime:
        if self.is_rolling:
            return (self._next_hour() - dt.timedelta(days=2)).astimezone(self.zone)
        return self._midnight(self.last - dt.timedelta(days=2 * self.days - 1))

    @property
    def previous_end(self) -> dt.datetime:
        """The same time of day in the previous period, so that a half day is compared with a half day."""
        if not self.is_current:
            return self.start
        local = self.now.astimezone(self.zone).replace(tzinfo=None) - dt.timedelta(days=self.days)
        return local.replace(tzinfo=self.zone)

    @property
    def older(self) -> dt.date:
        return self.last - dt.timedelta(days=self.days)

    @property
    def newer(self) -> dt.date | None:
        return None if self.is_current else min(self.today, self.last + dt.timedelta(days=self.days))

    @property
    def name(self) -> str:
        """Such as "14 - 20 Nov 2026"."""
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
        # In UTC, for in the local time the hour after a clock change may be another than the next.
        return self.now.astimezone(dt.UTC) - into_hour + dt.timedelta(hours=1)

    def _midnight(self, day: dt.date) -> dt.datetime:
        return day_start(day, self.zone).astimezone(self.zone)


def parse(days: str | None, last: str | None, *, zone: zoneinfo.ZoneInfo, now: dt.datetime) -> Period:
    """The period that an address asks for; `last` as YYYY-MM-DD, today where it lies ahead or is missing.

    Raises `ValueError` with a sentence where one of them is none.
    """
    today = now.astimezone(zone).date()
    number = DEFAULT_DAYS if days is None else int(days) if days.isdecimal() else 0
    if number not in DAYS:
        raise ValueError(f"“{days}” days cannot be shown; 1, 7, 14 and 30 can.")
    try:
        day = today if last is None else dt.date.fromisoformat(last)
    except ValueError:
        raise ValueError(f"“{last}” is not a date such as 2026-11-20.") from None
    if day.year < FIRST_YEAR:
        raise ValueError(f"Nothing is known of the time before {FIRST_YEAR}.")
    return Period(number, min(day, today), zone, now)
