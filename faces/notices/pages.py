"""The pages of notices: one for the people before a display, for programs too, and one for the site's members."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from devices.managing.access import find_site
from devices.models import Device
from devices.pages.qr_codes import as_qr_code
from faces.models import DisplayNotice
from faces.notices.current import current_notice, current_notices
from faces.notices.statements import GROUPS

if TYPE_CHECKING:
    from devices.models import User


@require_safe
def display_notice(request: HttpRequest, code: str) -> HttpResponse:
    """Show what the camera of this display does, to everybody."""
    notice, device = _find(code)
    address = request.build_absolute_uri(reverse("display-notice", args=[code]))
    context = {
        "device": device,
        "notice": notice,
        "groups": [
            (title, [each["text"] for each in notice.content if each["group"] == group])
            for group, title in GROUPS.items()
        ],
        "address": address,
        "qr_code": as_qr_code(address),
    }
    return render(request, "faces/display_notice.html", context)


@require_safe
def display_notice_json(request: HttpRequest, code: str) -> HttpResponse:
    """Return the same for programs."""
    notice, device = _find(code)
    return JsonResponse(as_json(request, notice, device))


def as_json(request: HttpRequest, notice: DisplayNotice, device: Device) -> dict[str, Any]:
    return {
        "site": device.site.name,
        "display": device.name,
        "since": notice.since.isoformat(),
        "page": request.build_absolute_uri(reverse("display-notice", args=[notice.code])),
        "statements": notice.content,
    }


@login_required
@require_safe
def site_display_notices(request: HttpRequest, slug: str) -> HttpResponse:
    """List the notices of the site's displays, to be printed."""
    site = find_site(cast("User", request.user), slug)
    now = timezone.now()
    found = Device.objects.open().filter(site=site).select_related("site", "thing__state").order_by("name", "pk")
    devices = list(found)
    notices = current_notices(devices, now=now)
    context = {
        "site": site,
        "rows": [(device, notices[device.pk]) for device in devices],
        "tab": "site-policy",
    }
    return render(request, "faces/site_display_notices.html", context)


def _find(code: str) -> tuple[DisplayNotice, Device]:
    """Return the notice as it is now. Raises `Http404` for a display that is not there, or not there any more."""
    device = Device.objects.select_related("site", "thing__state").filter(notice__code=code, until=None).first()
    if device is None:
        raise Http404("There is no display with this notice, or its camera has gone.")
    return current_notice(device, now=timezone.now()), device
