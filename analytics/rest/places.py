"""Which devices a request of the API is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import exceptions
from rest_framework.request import Request

from analytics.rest.serializers import PlaceQuery
from devices.models import Device, Site


@dataclass(frozen=True, slots=True)
class Place:
    """What a query is about: some devices, and the zone in which their hours and days are meant."""

    devices: Sequence[Device]
    zone: ZoneInfo


def asked(form: type[PlaceQuery], request: Request) -> dict[str, Any]:
    """What the request asks for, as this form understands it. Raises `ValidationError`."""
    query = form(data=request.query_params)
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


def place_of(request: Request, query: dict[str, Any]) -> Place:
    """The devices that a query names, by their site, their name or both.

    Raises `NotFound` where the user has none such, and `ValidationError` where a name alone may mean several.
    """
    devices = Device.objects.for_user(request.user).select_related("site")
    if "site" in query:
        site = Site.objects.for_user(request.user).filter(slug=query["site"]).first()
        if site is None:
            raise exceptions.NotFound(f"You have no site “{query['site']}”; sites/ lists yours.")
        devices = devices.filter(site=site)
        if "device" not in query:
            return Place(list(devices), site.zone)
    named = list(devices.filter(name=query["device"]))
    if not named:
        raise exceptions.NotFound(f"You have no device “{query['device']}” here; devices/ lists yours.")
    if len(named) > 1:
        sentence = f"Several of your sites have a device “{query['device']}”; say which with site."
        raise exceptions.ValidationError({"device": [sentence]})
    return Place(named, named[0].site.zone)
