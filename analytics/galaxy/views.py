"""A wall's pages and pictures, and what Google Earth and End Point's rigs ask for.

A wall is seen by members of its site, or by whoever has a wall token in the address; all else is a 404. Google Earth
never gets an error: it would stop asking.
"""

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.cache import caches
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics.galaxy import boards, kml, overlays, reads, scene
from analytics.galaxy.answers import VERSION, Body, forget_own, latest, latest_of_any_slot, respond, shared
from analytics.galaxy.canvas import Canvas
from analytics.galaxy.facts import Asked, Leaders, Seen, SiteHours, local
from analytics.galaxy.layout import Screen, Wall, screens
from analytics.galaxy.slots import REFRESH_S, SHOW_AFTER_S, slot_at, start_of
from analytics.models.walls import WallToken
from devices.models import Device, Site
from devices.services import token_digest

log = logging.getLogger(__name__)

KEPT = 32
"""Facts and tokens' sites of each kind that a process keeps at hand, of this slot and those before."""

ALL = "all"
"""Stands for all sites in an address."""

OF_ONE_SITE = ("today", "week", "question")
BOARD_NAMES = {
    "today": "Today by the hour",
    "week": "Seven days by the hour",
    "question": "The question and its answers",
    "leaderboard": "Coffees this week",
    "sites": "All sites",
}


def forget() -> None:
    """Forget all that this process keeps of earlier answers."""
    caches["process"].clear()
    for kept in (_sites_of, _seen, _leaders, _asked):
        kept.cache_clear()


@require_safe
def wall(
    request: HttpRequest, site: str, board: str, token: str = "", of: int = 1, screen: int | None = None
) -> HttpResponseBase:
    """A page for one screen of a wall, or for the whole of it; it fetches its next pictures by itself.

    `?screen=&of=` say the same as the address does, and `?bezel=` how many pixels the frames between two screens hide.
    """
    if not token and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    of, screen = _number(request, "of", of) or 1, _number(request, "screen", screen)
    slot, here = _slot(), _chosen(request, site, board, token)
    names: dict[str, Any] = {"site": site, "board": board, "of": of}
    names |= {"token": token} if token else {}
    names |= {"screen": screen} if screen else {}
    bezel = _number(request, "bezel", 0)
    context = {
        "title": f"{BOARD_NAMES[board]} · {here[0].name if site != ALL else 'all sites'}",
        "picture": _picture(here, board, slot, of, screen, bezel or 0).content.decode(),
        "address": reverse("wall-picture", kwargs=names) + (f"?bezel={bezel}" if bezel else ""),
        "version": VERSION,
        "refresh_ms": REFRESH_S * 1000,
        "show_after_ms": SHOW_AFTER_S * 1000,
    }
    page = render_to_string("analytics/galaxy/wall.html", context)
    return respond(request, Body.of(page.encode()), "text/html")


@require_safe
def picture(
    request: HttpRequest, site: str, board: str, of: int, token: str = "", screen: int | None = None
) -> HttpResponseBase:
    """The SVG of one screen, or of the whole wall, in this slot."""
    here = _chosen(request, site, board, token)
    body = _picture(here, board, _slot(), of, screen, _number(request, "bezel", 0) or 0)
    return respond(request, body, "image/svg+xml")


@require_safe
def link(request: HttpRequest, token: str) -> HttpResponseBase:
    """What stands in `kmls.txt`: a link that refreshes itself."""
    address = _absolute(request, "wall-engagement", token=token)
    return _kml(request, token, lambda sites, slot: kml.link([address]))


@require_safe
def engagement(request: HttpRequest, token: str) -> HttpResponseBase:
    """The columns of the last 24 hours around each site."""
    return _kml(request, token, lambda sites, slot: kml.engagement(_seen(sites, slot)))


@require_safe
def tour(request: HttpRequest, token: str) -> HttpResponseBase:
    """A tour from site to site."""
    return _kml(request, token, lambda sites, slot: kml.tour(_seen(sites, slot).sites))


@require_safe
def slave(request: HttpRequest, token: str, of: int, screen: int) -> HttpResponseBase:
    """What lies on one screen of a globe."""
    pictures = {name: _absolute(request, f"wall-{name}", token=token) for name in ("legend", "totals")}
    return _kml(request, token, lambda sites, slot: kml.slave(screen, of, **pictures))


@require_safe
def legend(request: HttpRequest, token: str) -> HttpResponseBase:
    """The picture of what the columns' colours mean."""
    _of_token(token)
    return respond(request, latest("legend", 0, lambda: Body.of(overlays.legend())), "image/png")


