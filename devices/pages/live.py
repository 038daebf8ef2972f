"""Pages that stay up to date while they are open.

A template marks the parts that may change: `{% live "name" %}…{% endlive %}`. The script live.js requests the page
again with the header `X-Live`. The response contains the marked parts alone, or is 304 if none has changed. The same
view and template render the parts, so they cannot differ from a reload, and a user who may no longer see the page gets
no parts either.

The name becomes part of the element's id; several words are joined: `{% live "site" site.slug %}`. A part must not
contain another part, nor a form, because its CSRF token differs in every response.
"""

import hashlib
from collections.abc import Callable
from http import HTTPStatus

from django import template
from django.http import HttpRequest, HttpResponse
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.context import Context
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.html import format_html
from django.utils.safestring import SafeString

HEADER = "X-Live"

register = template.Library()


class LiveNode(template.Node):
    """A marked part of a template."""

    def __init__(self, name: list[FilterExpression], content: NodeList) -> None:
        self.name = name
        self.nodelist = content

    def render(self, context: Context) -> SafeString:
        name = "-".join(str(word.resolve(context)) for word in self.name)
        return mark(context["request"], name, self.nodelist.render(context))


@register.tag
def live(parser: Parser, token: Token) -> LiveNode:
    words = token.split_contents()[1:]
    if not words:
        raise template.TemplateSyntaxError('Give the live part a name: {% live "name" %}.')
    content = parser.parse(("endlive",))
    parser.delete_first_token()
    return LiveNode([parser.compile_filter(word) for word in words], content)


def mark(request: HttpRequest, name: str, content: SafeString) -> SafeString:
    """Return the content as a live part of this request's page. Parts with equal content have the same version."""
    version = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
    marked = format_html('<div id="live-{}" data-live="{}">{}</div>', name, version, content)
    _parts(request).append((f"{name} {version}", marked))
    return marked


def send_live_parts(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: respond to a request with `X-Live` with the live parts of the page alone, if the page has any."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        parts = _parts(request)
        if not parts or response.status_code != HTTPStatus.OK:
            return response
        if HEADER not in request.headers:
            patch_vary_headers(response, [HEADER])
            return response
        etag = hashlib.blake2b("\n".join(version for version, _ in parts).encode(), digest_size=16).hexdigest()
        alone = HttpResponse(
            "".join(marked for _, marked in parts),
            headers={"ETag": f'"{etag}"', "Cache-Control": "private, no-cache", "Vary": f"Cookie, {HEADER}"},
        )
        return get_conditional_response(request, etag=f'"{etag}"', response=alone) or alone

    return respond


def _parts(request: HttpRequest) -> list[tuple[str, SafeString]]:
    """The parts of this request's page that were rendered so far: name and version, and HTML."""
    parts: list[tuple[str, SafeString]] = request.__dict__.setdefault("live_parts", [])
    return parts
