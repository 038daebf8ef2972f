"""Keeps the notices of displays in step with the settings, and remembers since when each says what it says."""

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction

from devices.faults.isolation import each
from devices.models import Device
from faces.models import DisplayNotice
from faces.notices.statements import statements_of

AT_ONCE = 500
"""Devices whose notices are compared together. One at a time, a fleet's would be thousands of statements."""

WHAT = "the notices of"


def current_notice(device: Device, *, now: dt.datetime) -> DisplayNotice:
    """Return the device's notice as the settings are now; it says that it is new if they have changed."""
    return current_notices([device], now=now)[device.pk]


def current_notices(devices: Sequence[Device], *, now: dt.datetime) -> dict[int, DisplayNotice]:
    """Return the notice of each of these devices, by its primary key, as `current_notice` does."""
    contents = statements_of(devices)
    notices: dict[int, DisplayNotice] = DisplayNotice.objects.in_bulk(contents)
    missing = sorted(contents.keys() - notices.keys())
    if missing:
        made = [DisplayNotice(device_id=pk, content=contents[pk], since=now) for pk in missing]
        DisplayNotice.objects.bulk_create(made, ignore_conflicts=True)
        # Where somebody else was faster, the code is theirs.
        notices |= DisplayNotice.objects.in_bulk(missing)
    for pk, notice in notices.items():
        if notice.content != contents[pk]:
            notices[pk] = _changed(notice, contents[pk], now)
    return notices


@transaction.atomic
def _changed(notice: DisplayNotice, content: list[dict[str, Any]], now: dt.datetime) -> DisplayNotice:
    current: DisplayNotice = DisplayNotice.objects.select_for_update().get(pk=notice.pk)
    if current.content != content:
        current.content, current.since = content, now
        current.save(update_fields=["content", "since"])
    return current


def refresh_notices(*, now: dt.datetime) -> int:
    """Bring the notices of all devices that are still in their places up to date, and return how many there are."""
    devices = list(Device.objects.open().select_related("site", "thing__state").order_by("site", "pk"))
    parts = [devices[start : start + AT_ONCE] for start in range(0, len(devices), AT_ONCE)]
    return sum(each(parts, partial(_refresh, now), what=WHAT))


def _refresh(now: dt.datetime, devices: Sequence[Device]) -> int:
    """Refresh the notices of these devices together, or if that fails, of each by itself. Return how many they are."""
    try:
        return len(current_notices(devices, now=now))
    except Exception:
        if len(devices) == 1:
            raise
    return sum(each(([device] for device in devices), partial(_refresh, now), what=WHAT))
