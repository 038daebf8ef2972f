"""The tokens of walls: to create and revoke them, and to find the sites that one shows."""

import datetime as dt
import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from analytics.features.galaxy.serving.auditing import record_change
from analytics.models.walls import WallToken
from devices.models import Site
from devices.rules.roles import Right, those_with
from devices.services import USE_STORED_EVERY, token_digest

if TYPE_CHECKING:
    from devices.models import User


@transaction.atomic
def create_wall_token(
    *, name: str, sites: Sequence[Site], by: "User", expires_at: dt.datetime | None = None
) -> tuple[WallToken, str]:
    """Create a token that reads the numbers of these sites; return it and its text, which is not stored.

    Raises `ValidationError` if the name is missing or wrong, and `PermissionDenied` with a sentence unless `by` is a
    superuser, or operator or owner of each of the sites.
    """
    token, text = WallToken(name=name, created_by=by, expires_at=expires_at), secrets.token_urlsafe(32)
    permitted = set(Site.objects.all().permitted(by, Right.OPERATE))
    refused = [site.name for site in sites if site not in permitted]
    if refused:
        raise PermissionDenied(f"Only operators and owners of {', '.join(refused)} may put a site on a wall.")
    token.token_digest = token_digest(text)
    token.full_clean()
    token.save()
    token.sites.set(sites)
    return token, text


@transaction.atomic
def change_wall(
    *, token: WallToken, name: str, expires_at: dt.datetime | None, sites: Sequence[Site] | None, by: "User"
) -> None:
    """Give the wall another name, another end or, unless `sites` is None, other sites. Its addresses stay valid.

    Raises `ValidationError` if the name is missing or wrong or no site is left, and `PermissionDenied` with a sentence
    unless `by` is operator or owner of each site that it shows or will show.
    """
    shown = list(token.sites.all())
    wanted = shown if sites is None else list(sites)
    _check_operates(by, {*shown, *wanted}, "change this wall")
    if not wanted:
        raise ValidationError({"sites": ["Name the sites that the wall shows."]})
    before = {"name": token.name, "expires_at": token.expires_at}
    token.name, token.expires_at = name, expires_at
    token.full_clean()
    token.save()
    token.sites.set(wanted)
    after = {"name": name, "expires_at": expires_at}
    changes = {field: [old, after[field]] for field, old in before.items() if old != after[field]}
    if changes:
        record_change(token, changes)


@transaction.atomic
def take_off_wall(*, token: WallToken, site: Site, by: "User") -> None:
    """Have the token show this site no more. A token without a site is deleted.

    Raises `PermissionDenied` with a sentence unless `by` is operator or owner of the site.
    """
    if not site.allows(by, Right.OPERATE):
        raise PermissionDenied(f"Only {those_with(Right.OPERATE)} of {site} may take it off a wall.")
    token.sites.remove(site)
    if not token.sites.exists():
        token.delete()


@transaction.atomic
def delete_wall(*, token: WallToken, by: "User") -> None:
    """Delete the token, whose wall then shows nothing.

    Raises `PermissionDenied` with a sentence unless `by` is operator or owner of all of its sites.
    """
    _check_operates(by, token.sites.all(), "delete this wall")
    token.delete()


def _check_operates(by: "User", sites: Iterable[Site], what: str) -> None:
    permitted = set(Site.objects.all().permitted(by, Right.OPERATE))
    if refused := sorted(site.name for site in sites if site not in permitted):
        raise PermissionDenied(f"Only {those_with(Right.OPERATE)} of {', '.join(refused)} may {what}.")


def sites_of_token(*, digest: str, now: dt.datetime) -> tuple[Site, ...]:
    """Return the sites of the token with this digest, unless it has expired; record its use, to the hour. One query."""
    links: Any = WallToken.sites.through._default_manager
    rows = list(links.filter(walltoken__token_digest=digest).select_related("walltoken", "site").order_by("site__name"))
    if not rows or (rows[0].walltoken.expires_at is not None and rows[0].walltoken.expires_at <= now):
        return ()
    token = rows[0].walltoken
    if token.used_at is None or now - token.used_at >= USE_STORED_EVERY:
        WallToken.objects.filter(pk=token.pk).update(used_at=now)
    return tuple(row.site for row in rows)
