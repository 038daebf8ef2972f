"""The hourly audience of each screen: with all numbers, and as Broadsign imports it.

Broadsign's statistical audience is a CSV file in ASCII with a header row, commas, no quotes, and a point in numbers
(docs.broadsign.com, “Custom Statistical Audience”). Of its columns, A to N are mandatory, C to F are the schedule, and
O to AD may have genders and ages, which Headcount does not know: so nothing may stand beside A to N. The names of these
14 columns are those of a public program of a network that writes such files (neo-ooh/neo-api, BroadSignAudienceFile).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from devices.models import Site
from devices.rest import exports
from plays.models import ContentHour, Screen
from plays.numbers.contents import Numbers, add_up, shared_screens

if TYPE_CHECKING:
    import pyarrow

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
SCREENS_AT_ONCE = 500
LINES_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Hour:
    """A local hour of a day of a screen."""

    screen: Screen
    start: dt.datetime
    """Local time."""
    numbers: Numbers


def read_hours(site: Site, days: Iterable[dt.date]) -> Iterator[Hour]:
    """Yield the hours of these local days in which each screen of the site showed something: by day, screen and hour.

    A day of so many screens is in memory at a time, and takes one query. An hour that comes twice when clocks go back
    is one hour. To be read while it is written: the screens are those of the beginning.
    """
    screens = list(Screen.objects.filter(site=site).order_by("name", "pk"))
    devices = list(site.devices.order_by("pk").values_list("pk", flat=True))
    shared = shared_screens([site])
    for day in days:
        for start in range(0, len(screens), SCREENS_AT_ONCE):
            yield from _hours(site, day, screens[start : start + SCREENS_AT_ONCE], devices, shared)


def _hours(
    site: Site, day: dt.date, screens: Sequence[Screen], devices: Sequence[int], shared: Sequence[int]
) -> Iterator[Hour]:
    keys = [screen.pk for screen in screens]
    rows = ContentHour.objects.filter(device__in=devices, day=day, screen__in=keys)
    found: dict[tuple[int, int], Numbers] = defaultdict(Numbers)
    of_several = [screen for screen in shared if screen in keys]
    for (screen, hour), sums, squares in add_up(rows, of_several, "screen", "hour"):
        found[screen, hour].add(sums, squares)
    for screen in screens:
        for hour in range(24):
            if (screen.pk, hour) in found:
                start = dt.datetime.combine(day, dt.time(hour), site.zone)
                yield Hour(screen, start, found[screen.pk, hour])


def as_file(kind: str, hours: Iterable[Hour]) -> Iterator[bytes]:
    """Return the hours with all numbers as a file of this kind, "csv" or "xlsx", a row for each."""
    rows = (
        (
            *(hour.screen.external_id or str(hour.screen.pk), hour.screen.name, hour.start.date(), *_times(hour)[2:]),
            *(hour.numbers.impressions, hour.numbers.viewers, _rounded(hour.numbers.average_unit_audience)),
            *(round(hour.numbers.plays), round(hour.numbers.shown_s), _rounded(hour.numbers.coverage)),
        )
        for hour in hours
    )
    return exports.pieces_of(kind, rows, COLUMNS, _schema)


def _schema() -> "pyarrow.Schema":
    import pyarrow

    numbers = {"average_unit_audience": pyarrow.float64(), "coverage": pyarrow.float64(), "date": pyarrow.date32()}
    texts = dict.fromkeys(("screen_id", "screen", "start_time", "end_time"), pyarrow.string())
    return pyarrow.schema([(name, (numbers | texts).get(name, pyarrow.int64())) for name in COLUMNS])


def as_broadsign(hours: Iterable[Hour]) -> Iterator[bytes]:
    """Yield the hours as Broadsign's statistical audience. A screen's number is "display unit/frame".

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


def _lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    lines = (f"{','.join(row)}\r\n" for row in chain([header], rows))
    while some := "".join(islice(lines, LINES_AT_ONCE)):
        yield some.encode("ascii")


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


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
