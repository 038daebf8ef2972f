"""The period that a page shows, some local days of a site, and the period that it is compared with. Pure."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from analytics.numbers.buckets import Bucket, day_start

HoursOf = Literal["open", "all"]
"""Whether numbers are about the opening hours of sites that have some, or about all hours."""

Unit = Literal["today", "week", "month", "quarter", "year"]
"""A part of the calendar. One that is under way ends today."""

UNITS: tuple[Unit, ...] = get_args(Unit)
DAYS = (1, 7, 14, 30)
"""The numbers of days that pages offer; an address may have any number up to `MOST_DAYS`."""

DEFAULT_DAYS = 7
MOST_DAYS = 10 * 366
"""Ten years: the buckets grow with the period, so that a page has no more than some hundred of them."""

WEEK = 7
PAST_DAYS = 9 * WEEK
"""How many days are read for a comparison: two weeks, and seven before them that tell how much weeks differ anyway."""

MOST_DAYS_BY_HOUR = 31
"""Up to so many days, plots have hours."""

MOST_DAYS_BY_DAY = 92
"""Up to so many days (a quarter), tables have days; longer periods have weeks."""

MOST_DAYS_BY_WEEK = 366
"""Up to so many days (a year), tables have weeks and plots have days; longer periods have months."""

FIRST_YEAR = 2000
"""Earlier dates are typing mistakes: no device is that old."""

Days = tuple[dt.date, dt.date]
"""A first and a last local day."""


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
    unit: Unit | None = None
    """The part of the calendar that the period is, or is the past part of."""
    beside: Days | None = None
    """The days that the period is compared with; None for those before."""

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
    def first(self) -> dt.date:
        """The first day."""
        return self.last - dt.timedelta(days=self.days - 1)

    @property
    def start(self) -> dt.datetime:
        if self.is_rolling:
            return (self._next_hour() - dt.timedelta(days=1)).astimezone(self.zone)
        return self._midnight(self.first)

    @property
    def end(self) -> dt.datetime:
        if self.is_rolling:
            return self._next_hour().astimezone(self.zone)
        return self._midnight(self.last + dt.timedelta(days=1))

    @property
    def is_hourly(self) -> bool:
        """Whether its table and its plots of counts have hours: those of a single day."""
        return self.days == 1

    @property
    def has_hours(self) -> bool:
        """Whether its plot of engagement has hours; it has days otherwise."""
        return self.days <= MOST_DAYS_BY_HOUR

    @property
    def has_days(self) -> bool:
        """Whether its table has days (or hours); it has weeks or months otherwise."""
        return self.days <= MOST_DAYS_BY_DAY

    @property
    def has_months(self) -> bool:
        """Whether its table and its plots have months."""
        return self.days > MOST_DAYS_BY_WEEK

    @property
    def bucket_name(self) -> Bucket:
        """What a row of its table is: "hour", "day", "week" or "month"."""
        if self.has_months:
            return "month"
        return "hour" if self.is_hourly else "day" if self.has_days else "week"

    @property
    def plot_bucket(self) -> Bucket:
        """The buckets in which its engagement is read."""
        return "month" if self.has_months else "hour" if self.has_hours else "day"

    @property
    def previous_days(self) -> int:
        """How many days earlier the period before lies: a single day is compared with the same day of the week."""
        if self.calendar is not None:
            return (self.first - self._start_before()).days
        return max(self.days, WEEK)

    @property
    def calendar(self) -> Unit | None:
        """The unit, if the period is compared with the unit before: a day is compared with that of a week before."""
        return None if self.unit == "today" else self.unit

    @property
    def previous_start(self) -> dt.datetime:
        """The start of the period that it is compared with."""
        if self.beside is not None:
            return self._midnight(self.beside[0])
        if self.is_rolling:
            return self._earlier(self.start)
        return self._midnight(self.first - dt.timedelta(days=self.previous_days))

    @property
    def previous_end(self) -> dt.datetime:
        """The end of the period before: the same local time as `now` where the period is not over.

        So half a day is compared with half a day. A month under way is compared with the same part of the month before.
        """
        if self.beside is not None:
            return self._midnight(self.beside[1] + dt.timedelta(days=1))
        if self.is_current:
            earlier = self._earlier(self.now)
            return earlier if self.calendar is None else min(earlier, self.start)
        if self.calendar is not None:
            return self.start
        return self._midnight(self.last + dt.timedelta(days=1 - self.previous_days))

    @property
    def previous_name(self) -> str:
        """The period before as text, such as "the 7 days before"."""
        if self.beside is not None:
            return _name_days(*self.beside)
        if self.calendar is not None:
            return f"{'the same part of ' * (self._unit_end() > self.last)}the {self.calendar} before"
        if self.days == 1:
            return f"the same {'hours' if self.is_rolling else 'day'} a week before"
        return f"the {self.days:,} days before"

    @property
    def past_start(self) -> dt.datetime:
        """The start of the past that tells how much days and weeks differ anyway; both periods lie after it."""
        before = self.previous_start.astimezone(self.zone).date()
        return self._midnight(min(self.first, before, self.last - dt.timedelta(days=PAST_DAYS - 1)))

    @property
    def past_end(self) -> dt.datetime:
        """The end of what is read for comparisons; of a period that is under way, the end of its calendar week.

        The forecast of the week needs to know which hours are still to come.
        """
        end = self.end
        if self.is_current:
            end = self._midnight(self.today + dt.timedelta(days=WEEK - self.today.weekday()))
        return max(end, self.previous_end)

    @property
    def older(self) -> dt.date:
        """The last day of the period before."""
        return self.first - dt.timedelta(days=1)

    @property
    def newer(self) -> dt.date | None:
        """The last day of the period after, today at most; None where the period ends today."""
        if self.is_current:
            return None
        after = self.last + dt.timedelta(days=1)
        last = self.last + dt.timedelta(days=self.days) if self.calendar is None else _end(after, self.calendar)
        return min(self.today, last)

    @property
    def name(self) -> str:
        """The period as text, such as "14 – 20 Nov 2026", "Q4 2026 so far" or "Last 24 hours"."""
        if self.is_rolling:
            return "Last 24 hours"
        if self.unit in ("month", "quarter", "year"):
            names = {
                "month": f"{self.first:%B %Y}",
                "quarter": f"Q{(self.first.month + 2) // 3} {self.first.year}",
                "year": str(self.first.year),
            }
            return names[self.unit] + (" so far" if self._unit_end() > self.last else "")
        return _name_days(self.first, self.last)

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of an address that stand for this period; `parse` reads them."""
        found: dict[str, str] = {"period": self.unit} if self.unit is not None else {"days": str(self.days)}
        if not self.is_current:
            found["to"] = self.last.isoformat()
        if self.hours == "all":
            found["hours"] = "all"
        if self.beside is not None:
            found["beside"] = f"{self.beside[0].isoformat()}..{self.beside[1].isoformat()}"
        return found

    def _start_before(self) -> dt.date:
        return _start(self.first - dt.timedelta(days=1), self.unit or "week")

    def _unit_end(self) -> dt.date:
        return self.last if self.unit is None else _end(self.last, self.unit)

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


