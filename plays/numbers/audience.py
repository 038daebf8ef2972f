"""The hourly audience of each screen: with all numbers, and as Broadsign imports it.

Broadsign's statistical audience is a CSV file in ASCII with a header row, commas, no quotes, and a point in numbers
(docs.broadsign.com, “Custom Statistical Audience”). Of its columns, A to N are mandatory, C to F are the schedule, and
O to AD may have genders and ages, which Headcount does not know: so nothing may stand beside A to N. The names of these
14 columns are those of a public program of a network that writes such files (neo-ooh/neo-api, BroadSignAudienceFile).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from devices.models import Site
from plays.models import ContentQuarter, Screen
from plays.numbers.contents import Numbers, Period, add_up, shared_screens

COLUMNS = (
    *("screen_id", "screen", "date", "start_time", "end_time", "impressions", "viewers", "average_unit_audience"),
    *("plays", "shown_seconds", "coverage"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BROADSIGN = (
    *("Display Unit Id", "Frame Id", "Start Date", "End Date", "Start Time", "End Time", *DAYS),
    "Total Impressions per hour",
)

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Hour:
    """A local hour of a day of a screen."""

    screen: Screen
    start: dt.datetime
    """Local time."""
    numbers: Numbers


def read_hours(site: Site, period: Period) -> list[Hour]:
    """Read the hours in which each screen of the site showed something, by screen and time; in three queries."""
    screens = {screen.pk: screen for screen in Screen.objects.filter(site=site).order_by("name")}
    devices = list(site.devices.order_by("pk").values_list("pk", flat=True))
    rows = ContentQuarter.objects.filter(
        device__in=devices, start__gte=period.start, start__lt=period.end, screen__in=list(screens)
    )
    found: dict[tuple[int, dt.datetime], Numbers] = defaultdict(Numbers)
    for (start, screen), sums, squares in add_up(rows, shared_screens([site]), "start", "screen"):
        found[screen, start.astimezone(site.zone).replace(minute=0)].add(sums, squares)
    ordered = sorted(found.items(), key=lambda item: (screens[item[0][0]].name, item[0][1].timestamp()))
    return [Hour(screens[screen], start, numbers) for (screen, start), numbers in ordered]


def as_csv(hours: Sequence[Hour]) -> str:
    """Return the hours with all numbers: a line for each, in ASCII and without quotes."""
    return _lines(
        COLUMNS,
        (
            (
                *(_plain(hour.screen.external_id or str(hour.screen.pk)), _plain(hour.screen.name)),
                *_times(hour)[1:],
                *(str(hour.numbers.impressions), str(hour.numbers.viewers)),
                _number(hour.numbers.average_unit_audience),
                *(str(round(hour.numbers.plays)), str(round(hour.numbers.shown_s)), _number(hour.numbers.coverage)),
            )
            for hour in hours
        ),
    )


def as_broadsign(hours: Sequence[Hour]) -> str:
    """Return the hours as Broadsign's statistical audience. A screen's number is "display unit/frame".

    Broadsign multiplies the impressions of an hour by the time that something played. So they are those of an hour that
    is filled and seen whole; hours that no camera saw are left out.
    """
    return _lines(
        BROADSIGN,
        (
            (
                *_unit_and_frame(hour.screen),
                *_times(hour),
                *("1" if day == hour.start.weekday() else "0" for day in range(len(DAYS))),
                str(round(hour.numbers.impressions * HOUR_MS / hour.numbers.seen_ms)),
            )
            for hour in hours
            if hour.numbers.seen_ms > 0
        ),
    )


def _lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"{','.join(row)}\r\n" for row in (header, *rows))


def _times(hour: Hour) -> tuple[str, str, str, str]:
    """Return the dates and the times of the hour's start and end."""
    end = hour.start + dt.timedelta(minutes=59, seconds=59)
    return f"{hour.start:%Y-%m-%d}", f"{end:%Y-%m-%d}", f"{hour.start:%H:%M:%S}", f"{end:%H:%M:%S}"


def _unit_and_frame(screen: Screen) -> tuple[str, str]:
    unit, _, frame = (screen.external_id or str(screen.pk)).partition("/")
    return _plain(unit), _plain(frame)


def _plain(text: str) -> str:
    """Return the text in ASCII, without what would need quotes, or would be a formula in a spreadsheet."""
    plain = text.encode("ascii", "replace").decode().replace(",", " ").replace('"', "'").strip()
    return plain.lstrip("=+-@") or "?"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
