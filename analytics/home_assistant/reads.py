"""Every device as it is at this moment. The same few queries however many there are."""

import datetime as dt

from django.db.models import OuterRef, Subquery

from analytics.home_assistant.discovery import DeviceNow
from analytics.models import Frame
from analytics.numbers.reads import Selection, read_engagement, read_episodes
from devices.models import LIVE_FOR, Device
from edge_agent.vision.gestures import THUMBS_UP

MOMENT = dt.timedelta.resolution


def devices_now(*, now: dt.datetime) -> list[DeviceNow]:
    """The people facing each device, its engagement in the hour and its thumbs-up on the day that `now` is part of.

    Hours and days are the site's own. The people are those of the latest frame, unknown where it is older than a device
    may be silent. A thumb that is held up counts once.
    """
    latest = Frame.objects.filter(device=OuterRef("pk"), taken_at__gt=now - LIVE_FOR).order_by("-taken_at")
    known = Device.objects.select_related("site", "state").annotate(people=Subquery(latest.values("faces")[:1]))
    devices = list(known.order_by("thing_name"))
    selections = [Selection([device], device.site.zone, now, now + MOMENT) for device in devices]
    hours = read_engagement(selections, bucket="hour", now=now)
    days = read_episodes(selections, label=THUMBS_UP, bucket="day")
    return [
        _told(device, device.people, hour.average_faces, day.known_count, now)
        for device, [hour], [day] in zip(devices, hours, days, strict=True)
    ]


def _told(
    device: Device, people: int | None, engagement: float | None, thumbs_up: int | None, now: dt.datetime
) -> DeviceNow:
    state = device.latest_state
    return DeviceNow(
        thing=device.thing_name,
        name=device.name,
        site=device.site.name,
        software=state.software if state else "",
        online=device.is_live(now),
        people=people,
        engagement=None if engagement is None else round(engagement, 3),
        thumbs_up=thumbs_up,
    )
