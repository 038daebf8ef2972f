"""The pages of a site's pictures and coffees, and the faces in pictures."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from devices.audit.recording import record_look
from devices.managing.access import find_site, find_site_with
from devices.models import Device, Site
from devices.rules.roles import Right
from devices.rules.text import whole_number
from faces.coffees.counting import restore_coffee, void_coffee
from faces.desk import words
from faces.desk.portraits import face_of
from faces.models import Capture, Coffee, Sighting
from faces.pictures import links
from faces.recognition.recognising import NotAgain, recognise_again

if TYPE_CHECKING:
    from devices.models import User

ROWS = 24

REASONS = ("No coffee in the picture", "Somebody else’s cup", "Counted twice")
"""What a coffee is voided for most often; another reason can be typed."""

MISTAKE = "Voided by mistake"

WITH = {"": "all pictures", "people": "with people by name", "cups": "with cups", "problems": "not recognised"}


@login_required
@require_safe
def captures(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the pictures of the site, newest first: of `?device=`, with `?with=`, before `?before=`."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    found = Capture.objects.filter(device__site=site)
    match request.GET.get("with", ""):
        case "people":
            found = found.filter(sightings__person__isnull=False).distinct()
        case "cups":
            found = found.filter(cups__gt=0)
        case "problems":
            found = found.exclude(state="done")
    found = _of_device(found, request).select_related("device").prefetch_related("sightings__person")
    rows, older = _before(found, request, Capture)
    context = {
        **_about(request, site),
        "rows": [(capture, words.of_capture(capture)) for capture in rows],
        "older": older,
        "choices": WITH.items(),
        "chosen": request.GET.get("with", ""),
    }
    return render(request, "faces/desk/captures.html", context)


@login_required
@require_safe
def capture(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """Show one picture with who was recognised, in words."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    rows = Capture.objects.filter(device__site=site).select_related("device")
    found = get_object_or_404(rows.prefetch_related("sightings__person", "sightings__coffee"), pk=pk)
    record_look(by=user, subject="pictures", site=site, number=found.device_id, label=found.device.name)
    sightings = sorted(found.sightings.all(), key=lambda sighting: sighting.number)
    context = {
        **_about(request, site),
        "tab": "site-captures",
        "capture": found,
        "said": words.of_capture(found),
        "sightings": [(sighting, words.likeness(sighting)) for sighting in sightings],
        "coffees": list(Coffee.objects.filter(sighting__capture=found).select_related("person", "reviewed_by")),
    }
    return render(request, "faces/desk/capture.html", context)


@login_required
@require_POST
def recognise_anew(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """Queue the picture for another recognition."""
    site = find_site_with(cast("User", request.user), slug, Right.OPERATE)
    found = get_object_or_404(Capture.objects.filter(device__site=site).select_related("device"), pk=pk)
    try:
        recognise_again(capture=found)
        messages.success(request, "The picture is recognised again; this takes some seconds.")
    except NotAgain as error:
        messages.error(request, str(error))
    return redirect("site-capture", slug, pk)


@login_required
@require_safe
def coffees(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the coffees of the site with their pictures, newest first: of `?device=` or `?person=`, or `?voided=yes`."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    found = Coffee.objects.filter(device__site=site)
    if request.GET.get("voided"):
        found = found.filter(voided=True)
    if request.GET.get("person"):
        found = found.filter(person=_number(request.GET["person"]))
    found = _of_device(found, request).select_related("device", "person", "reviewed_by", "sighting__capture")
    rows, older = _before(found, request, Coffee)
    context = {**_about(request, site), "coffees": rows, "older": older, "voided": request.GET.get("voided", "")}
    return render(request, "faces/desk/coffees.html", context)


@login_required
@require_POST
def review_coffee(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Void the coffee for the reason given, or with `restore` count it again."""
    user = cast("User", request.user)
    site = find_site_with(user, slug, Right.OPERATE)
    coffee = get_object_or_404(Coffee.objects.select_related("device__site"), device__site=site, pk=pk)
    restores = "restore" in request.POST
    reason = (request.POST.get("other") or request.POST.get("reason") or (MISTAKE if restores else "")).strip()
    try:
        (restore_coffee if restores else void_coffee)(coffee=coffee, by=user, reason=reason)
    except (ValueError, ValidationError) as error:
        messages.error(request, " ".join(getattr(error, "messages", None) or [str(error)]))
    else:
        messages.success(request, "The coffee counts again." if restores else "The coffee is voided.")
    back = request.POST.get("back", "")
    if back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return HttpResponseRedirect(back)
    return redirect("site-coffees", slug)


@require_safe
def face_image(request: HttpRequest, pk: int, link: str) -> HttpResponse:
    """Return the face of a sighting for a link of this session; 404 for users without access to its site."""
    rows = Sighting.objects.for_user(request.user).select_related("capture__device__site")
    sighting = get_object_or_404(with_box(rows), pk=pk)
    if not links.is_valid(link, f"face {pk}", bearer=links.bearer(request), now=timezone.now()):
        raise Http404(links.EXPIRED)
    face = face_of(sighting)
    if face is None:
        raise Http404("The picture has been removed.")
    device = sighting.capture.device
    record_look(
        by=cast("User", request.user), subject="pictures", site=device.site, number=device.pk, label=device.name
    )
    headers = {"Cache-Control": f"private, max-age={links.LIFETIME.seconds}"}
    return HttpResponse(face, content_type="image/jpeg", headers=headers, status=HTTPStatus.OK)


def with_box(sightings: Any) -> Any:
    return sightings.exclude(box=None)


def _about(request: HttpRequest, site: Site) -> dict[str, Any]:
    names = sorted(set(Device.objects.filter(site=site).values_list("name", flat=True)))
    return {
        "site": site,
        "devices": names,
        "device": request.GET.get("device", ""),
        "reasons": REASONS,
        "may_operate": Right.OPERATE in site.rights_of(cast("User", request.user)),
        "is_first": not request.GET.get("before"),
    }


def _of_device(rows: Any, request: HttpRequest) -> Any:
    name = request.GET.get("device", "")
    return rows.filter(device__name=name) if name else rows


def _before(rows: Any, request: HttpRequest, model: Any) -> tuple[list[Any], Any]:
    """Return one page of rows, which follow the row `?before=`, and the key for the next page or None."""
    before = request.GET.get("before", "")
    if before:
        try:
            last = model.objects.get(pk=before)
        except (model.DoesNotExist, ValueError, OverflowError):
            raise Http404("“before” is the key of a row.") from None
        except Exception as error:  # a key that is no UUID
            if type(error).__name__ != "ValidationError":
                raise
            raise Http404("“before” is the key of a row.") from None
        rows = rows.filter(Q(taken_at__lt=last.taken_at) | Q(taken_at=last.taken_at, pk__lt=last.pk))
    found = list(rows.order_by("-taken_at", "-pk")[: ROWS + 1])
    return found[:ROWS], found[ROWS - 1].pk if len(found) > ROWS else None


def _number(text: str) -> int:
    number = whole_number(text)
    if number is None:
        raise Http404("There is no such person here.")
    return number
