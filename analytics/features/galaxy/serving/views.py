"""A wall's pages and pictures, and the documents of Google Earth and of End Point's rigs.

A wall is visible to members of its site, and to whoever has a wall token in the address; other requests get a 404.
Requests of Google Earth never get an error, because Google Earth would stop refreshing.
"""

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.cache import caches
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics.features.galaxy import reads
from analytics.features.galaxy.boards.board import Board, Boards, Rotation, Scope, all_boards
from analytics.features.galaxy.drawing.layout import Screen, Wall, screens
from analytics.features.galaxy.globe import kml, overlays
from analytics.features.galaxy.reads import LATEST, Source
from analytics.features.galaxy.serving import director
from analytics.features.galaxy.serving.pairing_walls import ALL, LANDSCAPE_SCREENS
from analytics.features.galaxy.serving.responses import (
    VERSION,
    Body,
    delete_own,
    get_own,
    get_own_of_any_slot,
    get_shared,
    respond,
)
from analytics.features.galaxy.serving.services import sites_of_token
from analytics.features.galaxy.serving.shown import tell_shown
from analytics.features.galaxy.snapshots import SiteHours, Snapshot, common_timezone, local_time
from analytics.features.galaxy.time_slots import REFRESH_S, SHOW_AFTER_S, slot_at, slot_start
from devices.models import Device, Site
from devices.pages.qr_codes import as_qr_code
from devices.services import token_digest

log = logging.getLogger(__name__)

S = TypeVar("S", bound=Snapshot)

CACHED_TOKENS = 32
"""The number of tokens whose sites a process caches for a slot."""

CACHED_SNAPSHOTS = 96
"""The number of unpickled snapshots that a process caches, of the current slot and of earlier ones."""


def clear_process_caches() -> None:
    """Delete everything that this process has cached for earlier responses."""
    caches["process"].clear()
    _read_sites_of_token.cache_clear()
    _read_any_snapshot.cache_clear()


@require_safe
def wall(
    request: HttpRequest, site: str, board: Boards, token: str = "", of: int = 1, screen: int | None = None
) -> HttpResponseBase:
    """Show a page for one screen of a wall or for the whole wall; a script on it fetches the next pictures.

    `?screen=&of=` override the address; `?bezel=` is the number of pixels that the frames between two screens hide.
    """
    if not token and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    of, screen = _parse_number(request, "of", of) or 1, _parse_number(request, "screen", screen)
    slot, sites = _current_slot(), _select_sites(request, site, board, token)
    names: dict[str, Any] = {"site": site, "board": board, "of": of}
    names |= {"token": token} if token else {}
    names |= {"screen": screen} if screen else {}
    bezel = _parse_number(request, "bezel", 0)
    context = {
        "title": f"{board.title} · {sites[0].name if site != ALL else 'all sites'}",
        "picture": _picture(sites, board, slot, of, screen, bezel or 0).content.decode(),
        "address": reverse("wall-picture", kwargs=names) + (f"?bezel={bezel}" if bezel else ""),
        "version": VERSION,
        "refresh_ms": REFRESH_S * 1000,
        "show_after_ms": SHOW_AFTER_S * 1000,
    }
    page = render_to_string("analytics/galaxy/wall.html", context)
    return respond(request, Body.of(page.encode()), "text/html")


@require_safe
def picture(
    request: HttpRequest, site: str, board: Boards, of: int, token: str = "", screen: int | None = None
) -> HttpResponseBase:
    """Return the SVG of one screen, or of the whole wall, in this time slot."""
    sites, slot = _select_sites(request, site, board, token), _current_slot()
    body = _picture(sites, board, slot, of, screen, _parse_number(request, "bezel", 0) or 0)
    shown = board.at(slot)
    tell_shown(token, shown.name, shown.title, slot)
    return respond(request, body, "image/svg+xml")


