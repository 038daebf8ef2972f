"""The page on which people say which detections are right."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from analytics.models import Detection, Verdict
from analytics.numbers import intervals, periods
from analytics.reviewing import changes, precision
from analytics.reviewing.cards import Card, Show, cards, chosen, older_than
from analytics.reviewing.query import Query, parse
from devices.models import Site
from devices.roles import Right

if TYPE_CHECKING:
    from devices.models import User

AT_ONCE = 24
"""Detections of one page: what can be looked over without scrolling far."""

UNDOABLE = 20
"""Steps that can be undone; they are kept in the session."""

STEPS = "review_steps"

SHOW_NAMES: dict[Show, str] = {
    "pictured": "To do, with a picture",
    "open": "To do",
    "mine": "Reviewed by me",
    "right": "Right",
    "wrong": "Wrong",
    "disputed": "Disputed",
    "all": "All",
}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest) -> HttpResponse:
    """A grid of detections: `?site=&device=&label=&show=&least=&most=&days=&to=`; POST `verdict` or `undo`.

    A POST names its `detection`s, and as `verdict` "right", "wrong" or "none". It is answered with what changed, as
    JSON where that is asked for, else on the page itself.
    """
    user = cast("User", request.user)
    query = parse(request.GET, user, timezone.now())
    if query is None:
        return render(request, "analytics/review.html", {"query": None})
    if request.method == "POST":
        return _posted(request, user)
    return render(request, "analytics/review.html", _context(query, user, request))


def _context(query: Query, user: "User", request: HttpRequest) -> dict[str, Any]:
    found = chosen(query.wanted, user)
    if query.before is not None:
        last = Detection.objects.for_user(user).select_related("frame").filter(pk=query.before).first()
        if last is None:
            raise Http404("The detection after which to go on is gone.")
        found = older_than(found, last)
    shown = list(found[: AT_ONCE + 1])
    more = len(shown) > AT_ONCE
    wanted = query.wanted
    return {
        "query": query,
        "sites": Site.objects.for_user(user),
        "choices": periods.DAYS,
        "shows": [(key, name, query.address(show=key)) for key, name in SHOW_NAMES.items()],
        "periods": [(days, query.address(days=days)) for days in periods.DAYS],
        "older_period": query.address(to=query.period.older),
        "newer_period": query.address(to=query.period.newer) if query.period.newer else None,
        "without_pictures": query.address(show="open"),
        "cards": cards(shown[:AT_ONCE], user),
        "next": query.address(before=shown[AT_ONCE - 1].pk) if more else None,
        "may_review": query.devices[0].site.allows(user, Right.OPERATE) if query.devices else False,
        "steps": len(request.session.get(STEPS, [])),
        "precision": precision.table(wanted.devices, label=query.label, start=wanted.start, end=wanted.end),
        "level": intervals.CONFIDENCE,
    }


def _posted(request: HttpRequest, user: "User") -> HttpResponse:
    is_undo = "undo" in request.POST
    step = _undone(request) if is_undo else _asked(request)
    if not step:
        return _answer(request, ["There is nothing to undo." if is_undo else "Select a detection first."], [])
    found = Detection.objects.for_user(user).filter(pk__in=step).select_related("frame__device__site")
    detections = {each.pk: each for each in found}
    if set(step) != set(detections) and not is_undo:
        raise Http404("Not all of these detections are there.")
    before = {card.detection.pk: card.mine for card in cards(list(detections.values()), user)}
    verdicts = {each: _verdict(step[pk]) for pk, each in detections.items()}
    try:
        told = changes.review(verdicts=verdicts, by=user, now=timezone.now())
    except PermissionDenied as refusal:
        if not _wants_json(request):
            raise
        return JsonResponse({"detail": str(refusal)}, status=HTTPStatus.FORBIDDEN)
    if not is_undo:
        _remember(request, before)
    return _answer(request, told, cards(list(detections.values()), user))


def _answer(request: HttpRequest, told: list[str], after: list[Card]) -> HttpResponse:
    if _wants_json(request):
        states = [{"id": card.detection.pk, "mine": card.mine, "said": card.said} for card in after]
        return JsonResponse({"told": told, "detections": states, "steps": len(request.session.get(STEPS, []))})
    for sentence in told:
        messages.success(request, sentence)
    return redirect(request.get_full_path())


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "") == "application/json"


def _asked(request: HttpRequest) -> dict[int, str | None]:
    verdict = request.POST.get("verdict", "")
    # A button of a single card names its detection together with the verdict.
    verdict, _, single = verdict.partition(" ")
    if verdict not in ("none", *Verdict.values):
        raise Http404("A verdict is right, wrong or none.")
    given = [single] if single else request.POST.getlist("detection")
    if not all(number.isdecimal() for number in given):
        raise Http404("A detection is named by its number.")
    return {int(number): None if verdict == "none" else verdict for number in given[:AT_ONCE]}


def _verdict(name: str | None) -> Verdict | None:
    return None if name is None else Verdict(name)


def _remember(request: HttpRequest, before: dict[int, str | None]) -> None:
    steps = [*request.session.get(STEPS, []), [[pk, verdict] for pk, verdict in before.items()]]
    request.session[STEPS] = steps[-UNDOABLE:]


def _undone(request: HttpRequest) -> dict[int, str | None]:
    """What the latest step changed, and what was there before it; nothing where there is none."""
    steps = request.session.get(STEPS, [])
    if not steps:
        return {}
    request.session[STEPS] = steps[:-1]
    return dict(steps[-1])
