"""Pages about pictures and people."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from devices.models import Site
from faces import links, pictures, querysets
from faces.models import Capture, Mode

PERIOD_NAMES: dict[querysets.Period, str] = {
    "today": "Today",
    "week": "This week",
    "month": "This month",
    "all": "All time",
}


@require_safe
def capture_image(request: HttpRequest, pk: uuid.UUID, link: str) -> FileResponse:
    """The capture's picture, by a link that was made for this session; for strangers to its site there is none."""
    capture = get_object_or_404(Capture.objects.all().for_user(request.user), pk=pk)
    return picture_response(request, capture, link)


def picture_response(request: HttpRequest | Request, capture: Capture, link: str) -> FileResponse:
    """The picture as a JPEG that no shared cache may keep, nor a browser for longer than the link lasts.

    Raises `Http404` where the link does not open it, and where there is none.
    """
    if not links.is_open(link, capture.pk, bearer=links.bearer(request), now=timezone.now()):
        raise Http404(links.EXPIRED)
    try:
        file = pictures.opened(capture)
    except FileNotFoundError:
        raise Http404("The picture is not here any more.") from None
    headers = {"Cache-Control": f"private, max-age={links.LASTS.seconds}"}
    return FileResponse(file, content_type="image/jpeg", headers=headers)


@login_required
@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    """Who had how many coffees: `?site=SLUG` (all of the user's without) and `?period=today|week|month|all`."""
    sites = list(Site.objects.all().for_user(request.user).select_related("policy"))
    wanted = request.GET.get("site", "")
    period = _period(request.GET.get("period", "week"))
    chosen = [site for site in sites if site.slug == wanted] if wanted else sites
    if wanted and not chosen:
        raise Http404("There is no such site.")
    now = timezone.now()
    rows = querysets.leaderboard(sites=chosen, period=period, now=now)
    context = {
        "sites": sites,
        "chosen": wanted,
        "period": period,
        "periods": PERIOD_NAMES,
        "rows": rows,
        "most": rows[0].coffees if rows else 0,
        "anonymous": querysets.anonymous_coffees(sites=chosen, period=period, now=now),
        "off": [site for site in chosen if _mode(site) == Mode.OFF],
    }
    return render(request, "faces/leaderboard.html", context)


def _period(wanted: str) -> querysets.Period:
    for period in querysets.PERIODS:
        if period == wanted:
            return period
    raise Http404(f"There is no period “{wanted}”.")


def _mode(site: Site) -> str:
    policy = getattr(site, "policy", None)
    return policy.mode if policy else Mode.OFF