@require_safe
def link(request: HttpRequest, token: str) -> HttpResponseBase:
    """Return the document that `kmls.txt` names: a link to the columns that Google Earth refreshes."""
    address = _absolute(request, "wall-engagement", token=token)
    return _kml(request, token, lambda sites, slot: kml.link([address]))


@require_safe
def engagement(request: HttpRequest, token: str) -> HttpResponseBase:
    """Return the columns of the last 24 hours around each site."""
    return _kml(request, token, lambda sites, slot: kml.engagement(_read_snapshot(LATEST, sites, slot)))


@require_safe
def tour(request: HttpRequest, token: str) -> HttpResponseBase:
    """Return a tour from site to site."""
    sites, slot = _sites_of_token(token), _current_slot()
    tell_shown(token, "tour", kml.TOUR_NAME, slot, kml.tour_seconds(sum(site.latitude is not None for site in sites)))
    return _kml(request, token, lambda sites, slot: kml.tour(_read_snapshot(LATEST, sites, slot).sites))


@require_safe
def slave(request: HttpRequest, token: str, of: int, screen: int) -> HttpResponseBase:
    """Return the overlays of one screen of a globe."""
    pictures = {name: _absolute(request, f"wall-{name}", token=token) for name in ("legend", "totals")}
    return _kml(request, token, lambda sites, slot: kml.slave(screen, of, **pictures))


@require_safe
def legend(request: HttpRequest, token: str) -> HttpResponseBase:
    """Return the picture that explains the columns' colours."""
    _sites_of_token(token)
    return _for_any_page(respond(request, get_own("legend", 0, lambda: Body.of(overlays.legend())), "image/png"))


@require_safe
def totals(request: HttpRequest, token: str) -> HttpResponseBase:
    """Return the picture with the number of people at all sites together."""
    sites, slot = _sites_of_token(token), _current_slot()
    name = ("totals", _sites_key(sites))
    body = get_own(name, slot, lambda: Body.of(overlays.totals(_read_snapshot(LATEST, sites, slot))))
    return _for_any_page(respond(request, body, "image/png"))


@require_safe
def director_scene(request: HttpRequest, token: str, site: str, board: Boards, of: int) -> HttpResponseBase:
    """Return a scene for End Point's director: the board's page on each screen."""
    sites = _select_sites(request, site, board, token)
    names: dict[str, Any] = {"token": token, "site": site, "board": board, "of": of}
    scene = director.director_scene(
        slug=f"headcount-{site}-{board.name.replace('+', '-')}-{of}",
        name=f"Headcount: {board.title}, {sites[0].name if site != ALL else 'all sites'}",
        address=request.path,
        of=of,
        page_address=lambda screen: _absolute(request, "wall-screen", **names, screen=screen.number),
    )
    return respond(request, Body.of(json.dumps(scene, indent=1).encode()), "application/json")


@require_safe
def sessions(request: HttpRequest, token: str, site: str, device: str, day: dt.date) -> HttpResponseBase:
    """Return the occupied spells of a device on a day of its site, in the shape of End Point's statistics."""
    sites = [visible for visible in _sites_of_token(token) if visible.slug == site]
    camera = Device.objects.filter(site__in=sites, name=device).select_related("site").first()
    if camera is None:
        raise Http404(f"The wall's site “{site}” has no device “{device}”.")
    start, end = reads.day_of_device(camera, day)
    statistics = {
        "start_ts": int(start.timestamp()),
        "end_ts": int(end.timestamp()),
        "metadata": {"installation": camera.name},
        "sessions": director.occupancy_sessions(
            reads.read_spells(camera, start, min(end, slot_start(_current_slot())))
        ),
    }
    return respond(request, Body.of(json.dumps(statistics).encode()), "application/json")


