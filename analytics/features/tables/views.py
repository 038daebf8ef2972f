"""The page of the tables of detections, across all sites of a user."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from analytics.features.tables.reads import DetectionTable, Sums, read_table
from analytics.models import OpeningPlan
from analytics.numbers.buckets import day_start, offsets
from analytics.numbers.measures import HOURS
from analytics.numbers.periods import Period
from analytics.pages import views
from analytics.plots import texts
from analytics.verdicts.metrics import UNKNOWN, format_number
from devices.models import Device, Site
from devices.storage.querysets import spots_of
from edge_agent.vision.gestures import THUMBS_UP

UTC = ZoneInfo("UTC")

NUMBERS = {"raw": "Raw", "distinct": "Distinct", "confidence": "Mean confidence"}
"""The numbers that a cell can show."""

MOST_DEVICE_HOURS = 100_000
"""The rows by hour are read for so many hours of devices at most: eleven devices for a year."""

MOST_COLUMNS = 12
"""With more devices, the columns of the days are the sites."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its name, and its cells as text."""

    name: str
    cells: Sequence[str]


@login_required
@require_safe
def tables(request: HttpRequest) -> HttpResponse:
    """Show the tables: `?site=`, `?device=`, `?label=`, `?number=raw|distinct|confidence`; and see `periods.parse`."""
    sites = list(Site.objects.for_user(request.user).order_by("name"))
    devices = list(Device.objects.filter(site__in=sites).select_related("site").order_by("site__name", "name"))
    site, device = request.GET.get("site") or "", request.GET.get("device") or ""
    number = request.GET.get("number") or "raw"
    if number not in NUMBERS:
        raise Http404(f"The tables show raw, distinct or confidence, not “{number}”.")
    if site and site not in {each.slug for each in sites}:
        raise Http404(f"You have no site “{site}”.")
    if device and not any(device == each.name and site in ("", each.site.slug) for each in devices):
        raise Http404(f"You have no device “{device}” there.")
    chosen = [each for each in devices if site in ("", each.site.slug) and device in ("", each.name)]
    zone = chosen[0].site.zone if chosen else UTC
    period = replace(views.parse_period(request, zone), is_calendar=True)
    spots = spots_of(chosen)
    by_hour = len(spots) * period.days * HOURS <= MOST_DEVICE_HOURS
    table = read_table(chosen, lambda each: _span(each, period), hours=period.hours, by_hour=by_hour)
    labels = [name for (name,) in table.by("label")]
    label = views.parse_label(request) if request.GET.get("label") or THUMBS_UP in labels or not labels else labels[0]
    of_label = table.only(lambda cell: cell["label"] == label)
    own = {"site": site, "device": device, "label": label}
    context = {
        "sites": sites,
        "site": site,
        "names": sorted({each.name for each in devices if site in ("", each.site.slug)}),
        "device": device,
        "labels": sorted({*labels, label}),
        "label": label,
        "numbers": [
            (key, name, "?" + urlencode({**_given(own), **period.parameters, "number": key}))
            for key, name in NUMBERS.items()
        ],
        "number": number,
        "by_label": _in_all("All labels", table.by("label"), table.by()),
        "by_device": _in_all("All devices", of_label.by("site", "device"), of_label.by()),
        "days": _days(of_label, number, by_site=len(spots) > MOST_COLUMNS),
        "hours": _hours(of_label, number) if by_hour else None,
        "clock_changes": _clock_changes({each.site.zone for each in chosen}, period) if by_hour else [],
        "hour_names": [f"{hour:02}" for hour in range(HOURS)],
        "files": {kind: _file(kind, site, device, label, period) for kind in ("csv", "xlsx")},
        "has_opening_hours": OpeningPlan.objects.for_user(request.user).exists(),
        **views.period_links(period, {**_given(own), "number": None if number == "raw" else number}),
    }
    return render(request, "analytics/tables.html", context)


def _given(parameters: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value}


def _span(device: Device, period: Period) -> tuple[dt.datetime, dt.datetime]:
    """Return the same local days at the device's site."""
    local = replace(period, zone=device.site.zone)
    return local.start, local.end


def _in_all(total: str, groups: dict[Any, Sums], everything: dict[Any, Sums]) -> list[Row]:
    rows = [Row(_name(key), _all_numbers(sums)) for key, sums in groups.items()]
    return [*rows, Row(total, _all_numbers(everything[()]))] if everything else []


def _name(key: Sequence[Any]) -> str:
    """A label, or a device with its site."""
    return str(key[0]) if len(key) == 1 else f"{key[1]}, {key[0]}"


def _all_numbers(sums: Sums) -> list[str]:
    return [_cell(sums, number) for number in NUMBERS]


def _cell(sums: Sums | None, number: str) -> str:
    if sums is None:
        return UNKNOWN
    if number == "confidence":
        return format_number("{:.1%}", sums.mean_confidence)
    return f"{sums.raw if number == 'raw' else sums.distinct:,}"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table with named columns."""

    columns: Sequence[str]
    rows: Sequence[Row]


def _days(table: DetectionTable, number: str, *, by_site: bool) -> Grid:
    """Return a row for each day, with all devices together and each by itself."""
    place = ("site",) if by_site else ("site", "device")
    columns = list(table.by(*place))
    cells = table.by(*place, "day")
    rows = [
        Row(texts.format_date(day), [_cell(sums, number), *(_cell(cells.get((*key, day)), number) for key in columns)])
        for (day,), sums in table.by("day").items()
    ]
    return Grid(["All", *(_name(key) for key in columns)], rows)


def _hours(table: DetectionTable, number: str) -> list[Row]:
    cells = table.by("day", "hour")
    return [
        Row(texts.format_date(day), [_cell(cells.get((day, hour)), number) for hour in range(HOURS)])
        for (day,) in table.by("day")
    ]


def _clock_changes(zones: Iterable[ZoneInfo], period: Period) -> list[str]:
    """Return a sentence for each day of the period on which clocks are set back or forward in one of the zones."""
    dates = [period.first + dt.timedelta(days=number) for number in range(period.days + 1)]
    found = set()
    for zone in zones:
        changes = offsets([day_start(date, zone) for date in dates], zone)
        for (_, before), (moment, after) in pairwise(changes):
            day = moment.astimezone(zone).date()
            what = "forward: one hour is missing" if after > before else "back: one column has two hours"
            found.add((day, f"On {texts.format_date(day)}, clocks are set {what}."))
    return [sentence for _, sentence in sorted(found)]


def _file(kind: str, site: str, device: str, label: str, period: Period) -> str:
    """Return the address of the same numbers, by device and day, as a file of this kind."""
    parameters = {
        "by": "site,device,label,day",
        "label": label,
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "hours": period.hours,
        "format": kind,
    }
    return f"{reverse('detection-table-list')}?{urlencode({**_given({'site': site, 'device': device}), **parameters})}"
