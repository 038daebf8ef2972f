"""What players reach by their link, without an account: what to show now, where to report, and a page for kiosks."""

import datetime as dt
import json
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from devices.pages.middleware import CONTENT_SECURITY_POLICY
from devices.rest.items import read_each
from plays.experiments.now import what_now
from plays.intake import galaxies, links
from plays.intake.posted import MOST_PLAYS, ShownSerializer, store_posted
from plays.intake.services import store
from plays.models import Screen, Source

MOST_BYTES = 1_000_000

ASK_AGAIN_S = 30
"""How often the page of a kiosk asks what to show, and tells what it shows."""

View = Callable[..., HttpResponse]


def _of_link(view: View) -> View:
    """Give the view the screen of the link in the address; a page of any host may read its answer."""

    @wraps(view)
    def respond(request: HttpRequest, token: str, **more: Any) -> HttpResponse:
        screen = links.screen_of(token)
        if screen is None:
            sentence = "No screen has this link. Make a new one in the settings of the site, under Screens."
            response: HttpResponse = JsonResponse({"detail": sentence}, status=HTTPStatus.NOT_FOUND)
        elif request.method == "OPTIONS":
            response = HttpResponse(status=HTTPStatus.NO_CONTENT)
        else:
            response = view(request, screen, token=token, **more)
        # Only the token lets somebody read it; a visitor's cookies add nothing.
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Allow-Headers"] = "Content-Type"
        response["Cache-Control"] = "no-store"
        return response

    return respond


@require_safe
@_of_link
def player(request: HttpRequest, screen: Screen, token: str) -> HttpResponse:
    """Show the page of a kiosk: it shows what the screen shall show, and reports it."""
    response = render(request, "plays/player.html", {"screen": screen, "token": token, "ask_again_s": ASK_AGAIN_S})
    response["Content-Security-Policy"] = f"{CONTENT_SECURITY_POLICY}; frame-src http: https:"
    return response


@require_http_methods(["GET", "HEAD", "OPTIONS"])
@_of_link
def player_now(request: HttpRequest, screen: Screen, token: str) -> HttpResponse:
    """Return what the screen shall show now."""
    now = timezone.now()
    return JsonResponse({**what_now([screen], now=now)[screen.pk].as_json(), "now": now.isoformat()})


@csrf_exempt
@require_http_methods(["POST", "OPTIONS"])
@_of_link
def player_plays(request: HttpRequest, screen: Screen, token: str) -> HttpResponse:
    """Take what the screen shows: plays as the API takes them, or what a Liquid Galaxy says: a scene, a tour."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        return _refused(f"A report has at most {MOST_BYTES:,} bytes.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        body = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refused(f"The report is not JSON that can be read: {error}.")
    if not isinstance(body, dict):
        return _refused("The report must be an object with “plays”, a director's scene, or a “query”.")
    plays = body.get("plays")
    if plays is None:
        return _from_galaxy(screen, body)
    if not isinstance(plays, list) or not 0 < len(plays) <= MOST_PLAYS:
        return _refused(f"“plays” must be a list of 1 to {MOST_PLAYS:,} plays.")
    sent_at = body.get("sent_at")
    try:
        clock = dt.datetime.fromisoformat(sent_at) if isinstance(sent_at, str) else None
    except ValueError:
        clock = None
    if sent_at is not None and (clock is None or clock.tzinfo is None):
        return _refused("“sent_at” must be a time with its offset from UTC.")
    return JsonResponse(
        store_posted(screen, read_each(ShownSerializer(), plays), clock, Source.LINK), status=HTTPStatus.ACCEPTED
    )


def _from_galaxy(screen: Screen, body: dict[str, Any]) -> HttpResponse:
    now = timezone.now()
    try:
        report = galaxies.read(body, screen=screen, now=now)
    except galaxies.NotUnderstood as error:
        return _refused(str(error))
    if report is None:
        return JsonResponse({"stored": 0, "refused": []}, status=HTTPStatus.ACCEPTED)
    stored = store(screen=screen, reports=[report], source=Source.DIRECTOR, now=now)
    refused = [{"number": number, "detail": sentence} for number, sentence in stored.refused]
    return JsonResponse({"stored": stored.plays, "refused": refused}, status=HTTPStatus.ACCEPTED)


def _refused(sentence: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> HttpResponse:
    return HttpResponse(json.dumps({"detail": sentence}), content_type="application/json", status=status)