@require_safe
def totals(request: HttpRequest, token: str) -> HttpResponseBase:
    """The picture of how many people there are at all sites together."""
    sites, slot = _of_token(token), _slot()
    body = latest(("totals", _key(sites)), slot, lambda: Body.of(overlays.totals(_seen(sites, slot))))
    return respond(request, body, "image/png")


@require_safe
def director_scene(request: HttpRequest, token: str, site: str, board: str, of: int) -> HttpResponseBase:
    """A scene for End Point's director: the board's page on each screen."""
    here = _chosen(request, site, board, token)
    names: dict[str, Any] = {"token": token, "site": site, "board": board, "of": of}
    made = scene.director_scene(
        slug=f"headcount-{site}-{board}-{of}",
        name=f"Headcount: {BOARD_NAMES[board]}, {here[0].name if site != ALL else 'all sites'}",
        own=request.path,
        of=of,
        page=lambda screen: _absolute(request, "wall-screen", **names, screen=screen.number),
    )
    return respond(request, Body.of(json.dumps(made, indent=1).encode()), "application/json")


@require_safe
def sessions(request: HttpRequest, token: str, site: str, device: str, day: dt.date) -> HttpResponseBase:
    """When somebody stood before a device on a day of its site, as sessions in the shape of End Point's statistics."""
    here = [each for each in _of_token(token) if each.slug == site]
    camera = Device.objects.filter(site__in=here, name=device).select_related("site").first()
    if camera is None:
        raise Http404("There is no such device.")
    start, end = reads.day(camera, day)
    made = {
        "start_ts": int(start.timestamp()),
        "end_ts": int(end.timestamp()),
        "metadata": {"installation": camera.name},
        "sessions": scene.sessions(reads.visits(camera, start, min(end, start_of(_slot())))),
    }
    return respond(request, Body.of(json.dumps(made).encode()), "application/json")


@require_safe
def setup(request: HttpRequest, token: str, of: int) -> HttpResponse:
    """The lines to put into a rig's files, and the addresses of a wall's screens."""
    sites, wall_screens = _of_token(token), screens(of)
    seen = _seen(sites, _slot())

    def page(site: str, board: str, screen: Screen) -> str:
        return _absolute(request, "wall-screen", token=token, site=site, board=board, of=of, screen=screen.number)

    walls = [(site.name, site.slug, board) for site in sites for board in (*OF_ONE_SITE, "leaderboard")]
    walls.append(("All sites", ALL, "sites"))
    context = {
        "of": of,
        "counts": [len(screens(count)) for count in range(1, 9)],
        "setup_addresses": {count: reverse("wall-setup", args=[token, count]) for count in range(1, 9)},
        "screens": wall_screens,
        "kmls": [_absolute(request, name, token=token) for name in ("wall-link", "wall-tour")],
        "slaves": [
            (screen, _absolute(request, "wall-slave", token=token, of=of, screen=screen.number))
            for screen in sorted(wall_screens, key=lambda screen: screen.number)
        ],
        "queries": _queries(seen.sites),
        "lost": [site.name for site in seen.sites if site.latitude is None or site.longitude is None],
        "walls": [
            {
                "name": f"{name}: {BOARD_NAMES[board]}",
                "pages": [(screen, page(slug, board, screen)) for screen in wall_screens],
                "scene": _absolute(request, "wall-scene", token=token, site=slug, board=board, of=of),
            }
            for name, slug, board in walls
        ],
    }
    answer = render(request, "analytics/galaxy/setup.html", context)
    answer["Cache-Control"] = "private, no-store"
    return answer


def _queries(sites: Sequence[SiteHours]) -> list[str]:
    """Lines of `queries.txt`: planet, name and query, parted by “@”; touch screens take no quotes in a name."""
    plain = str.maketrans("@'\"<>", "     ")
    flights = [
        f"earth@{site.name.translate(plain)}@flytoview={kml.look_at_line(site)}" for site in kml.on_the_globe(sites)
    ]
    return [*flights, f"earth@{kml.TOUR_NAME} tour@playtour={kml.TOUR_NAME}", "earth@Stop the tour@exittour=true"]


def _slot() -> int:
    return slot_at(timezone.now())


def _number(request: HttpRequest, name: str, otherwise: int | None) -> int | None:
    """A number from the address's query."""
    text = request.GET.get(name)
    if text is None:
        return otherwise
    if not text.isdecimal() or len(text) > 4:
        raise Http404(f"“{text}” is no {name}.")
    return int(text)


