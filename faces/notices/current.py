"""Keeps the notices of displays in step with the settings, and remembers since when each says what it says."""

import datetime as dt
from functools import partial

from django.db import transaction

from devices.faults.isolation import each
from devices.models import Device
from faces.models import DisplayNotice
from faces.notices.statements import statements


@transaction.atomic
def current_notice(device: Device, *, now: dt.datetime) -> DisplayNotice:
    """Return the device's notice as the settings are now; it says that it is new if they have changed."""
    content = statements(device)
    known: DisplayNotice | None = DisplayNotice.objects.filter(device=device).first()
    if known is not None and known.content == content:
        return known  # as nearly always, and nobody waits for anybody
    notice: DisplayNotice
    notice, is_new = DisplayNotice.objects.select_for_update().get_or_create(
        device=device, defaults={"content": content, "since": now}
    )
    if not is_new and notice.content != content:
        notice.content, notice.since = content, now
        notice.save(update_fields=["content", "since"])
    return notice


def refresh_notices(*, now: dt.datetime) -> int:
    """Bring the notices of all devices that are still in their places up to date, and return how many there are."""
    devices = Device.objects.open().select_related("site", "thing__state")
    return len(list(each(devices, partial(_refresh, now), what="the notice of")))


def _refresh(now: dt.datetime, device: Device) -> DisplayNotice:
    return current_notice(device, now=now)
