"""Pages that stay up to date while they are open.

A template marks what may change: `{% live "name" %}…{% endlive %}`. The script live.js asks for the page again, with
the header `X-Live`, and is answered with the marked parts alone, or with 304 where none has changed since. Nothing
else is needed: the page is rendered by the same view and template, so it cannot differ from a reload, and whoever may
not see it any more is not answered.

The name is part of the element's id; several words are joined: `{% live "site" site.slug %}`. A part must not hold
another part, nor a form: its CSRF token differs in every answer.
"""

import hashlib
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.html import format_html
from django.utils.safestring import SafeString

HEADER = "X-Live"


def part(request: HttpRequest, name: str, content: SafeString) -> SafeString:
    """The marked part of this request's page; two with the same content have the same version."""
    version = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
    marked = format_html('<div id="live-{}" data-live="{}">{}</div>', name, version, content)
    _parts(request).append((f"{name} {version}", marked))
    return marked


def answer_parts(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: whoever asks for the changing parts of a page alone gets these, unless the page has none."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        parts = _parts(request)
        if not parts or response.status_code != HTTPStatus.OK:
            return response
        if HEADER not in request.headers:
            patch_vary_headers(response, [HEADER])
            return response
        etag = hashlib.blake2b("\n".join(known for known, _ in parts).encode(), digest_size=16).hexdigest()
        alone = HttpResponse(
            "".join(marked for _, marked in parts),
            headers={"ETag": f'"{etag}"', "Cache-Control": "private, no-cache", "Vary": f"Cookie, {HEADER}"},
        )
        return get_conditional_response(request, etag=f'"{etag}"', response=alone) or alone

    return answer


def _parts(request: HttpRequest) -> list[tuple[str, SafeString]]:
    """By name and version, as they were rendered so far."""
    parts: list[tuple[str, SafeString]] = request.__dict__.setdefault("live_parts", [])
    return parts
