"""The devices that a request of the API selects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import exceptions
from rest_framework.request import Request

from devices.models import Device, Site


@dataclass(frozen=True, slots=True)
class Place:
    """The devices that a query selects, and the time zone of their hours and days."""

    devices: Sequence[Device]
    zone: ZoneInfo


def find_place(request: Request, query: dict[str, Any]) -> Place:
    """Return the devices that a query names by site, by name or by both: all that were ever there.

    Raises `NotFound` where the user may see none of that name, and `ValidationError` where several sites have a device
    of that name.
    """
    devices = Device.objects.for_user(request.user).select_related("site")
    if "site" in query:
        site = Site.objects.for_user(request.user).filter(slug=query["site"]).first()
        if site is None:
            raise exceptions.NotFound(f"You have no site “{query['site']}”; sites/ lists your sites.")
        devices = devices.filter(site=site)
        if "device" not in query:
            return Place(list(devices), site.zone)
    named = list(devices.filter(name=query["device"]))
    if not named:
        raise exceptions.NotFound(f"You have no device “{query['device']}” at this place; devices/ lists your devices.")
    if len({device.site_id for device in named}) > 1:
        sentence = f"Several of your sites have a device “{query['device']}”; add “site” to select one."
        raise exceptions.ValidationError({"device": [sentence]})
    return Place(named, named[0].site.zone)