def parse(given: Mapping[str, Any], *, zone: zoneinfo.ZoneInfo, now: dt.datetime) -> Period:
    """Parse the parameters of a page's address.

        period=today|week|month|quarter|year   the part of the calendar that has the day `to`
        days=7                                 so many days, of which `to` is the last
        from=2026-01-01                        the days from this one to `to`
        to=2026-11-20                          by default, and at the latest, today
        hours=open|all
        beside=2026-01-01..2026-01-31          the days that the period is compared with
        beside_from=, beside_to=               the same, as a form sends it

    Without `period`, `days` and `from` the period has `DEFAULT_DAYS`. Raises `ValueError` with a sentence where a
    parameter is not valid.
    """
    today = now.astimezone(zone).date()
    last = min(today, _day(given.get("to") or today.isoformat()))
    hours, unit, days = given.get("hours") or "open", given.get("period") or None, given.get("days")
    if hours not in ("open", "all"):
        raise ValueError(f"Hours are open or all, not “{hours}”.")
    beside = _parse_beside(given, today)
    if unit is not None:
        if unit not in UNITS:
            raise ValueError(f"A period is today, week, month, quarter or year, not “{unit}”.")
        known: Unit = unit
        first = _start(last, known)
        last = min(today, _end(last, known))
        number = (last - first).days + 1
        return Period(number, last, zone, now, unit == "today", _hours(hours), known, beside)
    if given.get("from"):
        first = _day(given["from"])
        number = (last - first).days + 1
        if number < 1:
            raise ValueError(f"The period would begin on {first.isoformat()}, after its end on {last.isoformat()}.")
    else:
        number = DEFAULT_DAYS if days is None else int(days) if _is_number(days) else 0
    if not 1 <= number <= MOST_DAYS:
        asked = f"{number:,}" if number else f"“{days}”"
        raise ValueError(f"A period of {asked} days is not possible; choose 1 to {MOST_DAYS:,} days.")
    return Period(number, last, zone, now, False, _hours(hours), None, beside)


def _hours(text: str) -> HoursOf:
    return "all" if text == "all" else "open"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5


def _parse_beside(given: Mapping[str, Any], today: dt.date) -> Days | None:
    text = given.get("beside") or ""
    if not text and (given.get("beside_from") or given.get("beside_to")):
        text = f"{given.get('beside_from') or ''}..{given.get('beside_to') or ''}"
    if not text:
        return None
    first, separator, last = text.partition("..")
    if not separator or not first or not last:
        raise ValueError("The days to compare with need a first and a last day, such as 2026-01-01..2026-01-31.")
    days = _day(first), min(today, _day(last))
    number = (days[1] - days[0]).days + 1
    if not 1 <= number <= MOST_DAYS:
        raise ValueError(f"The days to compare with must be 1 to {MOST_DAYS:,} days, the first before the last.")
    return days


def _day(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"“{text}” is not a date such as 2026-11-20.") from None
    if day.year < FIRST_YEAR:
        raise ValueError(f"“{text}” is too early; choose a date from {FIRST_YEAR} on.")
    return day


def _start(day: dt.date, unit: Unit) -> dt.date:
    """Return the first day of the unit that has this day."""
    match unit:
        case "today":
            return day
        case "week":
            return day - dt.timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case "year":
            return day.replace(month=1, day=1)


_LONGEST = {"today": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}


def _end(day: dt.date, unit: Unit) -> dt.date:
    """Return the last day of the unit that has this day."""
    first = _start(day, unit)
    try:
        return _start(first + dt.timedelta(days=_LONGEST[unit]), unit) - dt.timedelta(days=1)
    except OverflowError:
        return dt.date.max


def _name_days(first: dt.date, last: dt.date) -> str:
    if first == last:
        return f"{last:%a} {last.day} {last:%b %Y}"
    month = "" if (first.year, first.month) == (last.year, last.month) else f" {first:%b}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day}{month}{year} – {last.day} {last:%b %Y}"
