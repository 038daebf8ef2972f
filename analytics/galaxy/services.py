"""Every write about walls: their tokens."""

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db import transaction

from analytics.models.walls import WallToken
from devices.models import Site
from devices.roles import Right
from devices.services import token_digest

if TYPE_CHECKING:
    from devices.models import User


@transaction.atomic
def create_wall_token(*, name: str, sites: Sequence[Site], by: "User") -> tuple[WallToken, str]:
    """A token that reads these sites' numbers, and its text, of which only the digest is stored: note it now.

    Raises `PermissionDenied` with a sentence unless it is given by a superuser, or by an operator or owner of each
    of the sites.
    """
    token, text = WallToken(name=name, created_by=by), secrets.token_urlsafe(32)
    own = set(Site.objects.all().permitted(by, Right.OPERATE))
    strangers = [site.name for site in sites if site not in own]
    if strangers:
        raise PermissionDenied(f"Only operators and owners of {', '.join(strangers)} may put it on a wall.")
    token.token_digest = token_digest(text)
    token.save()
    token.sites.set(sites)
    return token, text
