"""The overview, and the pages of a site and of a device; a site that a user may not see is a 404."""

import datetime
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from analytics.models import EngagementQuarter, OpeningPlan
from analytics.numbers import periods
from analytics.pages.overview import first_screen
from analytics.pages.report import Report
from analytics.plots import library
from analytics.plots.period_figures import period_figures
from analytics.verdicts.period_numbers import read_plot_numbers, read_text_numbers
from devices.models import Device, DeviceLog, QuarantinedMessage, Site
from devices.pages.live import shared
from devices.pages.looked_for import describe_sought
from devices.rules.roles import Right
from devices.storage.querysets import Spot, spots_of
from edge_agent.vision.gestures import THUMBS_UP
from faces.models import Capture, State

if TYPE_CHECKING:
    from devices.models import User

MOST_MATTERS = 12
"""More are counted: a list that nobody reads to its end helps nobody."""

SPOTS_OF_PAGE = 100
"""Rows of the table of a site's devices."""

LATEST_PICTURES = 12
LATEST_LOG_LINES = 20
LONGEST_LABEL = 64


@login_required
@shared
def overview(request: HttpRequest) -> HttpResponse:
    """Show how many came today and whether that is normal, what needs a hand, and each site with its devices."""
    found = first_screen(request.user, now=timezone.now(), page=request.GET.get("page"))
    sites = found.sites
    context = {
        "sites": [(site, found.outlooks[site.site.pk], found.weeks.get(site.site.pk)) for site in sites],
        "totals": found.totals,
        "is_partial": found.is_partial,
        "page": found.page,
        "matters": found.matters[:MOST_MATTERS],
        "more_matters": max(0, len(found.matters) - MOST_MATTERS),
        "has_devices": any(site.devices for site in sites),
        "uncounted": any(each.is_uncounted for site in sites for each in site.devices),
    }
    return render(request, "analytics/overview.html", context)


@login_required
@require_safe
@shared
def site(request: HttpRequest, site: str) -> HttpResponse:
    """Show a site's devices together, and the totals of each: see `periods.parse`; and `?label=`."""
    found = get_object_or_404(Site.objects.for_user(request.user), slug=site)
    devices = list(Device.objects.filter(site=found).select_related("site", "thing__state").order_by("name"))
    period = parse_period(request, found.zone)
    label = parse_label(request)
    spots = spots_of(devices)
    shown = [spot for spot in spots if any(device.overlaps(period.start, period.end) for device in spot.devices)]
    page = Paginator(shown, SPOTS_OF_PAGE).get_page(request.GET.get("page"))
    common = _common_context(devices, period, label, {"site": found.slug}, parts=[spot.devices for spot in page])
    totals = common["report"].numbers.parts
    context = {
        "site": found,
        "devices": [spot.latest for spot in spots if spot.latest.is_open],
        "former": [spot.latest for spot in spots if not spot.latest.is_open and spot not in shown],
        "states": [
            (spot.latest, spot.latest.latest_state, spot.latest.is_live(period.now), total)
            for spot, total in zip(page, totals, strict=True)
        ],
        "page": page,
        "may_operate": found.allows(cast("User", request.user), Right.OPERATE),
        "has_sent": any(device.was_heard or not device.is_open for device in devices),
        **common,
    }
    return render(request, "analytics/site.html", context)


@login_required
@require_safe
@shared
def device(request: HttpRequest, site: str, name: str) -> HttpResponse:
    """Show a device over some local days of its site: see `periods.parse`; and `?label=`."""
    spot = _spot(request, site, name)
    devices, found = spot.devices, spot.latest
    period = parse_period(request, found.site.zone)
    context = {
        "device": found,
        "may_operate": found.site.allows(cast("User", request.user), Right.OPERATE),
        "former": devices[1:],
        "state": found.latest_state,
        "is_live": found.is_live(period.now),
        "sought": describe_sought(found),
        "pictures": _latest_pictures(devices),
        "linked": Capture.objects.filter(device__in=devices, state=State.LINKED).count(),
        "log": DeviceLog.objects.filter(device__in=devices)[:LATEST_LOG_LINES],
        "quarantined": QuarantinedMessage.objects.filter(device__in=devices, replayed_at=None).count(),
        **_common_context(devices, period, parse_label(request), {"site": found.site.slug, "device": found.name}),
    }
    return render(request, "analytics/device.html", context)


@login_required
@require_safe
def site_plots(request: HttpRequest, site: str) -> HttpResponse:
    """Return the plots of a site's page as JSON in HTML, for the query of that page."""
    found = get_object_or_404(Site.objects.for_user(request.user), slug=site)
    return _plots(request, list(Device.objects.filter(site=found)), found)


@login_required
@require_safe
def device_plots(request: HttpRequest, site: str, name: str) -> HttpResponse:
    """Return the plots of a device's page as JSON in HTML, for the query of that page."""
    spot = _spot(request, site, name)
    return _plots(request, spot.devices, spot.latest.site)


def _spot(request: HttpRequest, site: str, name: str) -> Spot:
    """Return the spot of this name with all devices that were ever there. Raises `Http404`."""
    visible = Device.objects.for_user(request.user).select_related("site", "thing__state")
    spots = visible.filter(site__slug=site, name=name).spots()
    if not spots:
        raise Http404(f"You have no device “{name}” at the site “{site}”.")
    return spots[0]


