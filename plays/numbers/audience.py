"""The hourly audience of each screen, as ad servers import it.

Broadsign's statistical audience is a CSV file in ASCII with a header row, commas, no quotes, and a point in numbers.
Each row is a stretch of a screen's schedule with the impressions of that stretch (docs.broadsign.com, “Statistical
Audience”, November 2026). Its template names the columns of a network, so that the columns here may need other names.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from devices.models import Site
from plays.models import ContentQuarter, Screen
from plays.numbers.contents import SUMS, Numbers, Period, cameras_of_screens

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
COLUMNS = (
    *("screen_id", "screen", "start_date", "end_date", "start_time", "end_time", *DAYS, "total_impressions"),
    *("viewers", "average_unit_audience", "plays", "shown_seconds", "coverage"),
)


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
    cameras = cameras_of_screens([site])
    devices = list(site.devices.order_by("pk").values_list("pk", flat=True))
    rows = ContentQuarter.objects.filter(
        device__in=devices, start__gte=period.start, start__lt=period.end, screen__in=list(screens)
    ).order_by()
    found: dict[tuple[int, dt.datetime], Numbers] = defaultdict(Numbers)
    for start, screen, *sums in rows.values_list("start", "screen", *SUMS):
        local = start.astimezone(site.zone).replace(minute=0)
        found[screen, local].add(sums, cameras.get(screen, 1))
    ordered = sorted(found.items(), key=lambda item: (screens[item[0][0]].name, item[0][1].timestamp()))
    return [Hour(screens[screen], start, numbers) for (screen, start), numbers in ordered]


def as_csv(hours: Sequence[Hour]) -> str:
    """Return the hours as a file: a line for each, in ASCII and without quotes."""
    lines = [",".join(COLUMNS)]
    for hour in hours:
        end = hour.start + dt.timedelta(minutes=59, seconds=59)
        flags = ["1" if day == hour.start.weekday() else "0" for day in range(len(DAYS))]
        numbers = hour.numbers
        lines.append(
            ",".join(
                [
                    _plain(hour.screen.external_id or str(hour.screen.pk)),
                    _plain(hour.screen.name),
                    f"{hour.start:%Y-%m-%d}",
                    f"{hour.start:%Y-%m-%d}",
                    f"{hour.start:%H:%M:%S}",
                    f"{end:%H:%M:%S}",
                    *flags,
                    str(numbers.impressions),
                    str(numbers.viewers),
                    _number(numbers.average_unit_audience),
                    str(round(numbers.plays)),
                    str(round(numbers.shown_s)),
                    _number(numbers.coverage),
                ]
            )
        )
    return "\r\n".join(lines) + "\r\n"


def _plain(text: str) -> str:
    """Return the text in ASCII, without what would need quotes, or would be a formula in a spreadsheet."""
    plain = text.encode("ascii", "replace").decode().replace(",", " ").replace('"', "'").strip()
    return plain.lstrip("=+-@") or "?"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
