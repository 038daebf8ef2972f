"""The page of a screen that waits to be paired, and the form by which an operator pairs it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from analytics.features.galaxy.boards.board import Scope, all_boards, find_boards
from analytics.features.galaxy.serving import pairing, services
from devices.managing.access import find_site_with
from devices.models import Site
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User

SECRET = "wall_pairing"  # noqa: S105 - the name of a session's value
LANDSCAPE = "landscape"
SHAPES = {"portrait": "upright", LANDSCAPE: "landscape"}
"""A landscape screen shows three upright ones side by side: they have its proportions."""

LANDSCAPE_SCREENS = 3

ALL = "all"
"""Stands for all sites of a token in the address of its walls."""


@never_cache
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """Show a code, and open the wall as soon as somebody has entered it."""
    kept = request.session.get(SECRET)
    if not kept or not pairing.is_open(kept["code"]):
        found = pairing.offer()
        kept = request.session[SECRET] = {"code": found.code, "secret": found.secret}
    context = {"code": f"{kept['code'][:3]} {kept['code'][3:]}", "state": reverse("wall-pair-state")}
    return render(request, "analytics/galaxy/pair.html", context)


@never_cache
@require_safe
def state(request: HttpRequest) -> HttpResponse:
    """Return the address of the wall once the screen of this session is paired, and whether its code still works."""
    kept = request.session.get(SECRET)
    if not kept:
        raise Http404("This screen shows no code; open the page again.")
    address = pairing.address_for(kept["secret"])
    if address is not None:
        del request.session[SECRET]
    return JsonResponse({"address": address, "waits": address is None and pairing.is_open(kept["code"])})


@login_required
@require_POST
def pair(request: HttpRequest, slug: str) -> HttpResponse:
    """Pair the screen that shows the code with a new wall of this site."""
    site = find_site_with(cast("User", request.user), slug, Right.OPERATE)
    _pair(request, [site], site.slug)
    return redirect("site-walls", site.slug)


@login_required
@require_POST
def pair_with_several(request: HttpRequest) -> HttpResponse:
    """Pair the screen that shows the code with a new wall of the chosen sites, all of which the user operates."""
    sites = chosen_sites(request)
    if sites:
        _pair(request, sites, ALL)
    else:
        messages.error(request, "Choose the sites that the screen shows.")
    return redirect("walls")


def chosen_sites(request: HttpRequest) -> list[Site]:
    """Return the sites of the form that the user may put on a wall, by name; others are left out."""
    permitted = Site.objects.all().permitted(request.user, Right.OPERATE)
    return list(permitted.filter(slug__in=request.POST.getlist("site")).order_by("name"))


def _pair(request: HttpRequest, sites: Sequence[Site], where: str) -> None:
    """Have the screen open a new wall of these sites, and tell the user; `where` stands for them in its address."""
    user = cast("User", request.user)
    chosen = request.POST.getlist("board")
    boards = find_boards("+".join(chosen)) if chosen else None
    refused = Scope.ONE_SITE if where == ALL else Scope.ALL_SITES
    if boards is None or boards.scope is refused or request.POST.get("shape") not in SHAPES:
        messages.error(request, "Choose what the screen shows, and whether it is upright or landscape.")
        return
    code = pairing.clean(request.POST.get("code", ""))
    if not pairing.is_open(code):
        messages.error(request, "No screen shows this code now. Read it again from the screen: it changes.")
        return
    try:
        name = request.POST.get("name", "").strip()
        _, token = services.create_wall_token(name=name, sites=sites, by=user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return
    names = {"token": token, "site": where, "board": boards}
    is_wide = request.POST["shape"] == LANDSCAPE
    address = (
        reverse("wall-whole", kwargs={**names, "of": LANDSCAPE_SCREENS}) if is_wide else reverse("wall", kwargs=names)
    )
    pairing.pair(code, address)
    messages.success(request, f"The screen “{name}” opens its wall in a few seconds.")


def boards_of_a_site() -> list[tuple[str, str]]:
    """Return the name and the title of each board that a screen of one site can show."""
    return [(board.name, board.title) for board in all_boards() if board.scope is not Scope.ALL_SITES]


def boards_of_several() -> list[tuple[str, str]]:
    """Return the name and the title of each board that a screen of several sites can show, the widest first."""
    return [(board.name, board.title) for board in reversed(all_boards()) if board.scope is not Scope.ONE_SITE]
