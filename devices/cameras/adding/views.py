"""The pages on which operators add cameras and adopt unknown things, and what a box downloads to be set up."""

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from devices.cameras.adding import adopting, install, services
from devices.cameras.adding.progress import read_progress
from devices.cameras.adding.services import Kind, NewCamera
from devices.cameras.releases import wheel
from devices.managing.access import find_site_with
from devices.models import AgentRelease, CameraClaim, Device, Site
from devices.pages.qr_codes import as_qr_code
from devices.rules.roles import Right
from edge_agent.config import is_loopback
from edge_agent.setup.onvif import FoundCamera, find_cameras

if TYPE_CHECKING:
    from devices.models import User


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def add_camera(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form for a new camera. A POST adds it, or, with `find`, looks for cameras on the server's network."""
    site = _operated_site(request, slug)
    errors: dict[str, list[str]] = {}
    found: list[FoundCamera] | None = None
    typed = request.POST
    if "find" in typed:
        try:
            found = find_cameras()
        except OSError as error:
            errors["address"] = [f"The server's network cannot be asked for cameras: {error.strerror or error}."]
    elif request.method == "POST":
        fields = {name: typed.get(name, "") for name in NewCamera.__dataclass_fields__}
        try:
            device = services.add_camera(
                site=site, camera=NewCamera(**fields), by=cast("User", request.user), now=timezone.now()
            )
        except ValidationError as error:
            errors = error.message_dict
        else:
            adopting.replay_soon(device.thing_name)
            return redirect("camera-setup", site.slug, device.name)
    context = {
        "site": site,
        "tab": "site-devices",
        "kinds": Kind,
        "kind": typed.get("kind", Kind.WEBCAM),
        "typed": typed,
        "errors": errors,
        "found": found,
        "unreachable_broker": _unreachable_broker(request),
    }
    status = HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK
    return render(request, "devices/adding/add.html", context, status=status)


def _unreachable_broker(request: HttpRequest) -> bool:
    """Whether boxes would be told of a broker on loopback, although this page is not opened there."""
    host = request.get_host().rpartition(":")[0] or request.get_host()
    broker = settings.DEVICES_MQTT_URL.partition("//")[2].rpartition("@")[2].partition(":")[0].strip("/")
    return is_loopback(broker) and not is_loopback(host.strip("[]"))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def camera_setup(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show the command, and how far the camera has come. A POST makes a new code, or ends the set-up."""
    site = _operated_site(request, slug)
    here = Device.objects.open().filter(site=site, name=name).select_related("site", "thing")
    device = get_object_or_404(here)
    now = timezone.now()
    if request.method == "POST":
        if request.POST.get("action") == "finish":
            services.finish_setup(thing=device.thing)
            return redirect(device.get_absolute_url())
        services.make_claim(device=device, source=request.POST.get("address", "").strip() or None, now=now)
        return redirect("camera-setup", site.slug, device.name)
    claim = CameraClaim.objects.filter(thing=device.thing).first()
    code = services.open_code(claim, now) if claim is not None else ""
    progress = read_progress(device, now=now)
    shown = ""
    if code:
        script = request.build_absolute_uri(reverse("agent-install"))
        shown = install.command(script=script, code=code, sha256=wheel.current_release().sha256)
    context = {
        "site": site,
        "tab": "site-devices",
        "device": device,
        "claim": claim,
        "command": shown,
        "qr_code": as_qr_code(shown, error="l") if shown else "",
        "progress": progress,
        "view": base64.b64encode(progress.view).decode() if progress.view else "",
        "has_own_box": claim is not None,
    }
    return render(request, "devices/adding/setup.html", context)


@require_safe
def install_script(request: HttpRequest) -> HttpResponse:
    """Return the script that sets a box up. It contains no secret; the code is an argument of the command."""
    release = wheel.current_release()
    context = {
        "script": request.build_absolute_uri(),
        "wheel": request.build_absolute_uri(wheel_address(release)),
        "address": request.build_absolute_uri("/").rstrip("/"),
    }
    script = render(request, "devices/adding/install.sh", context).content
    return HttpResponse(script, content_type="text/x-shellscript; charset=utf-8")


@require_safe
def agent_wheel(request: HttpRequest, file_name: str) -> HttpResponse:
    """Return a wheel of the agent. Its content is the published program and no secret."""
    release = AgentRelease.objects.filter(file_name=file_name).first()
    if release is None:
        raise Http404("There is no such wheel.")
    response = HttpResponse(bytes(release.wheel), content_type="application/octet-stream")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def wheel_address(release: AgentRelease) -> str:
    """Return the path of the release's wheel. A plus sign is written %2B, as pip expects it."""
    return reverse("agent-wheel", args=[release.file_name]).replace("+", "%2B")


def _operated_site(request: HttpRequest, slug: str) -> Site:
    """Return the site. Another site is a 404, and one at which the user may not change cameras a 403."""
    return find_site_with(cast("User", request.user), slug, Right.OPERATE)
