"""The shared page itself, for whoever has its link, and the list of a site's shared pages for its members."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics.features.sharing import services
from analytics.models.shares import SharedPage
from analytics.numbers import periods
from analytics.pages.report import Report
from analytics.pages.views import first_day_later
from analytics.plots import library
from analytics.plots.period_figures import period_figures
from analytics.verdicts.period_numbers import read_plot_numbers, read_text_numbers
from devices.managing.access import check_right, find_site
from devices.models import Device
from devices.rules.roles import Right
from edge_agent.vision.gestures import THUMBS_UP

if TYPE_CHECKING:
    from devices.models import User


@never_cache
@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """Show the shared page: its numbers and plots, and no picture, name, log or link to another page."""
    page = _find(token)
    devices, period, label = _read(page)
    report = Report(read_text_numbers(devices, period, label=label))
    context = {
        "page": page,
        "is_shared": True,
        "name": page.device_name or page.site.slug,
        "about": f"{page.device_name}, {page.site}".strip(", "),
        "period": period,
        "now": period.now,
        "selected": devices,
        "plotly": library.address(),
        "report": report,
        "first_later": first_day_later(devices, period, report),
        "zone": period.zone,
        "plots": reverse("shared-plots", args=[token]),
        "day_query": "",
    }
    return _private(render(request, "analytics/sharing/shared.html", context))


@never_cache
@require_safe
def shared_plots(request: HttpRequest, token: str) -> HttpResponse:
    """Return the plots of the shared page as JSON in HTML."""
    devices, period, label = _read(_find(token))
    numbers = read_plot_numbers(devices, period, label=label)
    return _private(render(request, "analytics/plots.html", {"plots": period_figures(numbers)}))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def shared_pages(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the shared pages of a site, and the form for a new one: `?device=` and the period name the page.

    A POST makes a link.
    """
    user = cast("User", request.user)
    site = find_site(user, slug)
    given = request.POST if request.method == "POST" else request.GET
    made, link, errors = None, "", []
    if request.method == "POST":
        check_right(user, site, Right.OPERATE)
        try:
            made, text = services.share(
                name=given.get("name", ""),
                site=site,
                device_name=given.get("device", ""),
                parameters={name: given.get(name, "") for name in services.PARAMETERS},
                days=given.get("works_for", ""),
                by=user,
                now=timezone.now(),
            )
            link = request.build_absolute_uri(reverse("shared", args=[text]))
        except ValidationError as error:
            errors = error.messages
    chosen = {name: given[name] for name in services.PARAMETERS if given.get(name)}
    context = {
        "site": site,
        "pages": [(page, _name(page)) for page in SharedPage.objects.filter(site=site).select_related("created_by")],
        "names": sorted(set(Device.objects.filter(site=site).values_list("name", flat=True))),
        "device": given.get("device", ""),
        "chosen": chosen,
        "period_name": _period_name(chosen, site),
        "may_change": Right.OPERATE in site.rights_of(user),
        "made": made,
        "link": link,
        "errors": errors,
        "typed": given if errors else {},
        "days_offered": services.DAYS_OFFERED,
        "now": timezone.now(),
    }
    status = HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK
    return render(request, "analytics/sharing/list.html", context, status=status)


@login_required
@require_POST
def revoke(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Revoke a shared page of the site."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    page = get_object_or_404(SharedPage, pk=pk, site=site)
    services.revoke(page=page, by=user)
    messages.success(request, f"The link for “{page}” opens nothing from now on.")
    return redirect("shared-pages", site.slug)


def _find(token: str) -> SharedPage:
    page = services.find(token=token, now=timezone.now())
    if page is None:
        raise Http404("This link was revoked or has expired. Ask whoever gave it to you for a new one.")
    return page


def _read(page: SharedPage) -> tuple[Sequence[Device], periods.Period, str]:
    devices = Device.objects.filter(site=page.site).select_related("site")
    if page.device_name:
        devices = devices.filter(name=page.device_name)
    found = list(devices)
    if not found:
        raise Http404("The camera of this page is no longer there.")
    period = periods.parse(page.parameters, zone=page.site.zone, now=timezone.now())
    return found, period, str(page.parameters.get("label") or THUMBS_UP)


def _name(page: SharedPage) -> str:
    place = page.device_name or "the whole site"
    return f"{place}, {_period_name(page.parameters, page.site)}"


def _period_name(parameters: dict[str, Any], site: Any) -> str:
    """Return what the period shows now, and whether it moves on with the days: a month that is over does not."""
    try:
        period = periods.parse(parameters, zone=site.zone, now=timezone.now())
    except ValueError as error:
        return str(error)
    return period.name if {"from", "to"} & set(parameters) else f"{period.name}, moving on with the days"


def _private(response: HttpResponse) -> HttpResponse:
    """Keep the link out of search engines, and out of the addresses that other hosts are told."""
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response
