"""The list of sites, and sites and devices side by side."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics.features.comparing.places import (
    MOST,
    ComparedPlace,
    PlaceNumbers,
    comparison_figures,
    read_place_numbers,
    typical_day,
)
from analytics.models import OpeningPlan
from analytics.pages import views
from analytics.plots import library
from analytics.plots.distributions import PLACE_STYLES
from analytics.verdicts.period_numbers import read_totals
from devices.models import Device, Site
from devices.pages.live import shared
from devices.storage.querysets import spots_of
from edge_agent.vision.gestures import THUMBS_UP

if TYPE_CHECKING:
    from devices.models import User

UTC = ZoneInfo("UTC")

SITES_OF_PAGE = 50


@login_required
@require_safe
def sites(request: HttpRequest) -> HttpResponse:
    """The user's sites with their numbers over some days of each: see `periods.parse`; `?page=`."""
    known = _subjects(cast("User", request.user))
    every = [subject for key, subject in known.items() if "/" not in key]
    page = Paginator(every, SITES_OF_PAGE).get_page(request.GET.get("page"))
    subjects = list(page)
    period = views.parse_period(request, every[0].zone if every else UTC)
    label = views.parse_label(request)
    totals = read_totals([(each.devices, replace(period, zone=each.zone)) for each in subjects], label=label)
    context = {
        "rows": [(each, total, *_live_and_open(each)) for each, total in zip(subjects, totals, strict=True)],
        "page": page,
        "label": label,
        "has_opening_hours": OpeningPlan.objects.for_user(request.user).exists(),
        **views.period_links(period, {}),
    }
    return render(request, "analytics/sites.html", context)


@login_required
@require_safe
@shared
def compare(request: HttpRequest) -> HttpResponse:
    """Up to four places side by side: `?place=seattle&place=chicago/Chicago01`, `&by=local|instant`, `&days=`, `&to=`.

    By local hour each place is shown over the same days of its own clock, by instant over the same stretch of time.
    """
    known = _subjects(cast("User", request.user))
    chosen = _chosen(request.GET.getlist("place"), known)
    by = request.GET.get("by", "local")
    if by not in ("local", "instant"):
        raise Http404(f"Places are compared by local or by instant, not by “{by}”.")
    subjects = [known[key] for key in chosen]
    period = views.parse_period(request, subjects[0].zone if subjects else UTC)
    if by == "local":
        period = replace(period, is_calendar=True)
    label = views.parse_label(request)
    found = read_place_numbers(subjects, period, label=label, instant=by == "instant")
    with_visits = any(each.visits is not None for each in found)
    asked = {"place": chosen, "by": by, "label": None if label == THUMBS_UP else label}
    context = {
        "known": known,
        "chosen": chosen,
        "by": by,
        "most": MOST,
        "found": list(
            zip(found, _numbered(found, period.now), [each.sentence for each in found], PLACE_STYLES, strict=False)
        ),
        "readings": list(zip(*(each.readings(with_visits=with_visits) for each in found), strict=True)),
        "typical": typical_day(found),
        "plotly": library.address(),
        "has_opening_hours": OpeningPlan.objects.for_user(request.user).exists(),
        **views.period_links(period, asked),
    }
    return render(request, "analytics/compare.html", context)


def _numbered(found: Sequence[PlaceNumbers], now: Any) -> list[tuple[str, Any]]:
    """The figures with the ids that the page gives them."""
    return [(f"place-{number}-figure", each) for number, each in enumerate(comparison_figures(found, now=now), start=1)]


def _subjects(user: "User") -> dict[str, ComparedPlace]:
    """Every site of the user, and every device as site/device, by what stands for it in the address."""
    devices: dict[str, list[Device]] = {}
    for device in Device.objects.for_user(user).select_related("site", "thing__state").order_by("name"):
        devices.setdefault(device.site.slug, []).append(device)
    found: dict[str, ComparedPlace] = {}
    for site in Site.objects.for_user(user).order_by("name"):
        own = devices.get(site.slug, [])
        found[site.slug] = ComparedPlace(site.name, reverse("site", args=[site.slug]), own, site.zone)
        for spot in spots_of(own):
            device, name = spot.latest, f"{spot.latest.name}, {site.name}"
            found[f"{site.slug}/{device.name}"] = ComparedPlace(
                name, device.get_absolute_url(), spot.devices, site.zone
            )
    return found


def _chosen(wanted: Sequence[str], known: dict[str, ComparedPlace]) -> list[str]:
    """Return the keys of the places to compare: those in the address, or the sites, or a single site's devices."""
    for key in wanted:
        if key not in known:
            raise Http404(f"You have no place “{key}”.")
    if wanted:
        return list(dict.fromkeys(wanted))[:MOST]
    sites = [key for key in known if "/" not in key]
    return (sites if len(sites) > 1 else [key for key in known if "/" in key] or sites)[:MOST]


def _live_and_open(each: ComparedPlace) -> tuple[int, int]:
    """Return how many devices of the place are live, and how many are there."""
    now = timezone.now()
    there = [device for device in each.devices if device.is_open]
    return sum(device.is_live(now) for device in there), len(there)
