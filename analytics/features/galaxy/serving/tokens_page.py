"""The page of a site's settings with the walls that show it, and with the API tokens of its members."""

import datetime as dt
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from analytics.features.galaxy.serving import services
from analytics.features.galaxy.serving.pair_views import boards_of_a_site, pairing_form
from analytics.models.walls import WallToken
from devices.managing.access import check_right, find_site
from devices.models import ApiToken, Site
from devices.pages.views import DAYS_OFFERED, parse_days
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User

DEFAULT_SCREENS = 3
"""The number of screens on the set-up page that a new token links to."""


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def site_walls(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the walls of a site and the API tokens that can read it. A POST makes a token for a wall of this site."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    made, link, errors = None, "", []
    if request.method == "POST":
        check_right(user, site, Right.OPERATE)
        try:
            days = parse_days(request.POST.get("days", ""))
            expires_at = timezone.now() + dt.timedelta(days=days) if days else None
            name = request.POST.get("name", "").strip()
            made, text = services.create_wall_token(name=name, sites=[site], by=user, expires_at=expires_at)
            link = request.build_absolute_uri(reverse("wall-setup", args=[text, DEFAULT_SCREENS]))
        except ValidationError as error:
            errors = error.messages
    rights = site.rights_of(user)
    walls: Any = WallToken.objects.filter(sites=site).select_related("created_by").prefetch_related("sites")
    tokens: Any = ApiToken.objects.filter(user__memberships__site=site).select_related("user")
    context = {
        "site": site,
        "walls": walls if Right.OPERATE in rights else walls.none(),
        "tokens": tokens if Right.MANAGE in rights else tokens.filter(user=user),
        "may_change": Right.OPERATE in rights,
        "operates_several": Site.objects.all().permitted(user, Right.OPERATE)[:2].count() > 1,
        "sees_all": Right.MANAGE in rights,
        "made": made,
        "link": link,
        "errors": errors,
        "typed": request.POST if errors else {},
        "days_offered": DAYS_OFFERED,
        **pairing_form(request, boards_of_a_site(site)),
        "now": timezone.now(),
    }
    status = HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK
    return render(request, "analytics/galaxy/tokens.html", context, status=status)


@login_required
@require_POST
def revoke(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take the site off a wall. A wall's token without a site is deleted."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    token = get_object_or_404(WallToken, pk=pk, sites=site)
    services.take_off_wall(token=token, site=site, by=user)
    messages.success(request, f"The wall “{token}” shows {site} no more, from its next refresh on.")
    return redirect("site-walls", site.slug)
