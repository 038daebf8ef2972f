"""The page that lists the devices of a site."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from devices.managing.access import find_site
from devices.models import Device
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User

ROWS = 50
"""Devices on a page."""

SHOWN = {"here": Q(until=None), "left": Q(until__isnull=False), "all": Q()}
CHOICES = [("here", "that are here"), ("left", "that left"), ("all", "all")]


@login_required
@require_safe
def site_devices(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a page of the site's devices: of those whose name or thing name contains `?q=`, by `?show=`."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    q, shown = request.GET.get("q", "").strip(), request.GET.get("show", "here")
    shown = shown if shown in SHOWN else "here"
    devices: Any = Device.objects.filter(SHOWN[shown], site=site).select_related("site", "thing__state")
    if q:
        devices = devices.filter(Q(name__icontains=q) | Q(thing__name__icontains=q))
    page = Paginator(devices, ROWS).get_page(request.GET.get("page"))
    now = timezone.now()
    context = {
        "site": site,
        "may_operate": Right.OPERATE in site.rights_of(user),
        "page": page,
        "rows": [(device, device.latest_state, device.is_live(now)) for device in page],
        "q": q,
        "shown": shown,
        "choices": CHOICES,
        "now": now,
    }
    return render(request, "devices/managing/devices.html", context)
