"""Links that open one picture, only to the session or API token they were made for, and only for some minutes."""

import datetime as dt
import uuid

from django.contrib.auth.models import AnonymousUser
from django.core.signing import Signer
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from rest_framework.request import Request

Subject = uuid.UUID | int
"""What a link shows: a capture, or, by its number, the face of whoever had a coffee."""

LIFETIME = dt.timedelta(minutes=5)
"""A link opens for at least this long and at most twice as long: until the end of the next period of this length.

So all links to a picture that one session is given within a period are the same, and its browser loads it once.
"""

EXPIRED = "This link has expired, or was made for somebody else; load the page that it was on again."


def address(request: HttpRequest | Request, subject: Subject, *, view: str = "capture-image") -> str:
    """The path under which whoever asks may look at this picture for some minutes."""
    return reverse(view, args=[subject, link(subject, bearer=bearer(request), now=timezone.now())])


def link(subject: Subject, *, bearer: str, now: dt.datetime) -> str:
    """What the address of the picture ends with: nobody can make it without our secret."""
    return Signer(salt="faces.pictures.links").signature(f"{subject} {bearer} {_period(now)}")


def is_open(given: str, subject: Subject, *, bearer: str, now: dt.datetime) -> bool:
    """Whether this link was made for this picture and this bearer, and has not expired."""
    made = (link(subject, bearer=bearer, now=at) for at in (now, now - LIFETIME))
    return any(constant_time_compare(given, each) for each in made)


def bearer(request: HttpRequest | Request) -> str:
    """Who may use the link: this user in this session, or with this API token."""
    user = getattr(request, "user", AnonymousUser())
    token = getattr(getattr(request, "auth", None), "token_digest", None)
    return f"{user.pk} {token or request.session.session_key or ''}"


def _period(now: dt.datetime) -> int:
    return int(now.timestamp() // LIFETIME.total_seconds())
