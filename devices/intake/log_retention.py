"""Deletes the lines of the devices' logs that are past their term."""

import datetime as dt
from collections.abc import Iterator
from functools import partial

from django.conf import settings
from django.db.models import Exists, OuterRef

from devices.faults.isolation import step_by_step
from devices.models import Device, DeviceLog

AT_ONCE = 5_000
"""Lines deleted in one transaction."""


def forget_old_logs(*, now: dt.datetime) -> Iterator[int]:
    """Delete the lines that are older than `LOG_RETENTION_DAYS`; yield how many each transaction has deleted."""
    before = now - dt.timedelta(days=settings.LOG_RETENTION_DAYS)
    has_old = Exists(DeviceLog.objects.filter(device=OuterRef("pk"), at__lt=before))
    devices = Device.objects.filter(has_old).order_by("pk")
    return step_by_step(devices, partial(_forget, before), what="deleting the old log of")


def _forget(before: dt.datetime, device: Device) -> Iterator[int]:
    old = DeviceLog.objects.filter(device=device, at__lt=before).order_by("at", "key")
    while pks := list(old.values_list("pk", flat=True)[:AT_ONCE]):
        yield DeviceLog.objects.filter(pk__in=pks).delete()[0]
