"""Limits on requests to the API: per device, per user, and per IP address for requests without a valid token.

Each web process counts in its own memory, so that no request costs a write; several processes allow several times as
much. With `REDIS_URL`, all processes count together.
"""

from typing import Any

from django.core.cache import caches
from django.http import HttpRequest
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from devices.models import Thing


class CachedThrottle(SimpleRateThrottle):
    """Counts in the cache `rates`."""

    cache = caches["rates"]


class CallerThrottle(CachedThrottle):
    """Limits the requests of a user or a device to the rates in `DEFAULT_THROTTLE_RATES`."""

    scope = "user"

    def allow_request(self, request: Request, view: Any) -> bool:
        self.scope = "device" if isinstance(request.auth, Thing) else "user"
        self.rate = self.get_rate()
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        caller = request.auth.pk if isinstance(request.auth, Thing) else request.user.pk
        return None if caller is None else self.cache_format % {"scope": self.scope, "ident": caller}


class RefusedThrottle(CachedThrottle):
    """Limits, by IP address, the requests that are refused for want of a valid token or session."""

    scope = "refused"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return str(self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)})


def refused_too_often(request: Request | HttpRequest, view: Any = None) -> exceptions.Throttled | None:
    """Count a refusal; return the error to send if this IP address has had too many refusals; None if it has not."""
    throttle = RefusedThrottle()
    return None if throttle.allow_request(request, view) else exceptions.Throttled(throttle.wait())  # type: ignore[arg-type]


def is_shut_out(request: HttpRequest) -> bool:
    """Whether this IP address has had too many refusals in the last minute. Counts nothing."""
    throttle: Any = RefusedThrottle()
    if throttle.rate is None:
        return False
    history = throttle.cache.get(throttle.get_cache_key(request, None), [])
    since = throttle.timer() - throttle.duration
    return bool(sum(at > since for at in history) >= throttle.num_requests)
