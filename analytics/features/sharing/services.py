"""Make, find and revoke shared pages."""

import datetime as dt
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from analytics.models.shares import SharedPage
from analytics.numbers import periods
from devices.models import Device, Site
from devices.rules.roles import Right, those_with
from devices.services import USE_STORED_EVERY, token_digest

if TYPE_CHECKING:
    from devices.models import User

DAYS_OFFERED = (7, 30, 90, 365)
"""After so many days a new link may expire. None lasts for ever: whoever has it needs no account."""

MOST_PAGES = 200
"""Shared pages of one site."""

PARAMETERS = ("period", "days", "from", "to", "hours", "beside", "label")
"""What of a page's address is shared."""


@transaction.atomic
def share(
    *, name: str, site: Site, device_name: str, parameters: Mapping[str, str], days: str, by: "User", now: dt.datetime
) -> tuple[SharedPage, str]:
    """Make a link to the page of the site, or of a spot of it; return it and the text of its token.

    Only a digest of the text is stored. Raises `ValidationError` with a sentence, and `PermissionDenied` unless `by`
    is operator or owner of the site.
    """
    if not site.allows(by, Right.OPERATE):
        raise PermissionDenied(f"Only {those_with(Right.OPERATE)} of {site} may share its pages.")
    if days not in map(str, DAYS_OFFERED):
        raise ValidationError(f"A link works for {', '.join(map(str, DAYS_OFFERED))} days.")
    if device_name and not Device.objects.filter(site=site, name=device_name).exists():
        raise ValidationError(f"{site} has no device “{device_name}”.")
    chosen = {each: parameters[each] for each in PARAMETERS if parameters.get(each)}
    try:
        periods.parse(chosen, zone=site.zone, now=now)
    except ValueError as error:
        raise ValidationError(str(error)) from None
    SharedPage.objects.filter(site=site, expires_at__lte=now).delete()
    if SharedPage.objects.filter(site=site).count() >= MOST_PAGES:
        raise ValidationError(f"{site} has {MOST_PAGES} shared pages. Revoke some of them first.")
    text = secrets.token_urlsafe(32)
    page = SharedPage(
        name=name.strip(),
        site=site,
        device_name=device_name,
        parameters=chosen,
        token_digest=token_digest(text),
        created_by=by,
        created_at=now,
        expires_at=now + dt.timedelta(days=int(days)),
    )
    page.full_clean()
    page.save()
    return page, text


def find(*, token: str, now: dt.datetime) -> SharedPage | None:
    """Return the shared page with this token; None if there is none, or it was revoked or has expired."""
    pages = SharedPage.objects.select_related("site").filter(token_digest=token_digest(token), expires_at__gt=now)
    page: SharedPage | None = pages.first()
    if page is not None and (page.used_at is None or now - page.used_at >= USE_STORED_EVERY):
        SharedPage.objects.filter(pk=page.pk).update(used_at=now)
    return page


def revoke(*, page: SharedPage, by: "User") -> None:
    """Delete the shared page, whose link opens nothing from now on. Raises `PermissionDenied` with a sentence."""
    if not page.site.allows(by, Right.OPERATE):
        raise PermissionDenied(f"Only {those_with(Right.OPERATE)} of {page.site} may revoke its shared pages.")
    page.delete()
