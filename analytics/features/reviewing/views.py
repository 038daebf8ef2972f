"""The page on which reviewers call detections right or wrong."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from analytics.features.reviewing import effects, precision
from analytics.features.reviewing.items import ReviewItem, Show, detections_after, read_items, select_detections
from analytics.features.reviewing.page_query import PageQuery, parse_query
from analytics.models import Detection, Verdict
from analytics.models.archive import FactKind
from analytics.numbers import intervals, periods
from analytics.numbers.archived_facts import archived_days
from devices.models import Site
from devices.rules.roles import Right
from devices.rules.text import whole_number
from faces.sources.linked_pictures import ask_for

if TYPE_CHECKING:
    from devices.models import User

PAGE_SIZE = 24
"""The number of detections on a page."""

MOST_UNDO_STEPS = 20
"""The number of steps that can be undone."""

STEPS = "review_steps"
"""The key in the session of the steps that can be undone, each a list of detections with their verdicts before."""

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
    """Show a page of detections: `?site=&device=&label=&show=&least=&most=&days=&to=`; POST `verdict` or `undo`.

    A POST has `detection`s and a `verdict`: "right", "wrong" or "none". The response describes the numbers that
    changed, as JSON if the request accepts only JSON, else on the page.
    """
    user = cast("User", request.user)
    query = parse_query(request.GET, user, timezone.now())
    if query is None:
        return render(request, "analytics/review.html", {"query": None})
    if request.method == "POST":
        return _handle_post(request, user)
    return render(request, "analytics/review.html", _context(query, user, request))


def _context(query: PageQuery, user: "User", request: HttpRequest) -> dict[str, Any]:
    conditions = query.detection_filter
    detections = select_detections(conditions, user)
    if query.before is not None:
        last = Detection.objects.for_user(user).filter(pk=query.before).first()
        if last is None:
            raise Http404("The detection after which this page starts was deleted; open the first page.")
        detections = detections_after(detections, last)
    page = list(detections[: PAGE_SIZE + 1])
    has_next = len(page) > PAGE_SIZE
    items = read_items(page[:PAGE_SIZE], user)
    ask_for([item.linked for item in items if item.linked is not None], now=timezone.now())
    return {
        "query": query,
        "sites": Site.objects.for_user(user),
        "choices": periods.DAYS,
        "shows": [(key, name, query.address(show=key)) for key, name in SHOW_NAMES.items()],
        "periods": [(days, query.address(days=days)) for days in periods.DAYS],
        "older_period": query.address(to=query.period.older),
        "newer_period": query.address(to=query.period.newer) if query.period.newer else None,
        "without_pictures": query.address(show="open"),
        "items": items,
        "next": query.address(before=page[PAGE_SIZE - 1].pk) if has_next else None,
        "may_review": query.devices[0].site.allows(user, Right.OPERATE) if query.devices else False,
        "steps": len(request.session.get(STEPS, [])),
        "precision": precision.read_precision(
            conditions.devices, label=query.label, start=conditions.start, end=conditions.end
        ),
        "level": intervals.CONFIDENCE,
        "archived": _archived(query),
    }


def _archived(query: PageQuery) -> str:
    """Return the address of the archived detections of the page's period and place; "" without any."""
    start, end = query.detection_filter.start, query.detection_filter.end
    if not any(kind is FactKind.DETECTIONS for kind, _ in archived_days((start, end))):
        return ""
    chosen = {"kind": FactKind.DETECTIONS.value, "site": query.site.slug, "from": start.isoformat()}
    if query.spot:
        chosen["device"] = query.spot.latest.name
    return f"{reverse('archived-fact-list')}?{urlencode({**chosen, 'to': end.isoformat(), 'format': 'csv'})}"


def _handle_post(request: HttpRequest, user: "User") -> HttpResponse:
    is_undo = "undo" in request.POST
    step = _pop_step(request) if is_undo else _parse_step(request)
    if not step:
        return _respond(request, ["There is nothing to undo." if is_undo else "Select a detection first."], [])
    visible = Detection.objects.for_user(user).filter(pk__in=step).select_related("device__site")
    detections = {detection.pk: detection for detection in visible}
    if set(step) != set(detections) and not is_undo:
        raise Http404(
            "Some of these detections were deleted, or belong to sites of which you are no member; reload the page."
        )
    before = {item.detection.pk: item.own_verdict for item in read_items(list(detections.values()), user)}
    verdicts = {detection: _verdict(step[pk]) for pk, detection in detections.items()}
    try:
        sentences = effects.review_and_describe(verdicts=verdicts, by=user, now=timezone.now())
    except PermissionDenied as refusal:
        if not _wants_json(request):
            raise
        return JsonResponse({"detail": str(refusal)}, status=HTTPStatus.FORBIDDEN)
    if not is_undo:
        _push_step(request, before)
    return _respond(request, sentences, read_items(list(detections.values()), user))


def _respond(request: HttpRequest, sentences: list[str], items: list[ReviewItem]) -> HttpResponse:
    if _wants_json(request):
        states = [{"id": item.detection.pk, "mine": item.own_verdict, "said": item.summary} for item in items]
        return JsonResponse({"told": sentences, "detections": states, "steps": len(request.session.get(STEPS, []))})
    for sentence in sentences:
        messages.success(request, sentence)
    return redirect(request.get_full_path())


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "") == "application/json"


def _parse_step(request: HttpRequest) -> dict[int, str | None]:
    """Return the verdict of the request by primary key of the detection; None withdraws a verdict."""
    verdict = request.POST.get("verdict", "")
    # The buttons of a single detection send the verdict and the detection in one value.
    verdict, _, single = verdict.partition(" ")
    if verdict not in ("none", *Verdict.values):
        raise Http404("The verdict must be right, wrong or none.")
    keys = [single] if single else request.POST.getlist("detection")
    numbers = [whole_number(key) for key in keys[:PAGE_SIZE]]
    if None in numbers:
        raise Http404("A detection must be given by its number.")
    return {number: None if verdict == "none" else verdict for number in numbers if number is not None}


def _verdict(name: str | None) -> Verdict | None:
    return None if name is None else Verdict(name)


def _push_step(request: HttpRequest, before: dict[int, str | None]) -> None:
    steps = [*request.session.get(STEPS, []), [[pk, verdict] for pk, verdict in before.items()]]
    request.session[STEPS] = steps[-MOST_UNDO_STEPS:]


def _pop_step(request: HttpRequest) -> dict[int, str | None]:
    """Remove the latest step and return its detections with their verdicts before it; empty without a step."""
    steps = request.session.get(STEPS, [])
    if not steps:
        return {}
    request.session[STEPS] = steps[:-1]
    return dict(steps[-1])
