"""How often the API may be asked: per device, per person, and per address of those who are neither.

Counted in the memory of each web process, so that no request costs a write: of several processes each allows as much.
"""

from typing import Any

from django.core.cache import caches
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from devices.models import Device


class ProcessThrottle(SimpleRateThrottle):
    """Counts in this process' memory, the cache `process`."""

    cache = caches["process"]


class CallerThrottle(ProcessThrottle):
    """Counts the requests of whoever shows who they are; `DEFAULT_THROTTLE_RATES` says how many may be."""

    scope = "user"

    def allow_request(self, request: Request, view: Any) -> bool:
        self.scope = "device" if isinstance(request.auth, Device) else "user"
        self.rate = self.get_rate()
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        caller = request.auth.pk if isinstance(request.auth, Device) else request.user.pk
        return None if caller is None else self.cache_format % {"scope": self.scope, "ident": caller}


class RefusedThrottle(ProcessThrottle):
    """Counts, by address, the requests that are refused because they don't show who they are."""

    scope = "refused"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return str(self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)})


def refused_too_often(request: Request, view: Any) -> exceptions.Throttled | None:
    """What to answer instead of another refusal where this address has had too many; else None."""
    throttle = RefusedThrottle()
    return None if throttle.allow_request(request, view) else exceptions.Throttled(throttle.wait())
