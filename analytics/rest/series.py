"""Which series of buckets a request asks for: of which devices, told apart how, and by whose clocks."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import exceptions
from rest_framework.request import Request

from analytics.numbers.buckets import LENGTHS
from analytics.numbers.reads import Selection
from analytics.rest.places import Place, place_of
from analytics.rest.serializers import MAX_BUCKETS, bucket_bounds
from devices.models import Device

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Series:
    """Some devices taken together; `site` and `device` are their names, None where they are of several."""

    site: str | None
    device: str | None
    asked: Selection


def series_of(request: Request, query: dict[str, Any], now: dt.datetime) -> list[Series]:
    """What the query asks for, in the order of sites and devices; one series of everything unless it says `each`.

    Raises `NotFound` where the user has nothing of that name, and `ValidationError` where the period is empty or has
    more than `MAX_BUCKETS` in all series together.
    """
    place = _place(request, query)
    groups = _groups(place.devices, query.get("each") or ("site" if query.get("align") == "local" else None))
    common = query.get("zone") or place.zone
    found = [_series(group, common, query, now) for group in groups]
    buckets = sum((each.asked.end - each.asked.start) // LENGTHS[query["bucket"]] for each in found)
    if buckets > MAX_BUCKETS:
        sentence = f"That would be {buckets:,} buckets; the limit is {MAX_BUCKETS:,}. Ask for fewer or larger ones."
        raise exceptions.ValidationError({"bucket": [sentence]})
    return found


def _place(request: Request, query: dict[str, Any]) -> Place:
    """What the query names, or everything that is the user's: in the zone of it all, or UTC where there are several."""
    if "site" in query or "device" in query:
        return place_of(request, query)
    devices = list(Device.objects.for_user(request.user).select_related("site"))
    zones = {device.site.zone for device in devices}
    return Place(devices, zones.pop() if len(zones) == 1 else UTC)


def _groups(devices: Sequence[Device], each: str | None) -> list[Sequence[Device]]:
    if each == "device":
        return [[device] for device in devices]
    if each == "site":
        return [list(group) for _, group in groupby(devices, lambda device: device.site)]
    return [devices]


def _series(devices: Sequence[Device], common: ZoneInfo, query: dict[str, Any], now: dt.datetime) -> Series:
    zone = devices[0].site.zone if query.get("align") == "local" and devices else common
    start, end = bucket_bounds(query, zone, now)
    site = devices[0].site.slug if devices and query.get("each") else query.get("site")
    device = devices[0].name if devices and query.get("each") == "device" else query.get("device")
    return Series(site, device, Selection(devices, zone, start, end))
