"""Create the tokens of walls."""

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
    """Create a token that reads the numbers of these sites; return it and its text, which is not stored.

    Raises `ValidationError` if the name is missing or wrong, and `PermissionDenied` with a sentence unless `by` is a
    superuser, or operator or owner of each of the sites.
    """
    token, text = WallToken(name=name, created_by=by), secrets.token_urlsafe(32)
    permitted = set(Site.objects.all().permitted(by, Right.OPERATE))
    refused = [site.name for site in sites if site not in permitted]
    if refused:
        raise PermissionDenied(f"Only operators and owners of {', '.join(refused)} may put a site on a wall.")
    token.token_digest = token_digest(text)
    token.full_clean()
    token.save()
    token.sites.set(sites)
    return token, text
