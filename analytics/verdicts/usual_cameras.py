"""The line of health that says whether messages flow as they usually do at this hour."""

import datetime as dt
from collections.abc import Iterator

from django.db.models import Count

from analytics.models import EngagementQuarter
from analytics.models.quarters import QUARTER, quarter_start
from devices.health import Line
from devices.models import Device

WEEKS = 4
"""The weeks before this one that show what is usual at this hour of this weekday."""

USUAL_IN = 3
"""In how many of these weeks a camera must have sent frames, to be expected now."""


def flow(now: dt.datetime) -> Iterator[Line]:
    """Yield a line about the cameras that usually send frames in this quarter hour of the week, if there are any.

    The part is not well if none of these cameras has sent anything for a quarter hour: then it is not the cameras that
    are off, but something between them and the database.
    """
    quarters = [quarter_start(now - dt.timedelta(weeks=week)) for week in range(1, WEEKS + 1)]
    devices = {device.pk: device for device in Device.objects.open().select_related("thing__state")}
    seen = EngagementQuarter.objects.filter(device__in=devices, start__in=quarters, frames__gt=0)
    weeks = seen.values_list("device").annotate(weeks=Count("start"))
    expected = [devices[pk] for pk, count in weeks if count >= USUAL_IN]
    if not expected:
        return
    sending = sum(_has_sent(device, now) for device in expected)
    text = f"{sending} of the {len(expected)} cameras that usually send at this hour have sent"
    if not sending:
        text += "; check the broker, the network and the ingesters"
    numbers = {"expected_devices": float(len(expected)), "expected_devices_sending": float(sending)}
    yield Line("messages", bool(sending), text, numbers)


def _has_sent(device: Device, now: dt.datetime) -> bool:
    state = getattr(device.thing, "state", None)
    return state is not None and state.last_seen_at is not None and now - state.last_seen_at < QUARTER
