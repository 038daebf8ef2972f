"""The pages of the leaderboard, and the responses with the faces on it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from devices.models import Site
from devices.pages.live import shared
from devices.rules.roles import Right
from faces.coffees.leaderboard import LONGEST_STREAK, has_agreed_in_person, has_face_picture
from faces.coffees.leaderboard import leaderboard as read_leaderboard
from faces.models import Coffee, Mode, Person, querysets
from faces.people.policies import loaded_mode
from faces.pictures import links, storage, thumbnails
from faces.pictures.views import CACHED_PRIVATELY, record_look_at_pictures

PERIOD_NAMES: dict[querysets.Period, str] = {
    "today": "Today",
    "week": "This week",
    "month": "This month",
    "all": "All time",
}

ROWS = 100
"""The number of rows on the page; the API returns more."""

ROWS_ON_SCREEN = 8
"""The number of rows on a screen that can be read from five metres."""


@require_safe
def portrait(request: HttpRequest, pk: int, link: str) -> HttpResponse:
    """Return the face of the person who had this coffee for a link of this session, if the person agreed in person."""
    coffees = Coffee.objects.for_user(request.user).select_related("sighting__capture", "device__site")
    return portrait_response(request, get_object_or_404(coffees, pk=pk), link)


def portrait_response(request: HttpRequest | Request, coffee: Coffee, link: str) -> HttpResponse:
    """Return the face as a JPEG, cached as in `picture_response`. Raises `Http404` without personal consent."""
    now = timezone.now()
    if not links.is_valid(link, coffee.pk, bearer=links.bearer(request), now=now):
        raise Http404(links.EXPIRED)
    may_be_seen = Person.objects.filter(has_agreed_in_person(now), coffees=coffee).exists()
    box = coffee.sighting.box
    if not (may_be_seen and has_face_picture(coffee) and box):
        raise Http404("There is no picture of this person that may be shown.")
    try:
        face = thumbnails.thumbnail(storage.read(coffee.sighting.capture), tuple(box))
    except OSError:
        raise Http404("The picture has been removed.") from None
    record_look_at_pictures(request, coffee.device)
    return HttpResponse(face, content_type="image/jpeg", headers=CACHED_PRIVATELY)


@login_required
@require_safe
@shared
def leaderboard(request: HttpRequest) -> HttpResponse:
    """The leaderboard of `?site=SLUG`, or of all of the user's sites, for `?period=today|week|month|all`."""
    return render(request, "faces/leaderboard.html", _board(request, ROWS))


@login_required
@require_safe
@shared
def leaderboard_screen(request: HttpRequest) -> HttpResponse:
    """The leaderboard in the size of a screen, for a display beside the coffee machine."""
    return render(request, "faces/leaderboard_screen.html", _board(request, ROWS_ON_SCREEN))


def _board(request: HttpRequest, limit: int) -> dict[str, Any]:
    sites = list(Site.objects.for_user(request.user).select_related("policy"))
    wanted = request.GET.get("site", "")
    period = _period(request.GET.get("period", "week"))
    selected = [site for site in sites if site.slug == wanted] if wanted else sites
    if wanted and not selected:
        raise Http404(f"You have no site “{wanted}”.")
    numbers = [site.pk for site in selected]
    board = read_leaderboard(sites=selected, period=period, now=timezone.now(), limit=limit)
    return {
        "sites": sites,
        "chosen": wanted,
        "place": selected[0].name if len(selected) == 1 else "All sites",
        "period": period,
        "periods": PERIOD_NAMES,
        "board": board,
        "longest": LONGEST_STREAK,
        "most": board.rows[0].coffees if board.rows else 0,
        "further": board.people - len(board.rows),
        # Asked for by a page without coffees alone.
        "enrols_at": lambda: Site.objects.all().permitted(request.user, Right.OPERATE).filter(pk__in=numbers).first(),
        "off": [site for site in selected if loaded_mode(site) == Mode.OFF],
    }


def _period(wanted: str) -> querysets.Period:
    for period in querysets.PERIODS:
        if period == wanted:
            return period
    raise Http404(f"There is no period “{wanted}”.")
