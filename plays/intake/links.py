"""Links of players: with one, a player reports what its screen shows and asks what to show, without an account."""

import secrets

from devices.services import token_digest
from plays.models import Screen


def make_link(*, screen: Screen) -> str:
    """Make the screen's link, and return its token, of which only a digest is stored. The link before works no more."""
    token = secrets.token_urlsafe(24)
    Screen.objects.filter(pk=screen.pk).update(link_digest=token_digest(token))
    return token


def screen_of(token: str) -> Screen | None:
    """Return the screen whose link has this token; None where there is none."""
    digest = token_digest(token)
    return Screen.objects.filter(link_digest=digest).select_related("site").first()
