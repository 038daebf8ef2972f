"""The page of a screen that waits to be paired, and the form by which an operator pairs it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from analytics.features.galaxy.boards.board import Scope, all_boards
from analytics.features.galaxy.serving import pairing
from analytics.features.galaxy.serving.pairing_walls import ALL, pair_screen
from devices.managing.access import find_site_with
from devices.models import Site
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User

MOST_KEPT = 100
"""Sites that the form keeps selected after a wrong code."""

SECRET = "wall_pairing"  # noqa: S105 - the name of a session's value


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
    is_paired = _pair(request, [site], site.slug)
    return _back(request, reverse("site-walls", args=[site.slug]), is_paired=is_paired)


@login_required
@require_POST
def pair_with_several(request: HttpRequest) -> HttpResponse:
    """Pair the screen that shows the code with a new wall of the chosen sites, all of which the user operates."""
    sites = chosen_sites(request)
    if not sites:
        messages.error(request, "Choose the sites that the screen shows.")
    return _back(request, reverse("walls"), is_paired=bool(sites) and _pair(request, sites, ALL))


def chosen_sites(request: HttpRequest) -> list[Site]:
    """Return the sites of the form that the user may put on a wall, by name; others are left out."""
    permitted = Site.objects.all().permitted(request.user, Right.OPERATE)
    return list(permitted.filter(slug__in=request.POST.getlist("site")).order_by("name"))


def pairing_form(request: HttpRequest, boards: Sequence[tuple[str, str]]) -> dict[str, object]:
    """Return the context of the form: the boards, each with whether it is selected, and what was typed before."""
    given = request.GET
    selected = given.getlist("board") or [name for name, _ in boards[:1]]
    return {
        "boards": [(name, title, name in selected) for name, title in boards],
        "pair_address": request.build_absolute_uri(reverse("wall-pair")),
        "pairing": {"name": given.get("name", ""), "shape": given.get("shape", ""), "sites": given.getlist("site")},
    }


def _back(request: HttpRequest, page: str, *, is_paired: bool) -> HttpResponse:
    """Lead back to the page, where all but the code is still typed if no screen was paired."""
    kept = ("name", "board", "shape", "site")
    typed = urlencode([(each, value[:80]) for each in kept for value in request.POST.getlist(each)[:MOST_KEPT]])
    return redirect(page if is_paired else f"{page}?{typed}")


def _pair(request: HttpRequest, sites: Sequence[Site], where: str) -> bool:
    """Have the screen open a new wall of these sites, and tell the user; return whether it does.

    `where` stands for the sites in its address.
    """
    name = request.POST.get("name", "").strip()
    try:
        pair_screen(
            code=request.POST.get("code", ""),
            name=name,
            sites=sites,
            boards=request.POST.getlist("board"),
            shape=request.POST.get("shape", ""),
            by=cast("User", request.user),
            where=where,
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return False
    messages.success(request, f"The screen “{name}” opens its wall in a few seconds.")
    return True


def boards_of_a_site(site: Site) -> list[tuple[str, str]]:
    """Return the name and the title of each board that has something to show on a screen of this site."""
    boards = [board for board in all_boards() if board.scope is not Scope.ALL_SITES and board.is_offered(site)]
    return [(board.name, board.title) for board in boards]


def boards_of_several() -> list[tuple[str, str]]:
    """Return the name and the title of each board that a screen of several sites can show, the widest first."""
    return [(board.name, board.title) for board in reversed(all_boards()) if board.scope is not Scope.ONE_SITE]
