"""The pages of contents: all of them with their numbers, and one of them by day, hour, screen and place."""

import datetime as dt
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe

from analytics.numbers.buckets import day_start
from devices.managing.access import check_right, find_site, find_site_with
from devices.models import Site
from devices.rest.base import send_file
from devices.rules.roles import Right
from plays.experiments.reads import read_states
from plays.models import Content, Experiment, Screen
from plays.numbers.audience import as_broadsign, as_file, read_hours
from plays.numbers.contents import Numbers, Parts, Period, read_contents, read_parts
from plays.pages.forms import ContentForm

if TYPE_CHECKING:
    from devices.models import User

DAYS = (1, 7, 28, 90)
DEFAULT_DAYS = 28
MOST_LISTED = 200
"""Contents on the page; the API has all of them."""


@login_required
@require_safe
def contents(request: HttpRequest) -> HttpResponse:
    """Show the contents of a site with their numbers, and its experiments."""
    user = cast("User", request.user)
    sites = list(Site.objects.for_user(user))
    chosen = request.GET.get("site", "")
    site = next((each for each in sites if each.slug == chosen), None) or _site_with_contents(sites)
    context: dict[str, Any] = {"sites": sites, "site": site, "days_offered": DAYS, "days": chosen_days(request)}
    if site is not None:
        context |= _of_site(site, context["days"], user)
    return render(request, "plays/contents.html", context)


def _site_with_contents(sites: list[Site]) -> Site | None:
    first = Content.objects.filter(site__in=sites).order_by("site__name").values_list("site", flat=True).first()
    return next((site for site in sites if site.pk == first), sites[0] if sites else None)


def _of_site(site: Site, days: int, user: "User") -> dict[str, Any]:
    now = timezone.now()
    found = read_contents([site], last_days(site, days))
    known = Content.objects.filter(site=site).select_related("site").in_bulk(found)
    rows = [(known[key], numbers) for key, numbers in found.items() if key in known]
    # What is given an address is meant to be shown, and may be a mistake; the others were not shown in this time.
    added = Content.objects.filter(site=site, address__gt="").exclude(pk__in=found).select_related("site")
    rows += [(content, Numbers()) for content in added[: MOST_LISTED + 1]]
    rows.sort(key=lambda row: (-(row[1].attention_s or -1), row[0].name))
    experiments = list(Experiment.objects.filter(site=site).select_related("site", "screen")[:20])
    return {
        "rows": rows[:MOST_LISTED],
        "more": max(0, len(rows) - MOST_LISTED),
        "longest": max((numbers.attention_s or 0.0 for _, numbers in rows), default=0.0),
        "experiments": read_states(experiments, now=now),
        "has_screens": Screen.objects.filter(site=site).exists(),
        "may_change": Right.OPERATE in site.rights_of(user),
    }


def chosen_days(request: HttpRequest) -> int:
    """Return the number of days in the address, or the default for one that is not offered."""
    text = request.GET.get("days", "")
    return int(text) if text in map(str, DAYS) else DEFAULT_DAYS


def last_days(site: Site, days: int) -> Period:
    """Return the last local days of the site, today included."""
    dates = last_dates(site, days)
    return Period(day_start(dates[0], site.zone), day_start(dates[-1] + dt.timedelta(days=1), site.zone))


def last_dates(site: Site, days: int) -> Sequence[dt.date]:
    """Return the dates of the last local days of the site, by time; the last one is today."""
    today = timezone.now().astimezone(site.zone).date()
    return [today - number * dt.timedelta(days=1) for number in reversed(range(days))]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_content(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a content that no player has reported yet."""
    site = find_site_with(cast("User", request.user), slug, Right.OPERATE)
    form = ContentForm(request.POST or None, site=site)
    if request.method == "POST" and form.is_valid():
        made = form.save()
        messages.success(
            request, f"The content “{made}” is added. Choose it at a screen for “Shows otherwise”, or in an experiment."
        )
        return redirect(made)
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return render(request, "plays/content_form.html", {"site": site, "form": form}, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def content(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show a content by day, hour, screen and place in the sequence; operators rename it."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    found = get_object_or_404(Content.objects.filter(site=site).select_related("site"), pk=pk)
    problems: list[str] = []
    if request.method == "POST":
        check_right(user, site, Right.OPERATE)
        found.name = request.POST.get("name", "").strip()
        found.address = request.POST.get("address", "").strip()
        try:
            found.full_clean()
        except ValidationError as error:
            problems = error.messages
        else:
            found.save()
            messages.success(request, f"The content is called “{found.name}” now.")
            return redirect(found)
    days = chosen_days(request)
    parts = read_parts(found, last_days(site, days))
    screens = Screen.objects.in_bulk(parts.by_screen)
    context = {
        "site": site,
        "content": found,
        "problems": problems,
        "numbers": parts.whole,
        "days": days,
        "days_offered": DAYS,
        "by_day": sorted(parts.by_day.items(), reverse=True),
        "hours": _hours(parts),
        "by_position": sorted(parts.by_position.items()) if set(parts.by_position) - {0} else [],
        "by_screen": [(screens[key], numbers) for key, numbers in parts.by_screen.items() if key in screens],
        "may_change": Right.OPERATE in site.rights_of(user),
    }
    return render(request, "plays/content.html", context, status=400 if problems else 200)


def _hours(parts: Parts) -> list[tuple[int, Numbers, float]]:
    """Return each hour of the day with its numbers, and its attention per impression beside the highest one, 0 to 1."""
    highest = max((numbers.attention_s or 0.0 for numbers in parts.by_hour.values()), default=0.0)
    rows = [(hour, parts.by_hour.get(hour) or Numbers()) for hour in range(24)]
    return [(hour, numbers, (numbers.attention_s or 0.0) / highest if highest else 0.0) for hour, numbers in rows]


@login_required
@require_safe
def audience(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Send the hourly audience of each screen of the site as CSV; with `?for=excel` or `?for=broadsign`, as theirs."""
    site = find_site(cast("User", request.user), slug)
    hours = read_hours(site, last_dates(site, chosen_days(request)))
    whose = request.GET.get("for")
    if whose == "broadsign":
        return send_file(request, as_broadsign(hours), "csv", f"broadsign-{slugify(site.slug)}.csv")
    kind = "xlsx" if whose == "excel" else "csv"
    return send_file(request, as_file(kind, hours), kind, f"audience-{slugify(site.slug)}.{kind}")
