"""Pages about pictures and people."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from devices.models import Site
from faces.coffees.leaderboard import LONGEST_STREAK, has_agreed_in_person, has_face_picture
from faces.coffees.leaderboard import leaderboard as read_leaderboard
from faces.models import Capture, Coffee, Mode, Person, querysets
from faces.people.policies import loaded_mode
from faces.pictures import links, storage, thumbnails

PERIOD_NAMES: dict[querysets.Period, str] = {
    "today": "Today",
    "week": "This week",
    "month": "This month",
    "all": "All time",
}


ROWS = 100
"""On the page; the API tells of more."""

ROWS_ON_SCREEN = 8
"""As many as can be read from five metres."""

_FOR_A_WHILE = {"Cache-Control": f"private, max-age={links.LIFETIME.seconds}"}


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
        file = storage.open_picture(capture)
    except FileNotFoundError:
        raise Http404("The picture is not here any more.") from None
    return FileResponse(file, content_type="image/jpeg", headers=_FOR_A_WHILE)


@require_safe
def portrait(request: HttpRequest, pk: int, link: str) -> HttpResponse:
    """The face of whoever had this coffee, if they agreed in person; by a link as the whole picture."""
    coffees = Coffee.objects.for_user(request.user).select_related("sighting__capture")
    return portrait_response(request, get_object_or_404(coffees, pk=pk), link)


def portrait_response(request: HttpRequest | Request, coffee: Coffee, link: str) -> HttpResponse:
    """The face as a JPEG, as `picture_response`; there is none of people who did not agree in person."""
    now = timezone.now()
    if not links.is_open(link, coffee.pk, bearer=links.bearer(request), now=now):
        raise Http404(links.EXPIRED)
    may_be_seen = Person.objects.filter(has_agreed_in_person(now), coffees=coffee).exists()
    box = coffee.sighting.box
    if not (may_be_seen and has_face_picture(coffee) and box):
        raise Http404("There is no picture of this person to be shown.")
    try:
        face = thumbnails.thumbnail(storage.read(coffee.sighting.capture), tuple(box))
    except OSError:
        raise Http404("The picture is not here any more.") from None
    return HttpResponse(face, content_type="image/jpeg", headers=_FOR_A_WHILE)


@login_required
@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    """Who had how many coffees: `?site=SLUG` (all of the user's without) and `?period=today|week|month|all`."""
    return render(request, "faces/leaderboard.html", _board(request, ROWS))


@login_required
@require_safe
def leaderboard_screen(request: HttpRequest) -> HttpResponse:
    """The same as large as a screen, for a display that stands beside the machine."""
    return render(request, "faces/leaderboard_screen.html", _board(request, ROWS_ON_SCREEN))


def _board(request: HttpRequest, limit: int) -> dict[str, Any]:
    sites = list(Site.objects.for_user(request.user).select_related("policy"))
    wanted = request.GET.get("site", "")
    period = _period(request.GET.get("period", "week"))
    chosen = [site for site in sites if site.slug == wanted] if wanted else sites
    if wanted and not chosen:
        raise Http404("There is no such site.")
    board = read_leaderboard(sites=chosen, period=period, now=timezone.now(), limit=limit)
    return {
        "sites": sites,
        "chosen": wanted,
        "place": chosen[0].name if len(chosen) == 1 else "All sites",
        "period": period,
        "periods": PERIOD_NAMES,
        "board": board,
        "longest": LONGEST_STREAK,
        "most": board.rows[0].coffees if board.rows else 0,
        "further": board.people - len(board.rows),
        "off": [site for site in chosen if loaded_mode(site) == Mode.OFF],
    }


def _period(wanted: str) -> querysets.Period:
    for period in querysets.PERIODS:
        if period == wanted:
            return period
    raise Http404(f"There is no period “{wanted}”.")
