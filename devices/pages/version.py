"""The version of the program, for every page of those who have signed in."""

from django.conf import settings
from django.http import HttpRequest


def version(request: HttpRequest) -> dict[str, str]:
    """Return the template variable `headcount_version`; a context processor."""
    return {"headcount_version": settings.VERSION}
