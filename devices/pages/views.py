"""The health of the platform, and each user's account page."""

import datetime as dt
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods, require_POST

from devices import health, services

if TYPE_CHECKING:
    from devices.models import User

DAYS_OFFERED = (30, 90, 365)
"""Days after which a new token may be made to expire."""


def healthz(request: HttpRequest) -> HttpResponse:
    """Return “ok” with status 200 if all parts work, otherwise “not ok” with 503.

    Administrators also get a line for each part. Strangers may ask, so that a load balancer needs no account; they
    learn nothing more.
    """
    lines = health.report(timezone.now())
    well = all(line.well for line in lines)
    text = "ok\n" if well else "not ok\n"
    if _is_administrator(request):
        text += "".join(f"{line}\n" for line in lines)
    return HttpResponse(text, status=200 if well else 503, content_type="text/plain; charset=utf-8")


def _is_administrator(request: HttpRequest) -> bool:
    # Without the database nobody can be recognised, and the answer must say so instead of failing.
    try:
        return bool(request.user.is_superuser)
    except DatabaseError:
        return False


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show the user's roles and API tokens. A POST with `name` creates a token and shows its text, this once only."""
    user = cast("User", request.user)
    new_token, errors = None, []
    if request.method == "POST":
        try:
            days = parse_days(request.POST.get("days", ""))
            new_token = services.issue_api_token(
                user=user,
                name=request.POST.get("name", "").strip(),
                only_reads="only_reads" in request.POST,
                expires_at=timezone.now() + dt.timedelta(days=days) if days else None,
            )
        except ValidationError as error:
            errors = error.messages
    context = {
        "memberships": user.memberships.select_related("site").order_by("site__name"),
        "tokens": user.api_tokens.all(),
        "new_token": new_token,
        "errors": errors,
        "typed": request.POST if errors else {},
        "days_offered": DAYS_OFFERED,
    }
    response = render(request, "devices/account.html", context, status=400 if errors else 200)
    add_never_cache_headers(response)
    return response


def parse_days(text: str) -> int | None:
    """Return for how many days a new token shall work; None for ever. Raises `ValidationError`."""
    if text in ("", "never"):
        return None
    if text not in map(str, DAYS_OFFERED):
        raise ValidationError(f"A token works for {', '.join(map(str, DAYS_OFFERED))} days, or until it is revoked.")
    return int(text)


@login_required
@require_POST
def revoke_all_tokens(request: HttpRequest) -> HttpResponse:
    """Revoke all tokens of the user, as after a stolen password."""
    count = services.revoke_api_tokens(user=cast("User", request.user))
    messages.success(request, f"{count} tokens are revoked. Programs that use them are refused from now on.")
    return redirect("account")


@login_required
@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke one of the user's own tokens."""
    user = cast("User", request.user)
    token = get_object_or_404(user.api_tokens.all(), pk=pk)
    services.revoke_api_token(token=token)
    messages.success(request, f"The token “{token}” is revoked. Programs that use it are refused from now on.")
    return redirect("account")
