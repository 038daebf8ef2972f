"""The screens in the settings of a site."""

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices.managing.access import find_site, find_site_with
from devices.models import Device, Site
from devices.rules.roles import Right
from plays.experiments.now import what_now
from plays.intake import links
from plays.intake.services import change_screen
from plays.models import Play, Screen
from plays.pages.forms import ScreenForm

if TYPE_CHECKING:
    from devices.models import User


@login_required
@require_safe
def site_screens(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the site's screens: their cameras, when they last told a play, and what they shall show now."""
    user, now = cast("User", request.user), timezone.now()
    site = find_site(user, slug)
    devices = list(Device.objects.filter(site=site).order_by("pk").values_list("pk", flat=True))
    plays = Play.objects.filter(device__in=devices, screen=OuterRef("pk")).order_by("-started_at")
    latest = Subquery(plays.values("started_at")[:1])
    screens = list(Screen.objects.filter(site=site).select_related("player", "wall").annotate(played_at=latest))
    shall = what_now(screens, now=now)
    context = {
        "site": site,
        "rows": [(screen, shall[screen.pk]) for screen in screens],
        "may_change": Right.OPERATE in site.rights_of(user),
    }
    return render(request, "plays/screens.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_screen(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a screen."""
    site = find_site_with(cast("User", request.user), slug, Right.OPERATE)
    return _form_page(request, site, None)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def screen(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Change a screen."""
    site = find_site_with(cast("User", request.user), slug, Right.OPERATE)
    return _form_page(request, site, get_object_or_404(Screen.objects.filter(site=site), pk=pk))


def _form_page(request: HttpRequest, site: Site, found: Screen | None) -> HttpResponse:
    user = cast("User", request.user)
    form = ScreenForm(request.POST or None, instance=found, site=site, by_administrator=user.is_superuser)
    if request.method == "POST" and form.is_valid():
        saved = change_screen(screen=form.save(commit=False))
        messages.success(request, f"The screen “{saved}” is saved.")
        return redirect("site-screens", site.slug)
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    context = {"site": site, "form": form, "screen": found, "tab": "site-screens"}
    return render(request, "plays/screen_form.html", context, status=status)


@login_required
@require_POST
def new_link(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Make the link of a player, which is shown once, and ends the link before."""
    site = find_site_with(cast("User", request.user), slug, Right.OPERATE)
    found = get_object_or_404(Screen.objects.filter(site=site), pk=pk)
    token = links.make_link(screen=found)
    address = request.build_absolute_uri(reverse("player", args=[token]))
    return render(
        request, "plays/link.html", {"site": site, "screen": found, "address": address, "tab": "site-screens"}
    )
