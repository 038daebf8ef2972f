"""The numbers of the overview: every site that a user may see, with its devices and their day so far.

A day is the site's own, from local midnight. The number of queries does not depend on the number of sites and devices.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from analytics.models import Episode
from analytics.numbers.buckets import day_bounds
from analytics.numbers.measures import BucketState, EngagementBucket, merge_engagement
from analytics.numbers.opening import with_opening_hours
from analytics.numbers.reads import Selection, read_engagement
from analytics.plots.sparklines import Sparkline, sparkline
from devices.models import Device, DeviceState, Site
from edge_agent.vision.gestures import THUMBS_UP
from faces.models import Coffee

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import User


@dataclass(frozen=True, slots=True)
class DeviceToday:
    """A device with its state and its site's day so far."""

    device: Device
    state: DeviceState | None
    is_live: bool
    today: EngagementBucket
    sparkline: Sparkline
    thumbs_up: int | None
    """The thumbs-up gestures, each counted once however long it was shown; None where no camera was on."""
    coffees: int

    @property
    def is_uncounted(self) -> bool:
        """Whether in some hour the camera was on without counting faces."""
        return any(hour.state is BucketState.UNCOUNTED for hour in self.sparkline.hours)


@dataclass(frozen=True, slots=True)
class SiteToday:
    """A site with its devices."""

    site: Site
    now: dt.datetime
    """Local time."""
    members: int
    """The number of users with a role at the site."""
    devices: list[DeviceToday]

    @property
    def live(self) -> int:
        """The number of live devices."""
        return sum(each.is_live for each in self.devices)

    @property
    def thumbs_up(self) -> int:
        """The thumbs-up gestures at all devices."""
        return sum(each.thumbs_up or 0 for each in self.devices)

    @property
    def coffees(self) -> int:
        """The coffees at all devices."""
        return sum(each.coffees for each in self.devices)


def sites_today(user: "User | AnonymousUser", *, now: dt.datetime) -> list[SiteToday]:
    """Return the user's sites by name, each with its devices by name. Takes at most seven queries."""
    sites = list(Site.objects.for_user(user).annotate(members=Count("memberships")).order_by("name"))
    devices = list(Device.objects.filter(site__in=sites).select_related("site", "state").order_by("name"))
    devices_of: dict[int, list[Device]] = defaultdict(list)
    for device in devices:
        devices_of[device.site_id].append(device)
    hours = hours_today(devices, now=now)
    thumbs_up, coffees = thumbs_up_today(devices, now=now), _coffees_today(sites, now)
    # The common scale of all sparklines.
    top = max((hour.average_faces or 0.0 for day in hours.values() for hour in day), default=0.0) or 1.0

    def today(device: Device) -> DeviceToday:
        whole_day = merge_engagement(hours[device.pk])
        return DeviceToday(
            device=device,
            state=device.latest_state,
            is_live=device.is_live(now),
            today=whole_day,
            sparkline=sparkline(hours[device.pk], now=now, top=top),
            # A device may report a gesture at a time of which it has sent no frame.
            thumbs_up=thumbs_up.get(device.pk, 0 if whole_day.minutes_seen else None),
            coffees=coffees.get(device.pk, 0),
        )

    return [
        SiteToday(site, now.astimezone(site.zone), site.members, [today(device) for device in devices_of[site.pk]])
        for site in sites
    ]


def hours_today(devices: Sequence[Device], *, now: dt.datetime) -> dict[int, list[EngagementBucket]]:
    """Return by primary key of the device the hours of its site's whole day; at most three queries."""
    selections = [Selection([device], device.site.zone, *day_bounds(now, device.site.zone)) for device in devices]
    hours = read_engagement(with_opening_hours(selections), bucket="hour", now=now)
    return {device.pk: hours_of_device for device, hours_of_device in zip(devices, hours, strict=True)}


def thumbs_up_today(devices: Sequence[Device], *, now: dt.datetime) -> Mapping[int, int]:
    """Return by primary key of the device the thumbs-up since its site's midnight; one query.

    A gesture counts once however long it was shown, and not at all where reviewers rejected it. Devices without a
    thumbs-up are left out.
    """
    zones = sorted({device.site.zone for device in devices}, key=str)
    days = (Q(device__site__timezone=str(zone), started__gte=day_bounds(now, zone)[0]) for zone in zones)
    gestures = Episode.objects.filter(reduce(or_, days, Q()), device__in=devices, label=THUMBS_UP)
    return dict(gestures.order_by().values_list("device_id").annotate(Count("pk")))


def _coffees_today(sites: Sequence[Site], now: dt.datetime) -> Mapping[int, int]:
    coffees = Coffee.objects.all().of(sites=sites, period="today", now=now)
    return Counter(coffees.values_list("device_id", flat=True))