def _of_token(token: str) -> tuple[Site, ...]:
    """The token's sites; a token that was deleted is known for at most a slot more. Raises `Http404`."""
    sites = _sites_of(token_digest(token), _slot())
    if not sites:
        raise Http404("There is no such wall token, or it has no site left; make one in the admin.")
    return sites


@lru_cache(KEPT)
def _sites_of(digest: str, slot: int) -> tuple[Site, ...]:
    return tuple(Site.objects.filter(pk__in=WallToken.objects.filter(token_digest=digest).values("sites")))


def _chosen(request: HttpRequest, site: str, board: str, token: str) -> tuple[Site, ...]:
    """The sites that an address is about, by name. Raises `Http404`."""
    sites = _of_token(token) if token else tuple(Site.objects.all().for_user(request.user))
    chosen = sites if site == ALL else tuple(each for each in sites if each.slug == site)
    if not chosen:
        raise Http404("There is no such site.")
    if board in OF_ONE_SITE and len(chosen) > 1:
        raise Http404(f"The board “{board}” shows one site; name it in the address.")
    return chosen


def _picture(sites: tuple[Site, ...], board: str, slot: int, of: int, screen: int | None, bezel: int) -> Body:
    """The SVG of a screen, or of the whole wall. Raises `Http404` where there is no such wall or screen."""
    try:
        wall = Wall(of, bezel)
        position = None if screen is None else wall.screen(screen).position
    except ValueError as error:
        raise Http404(str(error)) from None
    key = (board, _key(sites), of, screen, bezel)
    return latest(key, slot, lambda: Body.of(_drawn(sites, board, slot, wall, position)))


def _drawn(sites: tuple[Site, ...], board: str, slot: int, wall: Wall, position: int | None) -> bytes:
    canvas, at = _board(sites, board, slot, wall)
    zone = sites[0].timezone if len(sites) == 1 else "UTC"
    news = local(at, zone)
    root = {"data-version": VERSION, "data-slot": slot * 1000, "data-news": f"{news:%a} {news.day} {news:%b, %H:%M}"}
    return canvas.svg(position, **root).encode()


def _board(sites: tuple[Site, ...], board: str, slot: int, wall: Wall) -> tuple[Canvas, dt.datetime]:
    if board == "leaderboard":
        leaders = _leaders(sites, slot)
        return boards.leaderboard(leaders, wall), leaders.at
    if board == "question":
        asked = _asked(sites[0], slot)
        return boards.question(asked, wall), asked.at
    draw: Callable[[Seen, Wall], Canvas] = {"today": boards.today, "week": boards.week, "sites": boards.sites}[board]
    seen = _seen(sites, slot, {"today": "today", "week": "week"}.get(board, "latest"))
    return draw(seen, wall), seen.at


@lru_cache(KEPT)
def _seen(sites: tuple[Site, ...], slot: int, window: Any = "latest") -> Seen:
    return shared((window, _key(sites)), slot, lambda: reads.seen(sites, window, at=start_of(slot)))


@lru_cache(KEPT)
def _leaders(sites: tuple[Site, ...], slot: int) -> Leaders:
    return shared(("leaderboard", _key(sites)), slot, lambda: reads.leaders(sites, at=start_of(slot)))


@lru_cache(KEPT)
def _asked(site: Site, slot: int) -> Asked:
    return shared(("question", site.pk), slot, lambda: reads.asked(site, at=start_of(slot)))


def _key(sites: Sequence[Site]) -> str:
    return hashlib.sha256(",".join(str(site.pk) for site in sites).encode()).hexdigest()


def _kml(request: HttpRequest, token: str, make: Callable[[tuple[Site, ...], int], bytes]) -> HttpResponseBase:
    """A document; the last good one where it cannot be made, and an empty one where there never was any."""
    what, slot = ("kml", request.build_absolute_uri()), _slot()
    try:
        body = latest(what, slot, lambda: Body.of(make(_of_token(token), slot)))
    except Http404:
        forget_own(what)
        body = Body.of(kml.empty())
    except Exception:
        log.exception("The document %s cannot be made; Google Earth gets the last good one.", request.resolver_match)
        body = latest_of_any_slot(what) or Body.of(kml.empty())
    return respond(request, body, kml.CONTENT_TYPE)


def _absolute(request: HttpRequest, address: str, /, **names: Any) -> str:
    return request.build_absolute_uri(reverse(address, kwargs=names))
