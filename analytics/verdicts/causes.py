"""What was done at some cameras around a day on which their level changed: the known causes beside the change."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from analytics.models import DeviceSetup, DeviceSoftware, OpeningPlan, Question
from devices.models import Device

NEAR = dt.timedelta(days=2)
"""A change of level is dated to a day or two."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that was done at a place and may have changed its level."""

    at: dt.datetime
    text: str
    """Such as "Door got software 0.3.0"; a part of a sentence."""


def read_causes(devices: Sequence[Device], days: Iterable[dt.date], zone: ZoneInfo) -> dict[dt.date, list[Cause]]:
    """Return what was done at these devices of one site within `NEAR` of each of these local days, by time.

    At most six queries, and none without a day.
    """
    wanted = sorted(days)
    if not wanted or not devices:
        return {}
    start = dt.datetime.combine(wanted[0], dt.time(), zone) - NEAR
    end = dt.datetime.combine(wanted[-1], dt.time(), zone) + dt.timedelta(days=1) + NEAR
    found = sorted(
        (
            *_moves(devices, start, end),
            *_software(devices, start, end),
            *_setups(devices, start, end),
            *_others(devices, start, end),
        ),
        key=lambda cause: cause.at,
    )
    return {day: [cause for cause in found if abs(cause.at.astimezone(zone).date() - day) <= NEAR] for day in wanted}


def _moves(devices: Sequence[Device], start: dt.datetime, end: dt.datetime) -> Iterable[Cause]:
    for device in devices:
        if device.since is not None and start <= device.since < end:
            yield Cause(device.since, f"{device.name} got the camera {device.thing_name}")
        if device.until is not None and start <= device.until < end:
            yield Cause(device.until, f"the camera {device.thing_name} left {device.name}")


def _software(devices: Sequence[Device], start: dt.datetime, end: dt.datetime) -> Iterable[Cause]:
    changes = DeviceSoftware.objects.filter(device__in=devices, since__gte=start, since__lt=end)
    for since, name, software in changes.values_list("since", "device__name", "software"):
        yield Cause(since, f"{name} got software {software}")


def _setups(devices: Sequence[Device], start: dt.datetime, end: dt.datetime) -> Iterable[Cause]:
    """Yield the changes of settings, models and lens that devices have told. The software is told by itself."""
    before: dict[int, dict[str, object]] = {}
    told = DeviceSetup.objects.filter(device__in=devices, since__lt=end).order_by("device", "since")
    for pk, since, name, setup in told.values_list("device_id", "since", "device__name", "setup"):
        earlier = before.get(pk, setup)
        changed = sorted(key for key in {*setup, *earlier} if setup.get(key) != earlier.get(key))
        before[pk] = setup
        if since >= start and (words := [each.replace("_", " ") for each in changed if each != "software"]):
            yield Cause(since, f"{name} got another {' and '.join(words)}")


def _others(devices: Sequence[Device], start: dt.datetime, end: dt.datetime) -> Iterable[Cause]:
    site = devices[0].site_id
    asked = Question.objects.filter(site=site, asked_from__gte=start, asked_from__lt=end)
    for question in asked:
        yield Cause(question.asked_from, f"the question “{question.text}” began")
    plans = OpeningPlan.objects.filter(site=site, since__gte=start.date(), since__lte=end.date())
    for since in plans.values_list("since", flat=True):
        yield Cause(dt.datetime.combine(since, dt.time(12), dt.UTC), "the opening hours changed")
    names = {str(device.pk): device.name for device in devices}
    changed = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Device),
        object_id__in=names,
        action_flag=CHANGE,
        action_time__gte=start,
        action_time__lt=end,
    )
    for at, pk in changed.values_list("action_time", "object_id"):
        yield Cause(at, f"the settings of {names[str(pk)]} were changed")
