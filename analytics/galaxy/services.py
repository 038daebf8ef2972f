"""Every write about walls: their tokens, and the snapshots that make all screens agree."""

import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
from django.core.exceptions import PermissionDenied
from django.db import transaction

from analytics.galaxy.facts import Asked, Leaders, Seen
from analytics.models.walls import Snapshot, WallToken
from devices.models import Site
from devices.roles import Right
from devices.services import token_digest

if TYPE_CHECKING:
    from devices.models import User

Facts = Seen | Leaders | Asked


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


def facts_of(*, key: str, slot: int, read: Callable[[], Facts], kind: type[Facts]) -> Facts:
    """What all are shown under this key in this slot: `read` once, and then the same for every process that asks.

    Whoever asks in the name of a slot that is over gets the latest. Takes one query, or a few where it has to read.
    """
    kept = Snapshot.objects.filter(key=key, slot__gte=slot).first()
    if kept is None:
        kept = _first(key, slot, msgspec.json.encode(read()).decode())
    return msgspec.json.decode(kept.facts, type=kind)


@transaction.atomic
def _first(key: str, slot: int, facts: str) -> Snapshot:
    """The snapshot of the slot; where others wrote it meanwhile, theirs."""
    Snapshot.objects.get_or_create(key=key, defaults={"slot": slot, "facts": facts})
    Snapshot.objects.filter(key=key, slot__lt=slot).update(slot=slot, facts=facts)
    return Snapshot.objects.get(key=key)


def forget_snapshots(**_: object) -> None:
    """Keep nothing of what the walls were shown; what they are shown next is read anew."""
    Snapshot.objects.all().delete()
