"""The time series that a request selects: their devices, their grouping and their time zones."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import exceptions
from rest_framework.request import Request

from analytics.numbers.buckets import LENGTHS
from analytics.numbers.reads import Selection
from analytics.rest.places import Place, find_place
from analytics.rest.serializers import MAX_BUCKETS, parse_bucket_bounds
from analytics.verdicts.opening import with_opening_hours
from devices.models import Device
from devices.storage.querysets import spots_of

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """A time series of some devices taken together; `site` and `device` are None where there are several."""

    site: str | None
    device: str | None
    selection: Selection


def select_series(request: Request, query: dict[str, Any], now: dt.datetime) -> list[TimeSeries]:
    """Return the time series of the query in the order of sites and devices; one of all devices without `each`.

    Raises `NotFound` where the user may see no site or device of that name, and `ValidationError` where the period is
    empty or all series together have more than `MAX_BUCKETS`.
    """
    place = _place(request, query)
    groups = _groups(place.devices, query.get("each") or ("site" if query.get("align") == "local" else None))
    common = query.get("zone") or place.zone
    series = [_series(group, common, query, now) for group in groups]
    length = LENGTHS[query["bucket"]]
    buckets = sum((one.selection.end - one.selection.start) // length for one in series)
    if buckets > MAX_BUCKETS:
        sentence = (
            f"The request selects {buckets:,} buckets; the limit is {MAX_BUCKETS:,}. Select fewer or larger buckets."
        )
        raise exceptions.ValidationError({"bucket": [sentence]})
    limited = with_opening_hours([one.selection for one in series], query["hours"])
    return [replace(one, selection=selection) for one, selection in zip(series, limited, strict=True)]


def _place(request: Request, query: dict[str, Any]) -> Place:
    """Return the devices that the query names, or all devices of the user, in UTC if their zones differ."""
    if "site" in query or "device" in query:
        return find_place(request, query)
    devices = list(Device.objects.for_user(request.user).select_related("site"))
    zones = {device.site.zone for device in devices}
    return Place(devices, zones.pop() if len(zones) == 1 else UTC)


def _groups(devices: Sequence[Device], each: str | None) -> list[Sequence[Device]]:
    if each == "device":
        return [spot.devices for spot in spots_of(devices)]
    if each == "site":
        return [list(group) for _, group in groupby(devices, lambda device: device.site)]
    return [devices]


def _series(devices: Sequence[Device], common: ZoneInfo, query: dict[str, Any], now: dt.datetime) -> TimeSeries:
    zone = devices[0].site.zone if query.get("align") == "local" and devices else common
    start, end = parse_bucket_bounds(query, zone, now)
    site = devices[0].site.slug if devices and query.get("each") else query.get("site")
    device = devices[0].name if devices and query.get("each") == "device" else query.get("device")
    return TimeSeries(site, device, Selection(devices, zone, start, end))
