"""The page of walls that show several sites, for whoever operates them all."""

import datetime as dt
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from analytics.features.galaxy.serving import services
from analytics.features.galaxy.serving.pair_views import boards_of_several, chosen_sites, pairing_form
from analytics.features.galaxy.serving.tokens_page import DEFAULT_SCREENS
from analytics.models.walls import WallToken
from devices.models import Site
from devices.pages.views import DAYS_OFFERED, parse_days
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User

WALLS_OF_PAGE = 50


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def walls(request: HttpRequest) -> HttpResponse:
    """Show the walls at all of whose sites the user is operator or owner. A POST makes one of the chosen sites."""
    user = cast("User", request.user)
    made, link, errors = None, "", []
    if request.method == "POST":
        sites = chosen_sites(request)
        try:
            if not sites:
                raise ValidationError("Choose the sites that the wall shows.")
            days = parse_days(request.POST.get("days", ""))
            expires_at = timezone.now() + dt.timedelta(days=days) if days else None
            name = request.POST.get("name", "").strip()
            made, text = services.create_wall_token(name=name, sites=sites, by=user, expires_at=expires_at)
            link = request.build_absolute_uri(reverse("wall-setup", args=[text, DEFAULT_SCREENS]))
        except ValidationError as error:
            errors = error.messages
    found: Any = WallToken.objects.all()
    found = found.permitted(user, Right.OPERATE).select_related("created_by").prefetch_related("sites").distinct()
    page = Paginator(found, WALLS_OF_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "sites": Site.objects.all().permitted(user, Right.OPERATE).order_by("name"),
        "made": made,
        "link": link,
        "errors": errors,
        "typed": request.POST if errors else {},
        "chosen": request.POST.getlist("site") if errors else [],
        "days_offered": DAYS_OFFERED,
        **pairing_form(request, boards_of_several()),
        "now": timezone.now(),
    }
    status = HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK
    return render(request, "analytics/galaxy/walls.html", context, status=status)


@login_required
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a wall's token at all of whose sites the user is operator or owner; any other one is a 404."""
    user = cast("User", request.user)
    permitted: Any = WallToken.objects.all().permitted(user, Right.OPERATE)
    token = get_object_or_404(permitted, pk=pk)
    services.delete_wall(token=token, by=user)
    messages.success(request, f"The wall “{token}” shows nothing more, from its next refresh on.")
    return redirect("walls")
