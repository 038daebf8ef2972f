"""The overview, the sites, and the pages of a site and of a device. What a user may not see is a 404."""

import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from analytics.numbers import periods, readings, rows
from analytics.pages import plot_groups, report
from analytics.pages.overview import sites_today
from analytics.plots import library
from devices.models import Device, QuarantinedMessage, Site
from edge_agent.vision.gestures import THUMBS_UP
from faces.models import Capture, State

LATEST_PICTURES = 12
LATEST_LOG_LINES = 20
LONGEST_LABEL = 64


@login_required
def overview(request: HttpRequest) -> HttpResponse:
    """Every site of the user with its devices and their day so far."""
    sites = sites_today(request.user, now=timezone.now())
    context = {
        "sites": sites,
        "devices": sum(len(site.devices) for site in sites),
        "uncounted": any(each.is_uncounted for site in sites for each in site.devices),
        "live": sum(site.live for site in sites),
        "thumbs_up": sum(site.thumbs_up for site in sites),
        "coffees": sum(site.coffees for site in sites),
    }
    return render(request, "analytics/overview.html", context)


@login_required
@require_safe
def site(request: HttpRequest, site: str) -> HttpResponse:
    """All devices of a site together, and each by itself: `?days=1|7|14|30`, `&to=YYYY-MM-DD`, `&label=`."""
    shown = get_object_or_404(Site.objects.for_user(request.user), slug=site)
    devices = list(Device.objects.filter(site=shown).select_related("site", "state").order_by("name"))
    period = period_of(request, shown.zone)
    label = label_of(request)
    each_device = rows.hours_and_before([([device], period) for device in devices], label=label)
    context = {
        "site": shown,
        "devices": devices,
        "states": [
            (device, device.latest_state, device.is_live(period.now), readings.total(hours))
            for device, (hours, _) in zip(devices, each_device, strict=True)
        ],
        "has_spoken": any(device.latest_state for device in devices),
        **_told(devices, period, label, {"site": shown.slug}),
    }
    return render(request, "analytics/site.html", context)


@login_required
@require_safe
def device(request: HttpRequest, site: str, name: str) -> HttpResponse:
    """A device over some days of its site: `?days=1|7|14|30`, `&to=YYYY-MM-DD` for a past period, `&label=`."""
    visible = Device.objects.for_user(request.user).select_related("site", "state")
    shown = get_object_or_404(visible, site__slug=site, name=name)
    period = period_of(request, shown.site.zone)
    context = {
        "device": shown,
        "state": shown.latest_state,
        "is_live": shown.is_live(period.now),
        "pictures": _latest_pictures(shown),
        "linked": Capture.objects.filter(device=shown, state=State.LINKED).count(),
        "log": shown.log.all()[:LATEST_LOG_LINES],
        "quarantined": QuarantinedMessage.objects.filter(device=shown, replayed_at=None).count(),
        **_told([shown], period, label_of(request), {"site": shown.site.slug, "device": shown.name}),
    }
    return render(request, "analytics/device.html", context)


@login_required
@require_safe
def site_plots(request: HttpRequest, site: str, group: str) -> HttpResponse:
    """A group of the plots of a site's page, for the same query."""
    shown = get_object_or_404(Site.objects.for_user(request.user), slug=site)
    return _plots(request, list(Device.objects.filter(site=shown)), shown, group)


@login_required
@require_safe
def device_plots(request: HttpRequest, site: str, name: str, group: str) -> HttpResponse:
    """A group of the plots of a device's page, for the same query."""
    shown = get_object_or_404(Device.objects.for_user(request.user).select_related("site"), site__slug=site, name=name)
    return _plots(request, [shown], shown.site, group)


def _plots(request: HttpRequest, devices: Sequence[Device], site: Site, group: str) -> HttpResponse:
    if group not in plot_groups.GROUPS:
        raise Http404("There is no such group of plots.")
    found = plot_groups.GROUPS[group](devices, period_of(request, site.zone), label_of(request))
    return render(request, "analytics/plots.html", {"plots": found})


def period_of(request: HttpRequest, zone: zoneinfo.ZoneInfo) -> periods.Period:
    """The period that the address asks for. Raises `Http404` with a sentence where it is none."""
    try:
        return periods.parse(request.GET.get("days"), request.GET.get("to"), zone=zone, now=timezone.now())
    except ValueError as error:
        raise Http404(str(error)) from None


def label_of(request: HttpRequest) -> str:
    """The label that the address asks for; thumbs-up, unless it says another one."""
    label = request.GET.get("label") or THUMBS_UP
    if len(label) > LONGEST_LABEL or "\x00" in label:
        raise Http404("No label is written like that.")
    return label


def period_links(period: periods.Period, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What `analytics/period.html` shows; `asked` is the rest of the page's query."""

    def address(days: int, to: object) -> str:
        values = {**asked, "days": days, "to": to}
        return "?" + urlencode({name: value for name, value in values.items() if value}, doseq=True)

    here = None if period.is_current else period.last
    return {
        "period": period,
        "periods": [(days, address(days, here)) for days in periods.DAYS],
        "older_period": address(period.days, period.older),
        "newer_period": address(period.days, period.newer) if period.newer else None,
    }


def _told(devices: Sequence[Device], period: periods.Period, label: str, place: Mapping[str, str]) -> dict[str, Any]:
    """What the pages of a site and of a device have in common."""
    told = report.report(devices, period, label=label)
    kind = "device" if "device" in place else "site"
    asked: dict[str, Any] = {"days": period.days, "label": label, **({} if period.is_current else {"to": period.last})}
    return {
        "now": period.now,
        "plotly": library.address(),
        "report": told,
        "zone": period.zone,
        "plots": [
            f"{reverse(f'{kind}-plots', args=[*place.values(), group])}?{urlencode(asked)}"
            for group in plot_groups.GROUPS
        ],
        "hours_as_csv": _hours_as_csv(place, period),
        "name": place.get("device") or place["site"],
        **period_links(period, {"label": None if label == THUMBS_UP else label}),
    }


def _latest_pictures(device: Device) -> QuerySet[Capture]:
    captures = Capture.objects.filter(device=device).exclude(state=State.LINKED).prefetch_related("sightings__person")
    return captures.order_by("-taken_at", "-pk")[:LATEST_PICTURES]


def _hours_as_csv(place: Mapping[str, str], period: periods.Period) -> str:
    stretch = {"from": period.start.isoformat(), "to": period.end.isoformat(), "bucket": "hour", "format": "csv"}
    return f"{reverse('engagement-list')}?{urlencode({**place, **stretch})}"
