"""The pages of a camera's place: its history, and each change of it, with what will happen said before it is done."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices import services
from devices.managing.access import check_right, find_site
from devices.managing.places import sought
from devices.managing.places.changes import CHANGES
from devices.managing.places.device_form import CameraForm, settings_table
from devices.models import Device, Site
from devices.mqtt.broker import BrokerUnavailable
from devices.mqtt.settings import send_config
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User


@login_required
@require_safe
def device_place(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show where the camera was, which cameras were at its place, and what can be changed."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    return render(request, "devices/managing/place.html", _place(user, site, _find_device(site, pk)))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change_place(request: HttpRequest, slug: str, pk: int, change: str) -> HttpResponse:
    """Show the form of a change. A POST shows what will happen; a POST with `confirmed` does it."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    device = _find_device(site, pk)
    check_right(user, site, Right.OPERATE)
    form_class = CHANGES.get(change)
    if form_class is None or not form_class.suits(device):
        raise Http404(f"“{change}” is no change that {device} can have now.")
    status, sentences = HTTPStatus.OK, []
    with timezone.override(site.zone):
        typed: Any = request.POST if request.method == "POST" else {} if form_class.is_foreseen_at_once else None
        form = form_class(device, user, typed, now=timezone.now())
        if typed is not None:
            sentences = form.foresee() if form.is_valid() else []
            if form.is_valid() and "confirmed" in request.POST:
                try:
                    shown = form.perform() or device
                except ValidationError as refusal:  # something has changed since it was foreseen
                    form.refuse(refusal)
                else:
                    messages.success(request, " ".join(filter(None, [sentences[0], form.follow_up()])))
                    return _go_to(user, shown)
            if request.method == "POST" and not form.is_valid():
                status = HTTPStatus.BAD_REQUEST
        context = {"site": site, "device": device, "form": form, "sentences": sentences, "tab": "site-devices"}
        return render(request, "devices/managing/change_place.html", context, status=status)


@login_required
@never_cache
@require_POST
def issue_token(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Replace the token of the camera, and show the new one, this once only."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    device = _find_device(site, pk)
    check_right(user, site, Right.OPERATE)
    if not device.is_open:
        raise Http404(f"{device} has left {site}; its token belongs to another place now.")
    token = services.issue_device_token(device=device)
    return render(request, "devices/managing/place.html", {**_place(user, site, device), "token": token})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def camera_settings(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show the desired and the reported settings of the camera. A POST changes them, and sends them to the camera."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    device = _find_device(site, pk)
    check_right(user, site, Right.OPERATE)
    if not device.is_open:
        raise Http404(f"{device} has left {site}; its settings belong to another place now.")
    posted = request.method == "POST"
    # A copy, because the form assigns what was typed to its device.
    form = CameraForm(request.POST if posted else None, instance=_find_device(site, pk))
    if posted and form.is_valid():
        names = (
            *("clock_timezone", "faces_sought", "labels_sought"),
            *("waits_between_uploads", "sought_is_corrected"),
        )
        values = {name: form.cleaned_data[name] for name in names}
        is_new = sought.change_camera(device=device, by=user, settings=form.settings(), now=timezone.now(), **values)
        if is_new:
            _send(request, device)
        messages.success(request, f"The settings of {device} are saved.")
        return redirect("device-place", site.slug, device.pk)
    context = {
        "site": site,
        "device": device,
        "form": form,
        "in_force": settings_table(device),
        "tab": "site-devices",
    }
    status = HTTPStatus.BAD_REQUEST if posted else HTTPStatus.OK
    return render(request, "devices/managing/camera.html", context, status=status)


def _send(request: HttpRequest, device: Device) -> None:
    try:
        send_config(thing=device.thing)
    except BrokerUnavailable as error:
        messages.warning(request, f"The settings could not be sent yet. Headcount tries every minute. {error}")


def _place(user: "User", site: Site, device: Device) -> dict[str, Any]:
    stretches = Device.objects.select_related("site", "thing").order_by("-since", "-pk")
    may_change = Right.OPERATE in site.rights_of(user)
    return {
        "site": site,
        "device": device,
        "state": device.latest_state,
        "is_live": device.is_live(timezone.now()),
        "now": timezone.now(),
        "of_spot": _latest_first(stretches.of_spot(device)),
        "of_thing": _latest_first(stretches.for_user(user).filter(thing=device.thing_id)),
        "changes": [(name, form.title) for name, form in CHANGES.items() if form.suits(device)] if may_change else [],
        "may_change": may_change,
        "tab": "site-devices",
    }


def _latest_first(stretches: Any) -> list[Device]:
    """Sort in Python: databases disagree on where a stretch without a beginning stands."""
    return sorted(stretches, key=lambda each: (each.since is not None, each.since or 0, each.pk), reverse=True)


def _find_device(site: Site, pk: int) -> Device:
    device: Device = get_object_or_404(Device.objects.select_related("site", "thing__state"), pk=pk, site=site)
    return device


def _go_to(user: "User", device: Device) -> HttpResponse:
    """Redirect to the page of the device, or to the devices of its site if it was removed."""
    there = Device.objects.for_user(user).filter(pk=device.pk).select_related("site").first()
    if there is None:
        return redirect("site-devices", device.site.slug)
    return redirect("device-place", there.site.slug, there.pk)
