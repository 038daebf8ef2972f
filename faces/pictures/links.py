"""Links to one picture, valid for one session or API token and for some minutes."""

import datetime as dt
import uuid

from django.contrib.auth.models import AnonymousUser
from django.core.signing import Signer
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from rest_framework.request import Request

Subject = uuid.UUID | int | str
"""The subject of a link: a capture's UUID; the number of a coffee, for the face of the person who had it; or “face 3”
for the face of the sighting with the number 3."""

LIFETIME = dt.timedelta(minutes=5)
"""A link is valid until the end of the next period of this length: for at least this long, at most twice as long.

Within a period a session gets the same link to a picture each time, so that its browser loads the picture once.
"""

EXPIRED = "This link has expired or belongs to another session; reload the page that contains it."


def address(
    request: HttpRequest | Request, subject: Subject, *, view: str = "capture-image", pk: int | None = None
) -> str:
    """Return the path of the picture, with a link that is valid for the request's session or token.

    `pk` is the key in the path where the subject is not.
    """
    number = subject if pk is None else pk
    return reverse(view, args=[number, link(subject, bearer=bearer(request), now=timezone.now())])


def link(subject: Subject, *, bearer: str, now: dt.datetime) -> str:
    """Return the last part of the picture's path: a signature, made with `SECRET_KEY`."""
    return Signer(salt="faces.pictures.links").signature(f"{subject} {bearer} {_period(now)}")


def is_valid(given: str, subject: Subject, *, bearer: str, now: dt.datetime) -> bool:
    """Whether the link is valid for this picture and this bearer at this time."""
    valid = (link(subject, bearer=bearer, now=at) for at in (now, now - LIFETIME))
    return any(constant_time_compare(given, signature) for signature in valid)


def bearer(request: HttpRequest | Request) -> str:
    """Return the identity that a link is bound to: the user with this session, or with this API token."""
    user = getattr(request, "user", AnonymousUser())
    token = getattr(getattr(request, "auth", None), "token_digest", None)
    return f"{user.pk} {token or request.session.session_key or ''}"


def _period(now: dt.datetime) -> int:
    return int(now.timestamp() // LIFETIME.total_seconds())
