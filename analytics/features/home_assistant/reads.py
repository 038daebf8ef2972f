"""Read the current state of every device, in the same few queries for any number of devices."""

import datetime as dt

from django.db.models import OuterRef, Subquery

from analytics.features.home_assistant.discovery import NO_PROBLEM, DeviceNow
from analytics.models import Frame
from analytics.numbers.reads import Selection, read_engagement, read_episodes
from analytics.numbers.visits import VisitBucket, first_visits, read_visits
from devices.models import LIVE_FOR, Device
from edge_agent.vision.gestures import THUMBS_UP

MOMENT = dt.timedelta.resolution


def read_devices_now(*, now: dt.datetime) -> list[DeviceNow]:
    """Return each device with its people, its engagement in the current hour, and the visits and thumbs-up of the day.

    Hours and days are local to the site. The people are those of the latest frame; None where that is older than
    `LIVE_FOR`. A thumbs-up counts once however long it is shown.
    """
    latest = Frame.objects.filter(device=OuterRef("pk"), taken_at__gt=now - LIVE_FOR).order_by("-taken_at")
    annotated = Device.objects.open().annotate(people=Subquery(latest.values("faces")[:1]))
    devices = list(annotated.select_related("site", "thing__state").order_by("thing"))
    selections = [Selection([device], device.site.zone, now, now + MOMENT) for device in devices]
    hours = read_engagement(selections, bucket="hour", now=now)
    engagement = read_engagement(selections, bucket="day", now=now)
    thumbs_up = read_episodes(selections, label=THUMBS_UP, bucket="day", engagement=engagement)
    visits = read_visits(selections, bucket="day", engagement=engagement, followed_from=first_visits(devices))
    return [
        _device_now(device, device.people, hour.average_faces, visits_today, thumbs_today.known_count, now)
        for device, [hour], [visits_today], [thumbs_today] in zip(devices, hours, visits, thumbs_up, strict=True)
    ]


def _device_now(
    device: Device,
    people: int | None,
    engagement: float | None,
    visits: VisitBucket,
    thumbs_up: int | None,
    now: dt.datetime,
) -> DeviceNow:
    state = device.latest_state
    return DeviceNow(
        thing=device.thing_name,
        name=device.name,
        site=device.site.name,
        software=state.software if state else "",
        online=device.is_live(now),
        people=people,
        engagement=_rounded(engagement, 3),
        visits=visits.known_visits,
        viewers=visits.known_viewers,
        passers_by=visits.known_passers_by,
        conversion=None if visits.conversion is None else round(100 * visits.conversion, 1),
        dwell=_rounded(visits.median_dwell_seconds, 1),
        attention=_rounded(visits.median_attention_seconds, 1),
        thumbs_up=thumbs_up,
        picture=state.picture_problem or NO_PROBLEM if state and state.status_at else None,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
