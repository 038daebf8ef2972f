"""Notes what no message tells: cameras that went off or are back, bad pictures, and a quarantine that grows."""

import datetime as dt
from collections.abc import Iterator

from django.db.models import Count, Max, Q

from devices.faults.isolation import each
from devices.models import LIVE_FOR, Device, DeviceState, QuarantinedMessage, Site
from notifications.happenings import numbers
from notifications.happenings.sink import write
from notifications.models import Happening, Kind

QUARANTINED_IN_AN_HOUR = 10
"""From so many messages in an hour on, the quarantine of a site is told of, once in that hour."""

LOOK_BACK = dt.timedelta(hours=1)
"""A camera that went off or came back earlier than that was told of then, or nobody watched."""


def watch(now: dt.datetime) -> int:
    """Look at every site, and return how many things were noted that were not known before."""
    before = Happening.objects.filter(noted_at=now).count()
    sum(each(Site.objects.order_by("pk"), lambda site: _watch_site(site, now), what="watching"))
    return Happening.objects.filter(noted_at=now).count() - before


def _watch_site(site: Site, now: dt.datetime) -> int:
    off = Happening.objects.filter(kind=Kind.CAMERA_OFF, site=site, at__gte=now - LOOK_BACK)
    last_off = dict(off.order_by("device").values_list("device").annotate(Max("at")))
    # Of a fleet, nearly all cameras are live, and there is nothing to tell.
    is_off = Q(thing__state__online=False) | Q(thing__state__last_seen_at__lte=now - LIVE_FOR)
    to_tell = is_off | ~Q(thing__state__picture_problem="") | Q(pk__in=last_off)
    devices = Device.objects.open().filter(to_tell, site=site).select_related("thing__state")
    happenings = [row for device in devices for row in _of_device(device, last_off.get(device.pk), now)]
    noted = [*happenings, *_quarantine(site, now), *numbers.happenings(site, now)]
    write(noted)
    return len(noted)


def _of_device(device: Device, last_off: dt.datetime | None, now: dt.datetime) -> Iterator[Happening]:
    state: DeviceState | None = getattr(device.thing, "state", None)
    if state is None or state.last_seen_at is None:
        return
    if not state.is_live(now) and now - state.last_seen_at < LOOK_BACK:
        yield _happening(device, Kind.CAMERA_OFF, f"{device.pk} {state.last_seen_at.timestamp():.0f}", now, now)
    elif state.is_live(now) and last_off is not None:
        yield _happening(device, Kind.CAMERA_BACK, f"{device.pk} {last_off.timestamp():.0f}", now, now)
    if state.picture_problem:
        since = state.picture_problem_since or now
        key = f"{device.pk} {state.picture_problem} {since.timestamp():.0f}"
        yield _happening(device, Kind.PICTURE, key, now, now, label=state.picture_problem)


def _quarantine(site: Site, now: dt.datetime) -> Iterator[Happening]:
    hour = now.replace(minute=0, second=0, microsecond=0)
    rows = QuarantinedMessage.objects.filter(device__site=site, received_at__gte=hour, replayed_at=None)
    for row in rows.values("device").annotate(count=Count("pk")).filter(count__gte=QUARANTINED_IN_AN_HOUR):
        yield Happening(
            site=site,
            kind=Kind.QUARANTINE,
            key=f"{row['device']} {hour.timestamp():.0f}",
            device_id=row["device"],
            count=row["count"],
            at=now,
            noted_at=now,
        )


def _happening(device: Device, kind: Kind, key: str, at: dt.datetime, now: dt.datetime, label: str = "") -> Happening:
    return Happening(site_id=device.site_id, kind=kind, key=key, device=device, label=label, at=at, noted_at=now)
