"""The doors of pages that a code opens without an account. Wrong codes are limited by IP address."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from devices.rest.throttling import is_shut_out, refused_too_often
from faces.models import DeskLink
from faces.people.desk_links import find_link

WRONG = "This code opens nothing: it was mistyped, revoked or used up, or has expired. Ask the site for a new one."


def find_public_link(request: HttpRequest, code: str) -> DeskLink:
    """Return the link with this code. Raises `Http404`; after too many wrong codes in a minute, for any code."""
    if is_shut_out(request):
        raise Http404("Too many wrong codes came from here; try again in a minute.")
    link = find_link(code=code, now=timezone.now())
    if link is None:
        refused_too_often(request)
        raise Http404(WRONG)
    return link


def private(response: HttpResponse) -> HttpResponse:
    """Keep the link out of search engines, and out of the addresses that other hosts are told."""
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "same-origin"
    return response
