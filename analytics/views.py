"""The overview and the page of a device. What a user may not see is a 404."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from analytics import charts, headlines, periods, plotly, reads
from analytics.overview import THUMBS_UP, sites_today
from devices.models import Device, DeviceState, QuarantinedMessage
from faces.models import Capture, State

LATEST_PICTURES = 12
LATEST_LOG_LINES = 20


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
def device(request: HttpRequest, site: str, name: str) -> HttpResponse:
    """A device over some days of its site: `?days=1|7|14|30`, and `&to=YYYY-MM-DD` for a past period."""
    visible = Device.objects.for_user(request.user).select_related("site", "state")
    shown = get_object_or_404(visible, site__slug=site, name=name)
    now = timezone.now()
    try:
        period = periods.parse(request.GET.get("days"), request.GET.get("to"), zone=shown.site.zone, now=now)
    except ValueError as error:
        raise Http404(str(error)) from None
    state: DeviceState | None = getattr(shown, "state", None)
    context = {
        "device": shown,
        "state": state,
        "is_live": state is not None and state.is_live(now),
        "now": now,
        "period": period,
        "choices": periods.DAYS,
        "plotly": plotly.address(),
        "pictures": _latest_pictures(shown),
        "linked": Capture.objects.filter(device=shown, state=State.LINKED).count(),
        "log": shown.log.all()[:LATEST_LOG_LINES],
        "quarantined": QuarantinedMessage.objects.filter(device=shown, replayed_at=None).count(),
        "hours_as_csv": _hours_as_csv(shown, period),
        **_plots(shown, period),
    }
    return render(request, "analytics/device.html", context)


def _plots(device: Device, period: periods.Period) -> dict[str, Any]:
    """The period's figures, readings and table, from one read of the engagement and one of the thumbs-up."""
    zone, start, end, now = period.zone, period.previous_start, period.end, period.now
    seen = reads.engagement([device], zone=zone, start=start, end=end, bucket="hour", now=now)
    counted = reads.counts([device], label=THUMBS_UP, zone=zone, start=start, end=end, bucket="hour")
    rows = headlines.by_hour(seen, counted)
    current = [row for row in rows if row.camera.start.timestamp() >= period.start.timestamp()]
    earlier = [row for row in rows if row.camera.start.timestamp() < period.previous_end.timestamp()]
    hours, thumbs_up = [row.camera for row in current], [row.thumbs_up for row in current]
    whole = headlines.total(current)
    figures = {
        "engagement_figure": charts.engagement_figure(hours, now=now),
        "hourly_figure": charts.count_figure(thumbs_up, hours, now=now),
        "whole": whole,
        "readings": headlines.readings(whole, headlines.total(earlier)),
        "sentence": charts.sentence(hours),
        "uncounted": charts.Showing.UNCOUNTED in map(charts.showing, hours),
        "rows": current,
    }
    if period.days > 1:
        days = headlines.by_day(current)
        figures["rows"] = days
        figures["daily_figure"] = charts.count_figure(
            [day.thumbs_up for day in days], [day.camera for day in days], now=now
        )
    return figures


def _latest_pictures(device: Device) -> QuerySet[Capture]:
    captures = Capture.objects.filter(device=device).exclude(state=State.LINKED).prefetch_related("sightings__person")
    return captures.order_by("-taken_at", "-pk")[:LATEST_PICTURES]


def _hours_as_csv(device: Device, period: periods.Period) -> str:
    wanted = {
        "site": device.site.slug,
        "device": device.name,
        "from": period.start.isoformat(),
        "to": period.end.isoformat(),
        "bucket": "hour",
        "format": "csv",
    }
    return f"{reverse('engagement-list')}?{urlencode(wanted)}"