def _plots(request: HttpRequest, devices: Sequence[Device], site: Site) -> HttpResponse:
    numbers = read_plot_numbers(devices, parse_period(request, site.zone), label=parse_label(request))
    return render(request, "analytics/plots.html", {"plots": period_figures(numbers)})


def parse_period(request: HttpRequest, zone: zoneinfo.ZoneInfo) -> periods.Period:
    """Parse the period in the address. Raises `Http404` with a sentence where it is not valid."""
    try:
        return periods.parse(request.GET, zone=zone, now=timezone.now())
    except ValueError as error:
        raise Http404(str(error)) from None


def parse_label(request: HttpRequest) -> str:
    """Parse the label in the address, by default thumbs-up. Raises `Http404` where it cannot be a label."""
    label = request.GET.get("label") or THUMBS_UP
    if len(label) > LONGEST_LABEL or "\x00" in label:
        raise Http404(f"A label has at most {LONGEST_LABEL} characters, none of them a zero byte.")
    return label


def period_links(period: periods.Period, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context of `analytics/period.html`; `parameters` are the others of the page's query."""

    others = {name: value for name, value in parameters.items() if value}
    own = period.parameters

    def address(**changed: object) -> str:
        values = {**others, **own, **changed}
        return "?" + urlencode({name: value for name, value in values.items() if value}, doseq=True)

    alone = {"period": None, "days": None, "beside": None}
    return {
        "period": period,
        "period_query": urlencode(own),
        "period_parameters": own,
        "other_parameters": [
            (name, each) for name, value in others.items() for each in (value if isinstance(value, list) else [value])
        ],
        "periods": [(days, address(**alone | {"days": days})) for days in periods.DAYS],
        "units": [(unit, address(**alone | {"period": unit})) for unit in periods.UNITS],
        # Other days are compared with the days before them.
        "older_period": address(to=period.older, beside=None),
        "newer_period": address(to=period.newer, beside=None) if period.newer else None,
        "open_hours": address(hours=None),
        "all_hours": address(hours="all"),
        "without_beside": address(beside=None),
        "first_day": datetime.date(periods.FIRST_YEAR, 1, 1),
    }


def _common_context(
    devices: Sequence[Device],
    period: periods.Period,
    label: str,
    place: Mapping[str, str],
    parts: Sequence[Sequence[Device]] = (),
) -> dict[str, Any]:
    """Return the context that the pages of a site and of a device have in common; see `read_text_numbers`."""
    kind = "device" if "device" in place else "site"
    parameters = {**period.parameters, "label": label}
    report = Report(read_text_numbers(devices, period, label=label, parts=parts))
    return {
        "now": period.now,
        "selected": devices,
        "plotly": library.address(),
        "report": report,
        "first_later": first_day_later(devices, period, report),
        "zone": period.zone,
        "plots": f"{reverse(f'{kind}-plots', args=[*place.values()])}?{urlencode(parameters)}",
        "hours_as": {kind: _hours_as(kind, place, period) for kind in ("csv", "xlsx")},
        "day_query": _day_query(period),
        "has_opening_hours": OpeningPlan.objects.filter(site__slug=place["site"]).exists(),
        "name": "-".join(place.values()),
        "about": _about(devices, place),
        **period_links(period, {"label": None if label == THUMBS_UP else label}),
    }


def first_day_later(devices: Sequence[Device], period: periods.Period, report: Report) -> datetime.date | None:
    """Return the local day of the devices' first frame if it lies after the period; None otherwise.

    Makes a query only where no device was on in the period.
    """
    if report.total.engagement.minutes_seen:
        return None
    quarters = EngagementQuarter.objects.filter(device__in=[device.pk for device in devices]).order_by("start")
    first: datetime.datetime | None = quarters.values_list("start", flat=True).first()
    return first.astimezone(period.zone).date() if first is not None and first >= period.end else None


def _about(devices: Sequence[Device], place: Mapping[str, str]) -> str:
    """Return what a saved plot says of its place: "Seattle01, Seattle"."""
    site = devices[0].site.name if devices else place["site"]
    return f"{place['device']}, {site}" if "device" in place else site


def _day_query(period: periods.Period) -> str:
    """Return the query of the links to single days; empty where the rows are no days."""
    if period.is_hourly or not period.has_days:
        return ""
    return "days=1" if period.hours == "open" else "days=1&hours=all"


def _latest_pictures(devices: Sequence[Device]) -> QuerySet[Capture]:
    captures = (
        Capture.objects.filter(device__in=devices).exclude(state=State.LINKED).prefetch_related("sightings__person")
    )
    return captures.order_by("-taken_at", "-pk")[:LATEST_PICTURES]


def _hours_as(kind: str, place: Mapping[str, str], period: periods.Period) -> str:
    """Return the address of the hours of the period as a file of this kind."""
    parameters = {"from": period.start.isoformat(), "to": period.end.isoformat(), "bucket": "hour", "format": kind}
    parameters["hours"] = period.hours
    return f"{reverse('engagement-list')}?{urlencode({**place, **parameters})}"
