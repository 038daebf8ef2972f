"""Pages that stay up to date while they are open.

A template marks the parts that may change: `{% live "name" %}…{% endlive %}`. The script live.js requests the page
again with the header `X-Live`. The response contains the marked parts alone, or is 304 if none has changed. The same
view and template render the parts, so they cannot differ from a reload, and a user who may no longer see the page gets
no parts either.

A view that shows the same to all users with the same roles is marked `@shared`. Its live parts are then rendered once
for all of them in each interval, however many tabs are open.

The name becomes part of the element's id; several words are joined: `{% live "site" site.slug %}`. A part must not
contain another part, nor a form, because its CSRF token differs in every response.
"""

import functools
import hashlib
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django import template
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.context import Context
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.html import format_html
from django.utils.safestring import SafeString

if TYPE_CHECKING:
    from devices.models import User

HEADER = "X-Live"

AT_ONCE = "now"
"""The value of the header with which a script asks that has changed something: nothing older will do."""

INTERVAL_S = 10
"""How long shared parts are current: as long as live.js waits between two requests, so that what follows the loading of
a page is never older than the page."""

RENDERS_WITHIN_S = 5.0
"""How long the requests of one interval wait for the first of them, which renders the parts."""

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
        if isinstance(response, _Ready):
            return get_conditional_response(request, etag=response.headers["ETag"], response=response) or response
        parts = _parts(request)
        if not parts or response.status_code != HTTPStatus.OK:
            return response
        if HEADER not in request.headers:
            patch_vary_headers(response, [HEADER])
            return response
        alone = _Ready(*_contents(parts))
        return get_conditional_response(request, etag=alone.headers["ETag"], response=alone) or alone

    return respond


View = Callable[..., HttpResponse]


def shared(view: View) -> View:
    """Decorate a view whose live parts depend only on its address and on the roles of the user, and on no other user.

    Of the requests with `X-Live` in an interval of `INTERVAL_S`, the first renders the parts and the others get them
    from the cache. Must stand below `login_required`.
    """

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = request.headers.get(HEADER)
        scope = _scope(cast("User", request.user)) if asked else ""
        if not scope:
            return view(request, *args, **kwargs)
        interval = int(time.time()) // INTERVAL_S
        words = f"{scope} {request.get_host()} {request.get_full_path()}"
        key = f"live-{hashlib.blake2b(words.encode(), digest_size=16).hexdigest()}-{interval}"
        if asked != AT_ONCE and (known := _known(key)):
            return _Ready(*known)
        try:
            response = view(request, *args, **kwargs)
        except BaseException:
            cache.delete(key)  # so that the next requests do not wait for parts that never come
            raise
        parts = _parts(request)
        if response.status_code != HTTPStatus.OK or not parts:
            cache.delete(key)
            return response
        contents = _contents(parts)
        cache.set(key, contents, timeout=2 * INTERVAL_S)
        return _Ready(*contents)

    return answer


def _known(key: str) -> tuple[str, str] | None:
    """Return the parts under this key. None means that this request has to render them."""
    deadline = time.monotonic() + RENDERS_WITHIN_S
    while True:
        found = cache.get(key)
        if found:
            return cast("tuple[str, str]", found)
        # The first to come leaves an empty entry, which says that it renders.
        if found is None and cache.add(key, (), timeout=2 * INTERVAL_S):
            return None
        if time.monotonic() > deadline:
            return None
        time.sleep(0.05)


def _scope(user: "User") -> str:
    """Return what the user's pages depend on; "" if they depend on the very user: staff have single permissions."""
    if user.is_superuser:
        return "superuser"
    roles = sorted(user.memberships.values_list("site", "role"))
    return "" if user.is_staff or not roles else repr(roles)


class _Ready(HttpResponse):
    """The live parts of a page, rendered before."""

    def __init__(self, etag: str, content: str) -> None:
        super().__init__(
            content, headers={"ETag": etag, "Cache-Control": "private, no-cache", "Vary": f"Cookie, {HEADER}"}
        )


def _contents(parts: list[tuple[str, SafeString]]) -> tuple[str, str]:
    """Return the ETag of these parts, and their HTML."""
    versions = "\n".join(version for version, _ in parts)
    etag = hashlib.blake2b(versions.encode(), digest_size=16).hexdigest()
    return f'"{etag}"', "".join(marked for _, marked in parts)


def _parts(request: HttpRequest) -> list[tuple[str, SafeString]]:
    """The parts of this request's page that were rendered so far: name and version, and HTML."""
    parts: list[tuple[str, SafeString]] = request.__dict__.setdefault("live_parts", [])
    return parts
