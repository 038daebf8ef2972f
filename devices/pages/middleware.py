"""What holds for every page: what its address may contain, its Content-Security-Policy, and who may store it."""

from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # Plotly and Swagger UI add styles
        "img-src 'self' data: blob:",  # Plotly saves a plot through a blob; Swagger UI's icons are data URLs
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
"""Allows nothing from other hosts, no inline script, and no page inside another site's frame."""


def content_security_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware: set `CONTENT_SECURITY_POLICY` on every response without a policy of its own."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response

    return respond


def refuse_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware: refuse a page's request whose address or form contains the character NUL.

    No text of the database contains it, and PostgreSQL raises an error if it is only looked up. The API refuses it by
    itself, and names the field.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/api/"):
            is_form = request.content_type == "application/x-www-form-urlencoded"
            if (
                "\x00" in request.path
                or "%00" in request.META.get("QUERY_STRING", "")
                or (is_form and b"%00" in request.body)
            ):
                raise SuspiciousOperation("The request contains the character NUL.")
        return get_response(request)

    return respond


def private_pages_are_stored_nowhere(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Middleware: forbid browsers and proxies to store a page made for a signed-in user, unless its view decides."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and getattr(request, "user", None) is not None and request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return respond
