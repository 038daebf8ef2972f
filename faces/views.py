"""Pages about pictures and people."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from devices.models import Site
from faces import pictures, querysets
from faces.models import Capture, Mode

PICTURE_MAX_AGE_S = 300
"""How long a browser may show a picture without asking again; an erased one is gone from there after this."""

PERIOD_NAMES: dict[querysets.Period, str] = {
    "today": "Today",
    "week": "This week",
    "month": "This month",
    "all": "All time",
}


@require_safe
def capture_image(request: HttpRequest, pk: uuid.UUID) -> FileResponse:
    """The capture's picture, for members of its site; for everyone else there is none."""
    return picture_response(get_object_or_404(Capture.objects.all().for_user(request.user), pk=pk))


def picture_response(capture: Capture) -> FileResponse:
    """The picture as a JPEG that no shared cache may keep. Raises `Http404` where there is none."""
    try:
        file = pictures.opened(capture)
    except FileNotFoundError:
        raise Http404("The picture is not here any more.") from None
    headers = {"Cache-Control": f"private, max-age={PICTURE_MAX_AGE_S}"}
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
