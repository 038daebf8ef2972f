"""The routes of the platform, for tests that must not miss one."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


def named_routes() -> Iterator[tuple[str, URLPattern]]:
    """Yield the address and the pattern of each route that has a name; not those of the admin and of allauth."""
    yield from _named("", get_resolver().url_patterns)


def _named(prefix: str, patterns: list[Any]) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        address = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            if pattern.name and not pattern.callback.__module__.startswith("allauth."):
                yield address, pattern
        elif isinstance(pattern, URLResolver) and pattern.namespace is None:
            yield from _named(address, pattern.url_patterns)