@require_safe
def setup(request: HttpRequest, token: str, of: int) -> HttpResponse:
    """Show the lines for a rig's files, and the addresses of a wall's screens."""
    sites, wall_screens = _sites_of_token(token), screens(of)
    snapshot = _read_snapshot(LATEST, sites, _current_slot())

    of_sites = [board for board in all_boards() if board.scope is not Scope.ALL_SITES]
    of_all = [board for board in all_boards() if board.scope is Scope.ALL_SITES]
    walls: list[tuple[str, str, Boards]] = []
    for site in sites:
        walls.append((f"{site.name}: all boards in turn", site.slug, Rotation(tuple(of_sites))))
        walls += [(f"{site.name}: {board.title}", site.slug, board) for board in of_sites]
    walls += [(f"All sites: {board.title}", ALL, board) for board in of_all]
    context = {
        "of": of,
        "setup_addresses": {count: reverse("wall-setup", args=[token, count]) for count in range(1, 9)},
        "screens": wall_screens,
        "kmls": [_absolute(request, name, token=token) for name in ("wall-link", "wall-tour")],
        "slaves": [
            (screen, _absolute(request, "wall-slave", token=token, of=of, screen=screen.number))
            for screen in sorted(wall_screens, key=lambda screen: screen.number)
        ],
        "queries": _query_lines(snapshot.sites),
        "without_place": [site.name for site in snapshot.sites if site.latitude is None or site.longitude is None],
        "walls": [
            _wall_addresses(request, {"token": token, "site": slug, "board": board}, name, wall_screens, number)
            for number, (name, slug, board) in enumerate(walls)
        ],
    }
    response = render(request, "analytics/galaxy/setup.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


MOST_CODES = 24
"""Walls of the set-up page with a QR code; the page would grow by some kilobytes with each more."""


def _wall_addresses(
    request: HttpRequest, names: dict[str, Any], title: str, wall_screens: Sequence[Screen], number: int
) -> dict[str, Any]:
    """Return the addresses of a wall: on one upright screen, on one landscape screen, and on each screen of a rig."""
    of = len(wall_screens)
    single = [
        ("One upright screen", _absolute(request, "wall", **names)),
        ("One landscape screen, also 4K", _absolute(request, "wall-whole", **names, of=LANDSCAPE_SCREENS)),
    ]
    return {
        "name": title,
        "single": [(name, address, as_qr_code(address) if number < MOST_CODES else "") for name, address in single],
        "pages": [
            (screen, _absolute(request, "wall-screen", **names, of=of, screen=screen.number)) for screen in wall_screens
        ],
        "scene": _absolute(request, "wall-scene", **names, of=of),
        "preview": reverse("wall-picture", kwargs={**names, "of": of}),
    }


def _query_lines(sites: Sequence[SiteHours]) -> list[str]:
    """Return the lines of `queries.txt`: planet, name and query, separated by “@”.

    Names lose their quotes, brackets and “@”, which the rigs' touch screens cannot read.
    """
    plain = str.maketrans("@'\"<>", "     ")
    flights = [
        f"earth@{site.name.translate(plain)}@flytoview={kml.look_at_line(site)}" for site in kml.on_the_globe(sites)
    ]
    return [*flights, f"earth@{kml.TOUR_NAME} tour@playtour={kml.TOUR_NAME}", "earth@Stop the tour@exittour=true"]


def _current_slot() -> int:
    return slot_at(timezone.now())


def _parse_number(request: HttpRequest, name: str, default: int | None) -> int | None:
    """Parse a number of the query. Raises `Http404` with a sentence where it is not one."""
    text = request.GET.get(name)
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 4:
        raise Http404(f"“{text}” cannot be “{name}”; give a number of at most four digits.")
    return int(text)


def _sites_of_token(token: str) -> tuple[Site, ...]:
    """Return the token's sites; a deleted token has them until the slot ends. Raises `Http404`."""
    sites = _read_sites_of_token(token_digest(token), _current_slot())
    if not sites:
        raise Http404(
            "There is no such wall token, or it has expired or has no site left; make one in the settings of a site."
        )
    return sites


@lru_cache(CACHED_TOKENS)
def _read_sites_of_token(digest: str, slot: int) -> tuple[Site, ...]:
    """Return the sites of the token with this digest; `slot` is only part of the cache's key."""
    return sites_of_token(digest=digest, now=timezone.now())


def _select_sites(request: HttpRequest, site: str, board: Boards, token: str) -> tuple[Site, ...]:
    """Return the sites that an address selects, by name. Raises `Http404` with a sentence."""
    visible = _sites_of_token(token) if token else tuple(Site.objects.all().for_user(request.user))
    selected = visible if site == ALL else tuple(visible_site for visible_site in visible if visible_site.slug == site)
    if not selected:
        raise Http404("There is no such site.")
    if board.scope is Scope.ONE_SITE and len(selected) > 1:
        raise Http404(f"The board “{board.name}” shows one site; name it in the address.")
    return selected


def _picture(sites: tuple[Site, ...], board: Boards, slot: int, of: int, screen: int | None, bezel: int) -> Body:
    """Return the SVG of a screen, or of the whole wall. Raises `Http404` where there is no such wall or screen."""
    try:
        wall = Wall(of, bezel)
        position = None if screen is None else wall.screen(screen).position
    except ValueError as error:
        raise Http404(str(error)) from None
    name = (board.name, _sites_key(sites), of, screen, bezel)
    return get_own(name, slot, lambda: Body.of(_draw(sites, board.at(slot), slot, wall, position)))


def _draw(sites: tuple[Site, ...], board: Board[Any], slot: int, wall: Wall, position: int | None) -> bytes:
    snapshot = _read_snapshot(board.source, sites, slot)
    zone = common_timezone(sites)
    news = local_time(snapshot.at, zone)
    root = {"data-version": VERSION, "data-slot": slot * 1000, "data-news": f"{news:%a} {news.day} {news:%b, %H:%M}"}
    return board.draw(snapshot, wall).svg(position, **root).encode()


def _read_snapshot(source: Source[S], sites: tuple[Site, ...], slot: int) -> S:
    """Return the slot's snapshot of these sites, the same for all processes."""
    snapshot: S = _read_any_snapshot(source, sites, slot)
    return snapshot


@lru_cache(CACHED_SNAPSHOTS)
def _read_any_snapshot(source: Source[Any], sites: tuple[Site, ...], slot: int) -> Any:
    name = ("snapshot", source.name, _sites_key(sites))
    return get_shared(name, slot, lambda: source.read(sites, slot_start(slot)))


def _sites_key(sites: Sequence[Site]) -> str:
    return hashlib.sha256(",".join(str(site.pk) for site in sites).encode()).hexdigest()


def _kml(request: HttpRequest, token: str, make: Callable[[tuple[Site, ...], int], bytes]) -> HttpResponseBase:
    """Return a document; where it cannot be made, the last good one, or an empty one where there is none."""
    name, slot = ("kml", request.build_absolute_uri()), _current_slot()
    try:
        body = get_own(name, slot, lambda: Body.of(make(_sites_of_token(token), slot)))
    except Http404:
        delete_own(name)
        body = Body.of(kml.empty())
    except Exception:
        log.exception("The document %s cannot be made; Google Earth gets the last good one.", request.resolver_match)
        body = get_own_of_any_slot(name) or Body.of(kml.empty())
    return _for_any_page(respond(request, body, kml.CONTENT_TYPE))


def _for_any_page(response: HttpResponseBase) -> HttpResponseBase:
    """Allow scripts of other hosts, such as a globe made with Cesium, to read this response.

    Only the token in the address lets somebody read it; a visitor's cookies add nothing.
    """
    response["Access-Control-Allow-Origin"] = "*"
    return response


def _absolute(request: HttpRequest, view: str, /, **names: Any) -> str:
    return request.build_absolute_uri(reverse(view, kwargs=names))
