"""The page with the settings of a site."""

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from devices import services
from devices.managing.access import check_right, find_site
from devices.managing.forms import SiteForm
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def site_settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the settings of a site to its members, and to its owners as a form. A POST changes them."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    if request.method != "POST":
        form = SiteForm(instance=site) if Right.MANAGE in site.rights_of(user) else None
        return render(request, "devices/managing/site.html", {"site": site, "form": form})
    check_right(user, site, Right.MANAGE)
    name = site.name
    form = SiteForm(request.POST, instance=site)
    if not form.is_valid():
        site.name = name  # the form has assigned what was typed
        context = {"site": site, "form": form}
        return render(request, "devices/managing/site.html", context, status=HTTPStatus.BAD_REQUEST)
    services.change_site(site=form.instance)
    messages.success(request, f"The settings of {site} are saved.")
    return redirect("site-settings", site.slug)
