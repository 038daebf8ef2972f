"""What the overview says: every site a user may see, with its devices and their day so far.

A day is the site's own, from its midnight on. However many sites and devices there are, it takes the same few queries.
"""

import datetime as dt
import zoneinfo
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from analytics.models import EngagementQuarter, Episode
from analytics.numbers.buckets import edges
from analytics.numbers.readings import merged
from analytics.numbers.reads import EngagementBucket
from analytics.plots import sparklines, time_series
from devices.models import Device, DeviceState, Site
from edge_agent.vision.gestures import THUMBS_UP
from faces.models import Coffee

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import User

MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class DeviceToday:
    """A device with its state and its site's day so far."""

    device: Device
    state: DeviceState | None
    is_live: bool
    today: EngagementBucket
    strip: sparklines.Strip
    thumbs_up: int | None
    """Distinct ones: held up once, however long; None where no camera was on."""
    coffees: int

    @property
    def is_uncounted(self) -> bool:
        """Whether its camera was on for an hour without looking for faces."""
        return any(showing is time_series.Showing.UNCOUNTED for showing, _ in self.strip.paths)


@dataclass(frozen=True, slots=True)
class SiteToday:
    """A site with its devices; `now` is its local time, and `members` how many people may see it."""

    site: Site
    now: dt.datetime
    members: int
    devices: list[DeviceToday]

    @property
    def live(self) -> int:
        return sum(each.is_live for each in self.devices)

    @property
    def thumbs_up(self) -> int:
        return sum(each.thumbs_up or 0 for each in self.devices)

    @property
    def coffees(self) -> int:
        return sum(each.coffees for each in self.devices)


def sites_today(user: "User | AnonymousUser", *, now: dt.datetime) -> list[SiteToday]:
    """The user's sites by name, each with its devices by name. Takes five queries."""
    sites = list(Site.objects.for_user(user).annotate(members=Count("memberships")).order_by("name"))
    devices = list(Device.objects.filter(site__in=sites).select_related("site", "state").order_by("name"))
    of_site: dict[int, list[Device]] = defaultdict(list)
    for device in devices:
        of_site[device.site_id].append(device)
    hours = _hours(devices, now)
    thumbs_up, coffees = thumbs_up_today(devices, now=now), _coffees(sites, now)
    top = _top(hours.values())

    def today(device: Device) -> DeviceToday:
        state = device.latest_state
        return DeviceToday(
            device=device,
            state=state,
            is_live=device.is_live(now),
            today=merged(hours[device.pk]),
            strip=sparklines.strip(hours[device.pk], now=now, top=top),
            # A device may report a gesture of a time from which it sent no frame.
            thumbs_up=thumbs_up.get(device.pk, 0 if merged(hours[device.pk]).minutes_seen else None),
            coffees=coffees.get(device.pk, 0),
        )

    return [
        SiteToday(site, now.astimezone(site.zone), site.members, [today(device) for device in of_site[site.pk]])
        for site in sites
    ]


def _since_midnight(devices: Sequence[Device], now: dt.datetime, field: str = "start") -> Q:
    """The rows of these devices that begin in their site's day."""
    zones = sorted({device.site.zone for device in devices}, key=str)
    days = (Q(device__site__timezone=str(zone), **{f"{field}__gte": _hours_of_day(zone, now)[0]}) for zone in zones)
    return Q(device__in=devices) & reduce(or_, days, Q())


def _hours_of_day(zone: zoneinfo.ZoneInfo, now: dt.datetime) -> list[dt.datetime]:
    """Where the hours of the zone's day begin, and where the last one ends; UTC."""
    start, end = edges(zone=zone, start=now, end=now + dt.timedelta.resolution, bucket="day")
    return edges(zone=zone, start=start, end=end, bucket="hour")


def _hours(devices: Sequence[Device], now: dt.datetime) -> dict[int, list[EngagementBucket]]:
    """By device, the hours of its site's whole day."""
    rows = EngagementQuarter.objects.filter(_since_midnight(devices, now))
    quarters: dict[int, list[EngagementQuarter]] = defaultdict(list)
    for row in rows:
        quarters[row.device_id].append(row)
    days = {zone: _hours_of_day(zone, now) for zone in {device.site.zone for device in devices}}
    return {
        device.pk: [
            _hour(quarters[device.pk], start, end, device.site.zone, now)
            for start, end in pairwise(days[device.site.zone])
        ]
        for device in devices
    }


def _hour(
    quarters: Sequence[EngagementQuarter],
    start: dt.datetime,
    end: dt.datetime,
    zone: zoneinfo.ZoneInfo,
    now: dt.datetime,
) -> EngagementBucket:
    rows = [row for row in quarters if start <= row.start < end]
    return EngagementBucket(
        start=start.astimezone(zone),
        end=end.astimezone(zone),
        minutes=max(0, -((start - min(end, now)) // MINUTE)),
        frames=sum(row.frames for row in rows),
        faces_sum=sum(row.faces_sum for row in rows),
        faces_peak=max((row.faces_peak for row in rows), default=0),
        minutes_seen=sum(row.minutes_seen.bit_count() for row in rows),
        minutes_occupied=sum(row.minutes_occupied.bit_count() for row in rows),
    )


def _top(days: Iterable[Sequence[EngagementBucket]]) -> float:
    """The highest average of any hour, the common scale of the strips; 1 where nobody was seen anywhere."""
    return max((hour.average_faces or 0.0 for day in days for hour in day), default=0.0) or 1.0


def thumbs_up_today(devices: Sequence[Device], *, now: dt.datetime) -> Mapping[int, int]:
    """By device, the distinct thumbs-up since its site's midnight, without what reviewers call wrong; one query.

    Devices without any are left out.
    """
    began = Episode.objects.filter(_since_midnight(devices, now, "started"), label=THUMBS_UP)
    return dict(began.order_by().values_list("device_id").annotate(Count("pk")))


def _coffees(sites: Sequence[Site], now: dt.datetime) -> Mapping[int, int]:
    coffees = Coffee.objects.all().of(sites=sites, period="today", now=now)
    return Counter(coffees.values_list("device_id", flat=True))
