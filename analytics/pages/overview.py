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
from devices.querysets import Spot, spots_of
from edge_agent.vision.gestures import THUMBS_UP
from faces.models import Coffee

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import User


@dataclass(frozen=True, slots=True)
class DeviceToday:
    """A spot of a device with the device's state and the spot's day so far at its site."""

    device: Device
    """The device that is there, or that left today."""
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
    """Those that are there, and those that left today, whose numbers belong to the day."""

    @property
    def open(self) -> int:
        """The number of devices that are there."""
        return sum(each.device.is_open for each in self.devices)

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
    """Return the user's sites by name, each with its spots by name. Takes at most seven queries."""
    sites = list(Site.objects.for_user(user).annotate(members=Count("memberships")).order_by("name"))
    known = Device.objects.filter(site__in=sites).select_related("site", "thing__state").order_by("name")
    devices = [each for each in known if each.until is None or each.until > day_bounds(now, each.site.zone)[0]]
    spots_of_site: dict[int, list[Spot]] = defaultdict(list)
    for spot in spots_of(devices):
        spots_of_site[spot.latest.site_id].append(spot)
    hours = hours_today(devices, now=now)
    thumbs_up, coffees = thumbs_up_today(devices, now=now), _coffees_today(sites, now)
    # The common scale of all sparklines.
    top = max((hour.average_faces or 0.0 for day in hours.values() for hour in day), default=0.0) or 1.0

    def today(spot: Spot) -> DeviceToday:
        device = spot.latest
        whole_day = merge_engagement(hours[device.pk])
        gestures = [thumbs_up[each.pk] for each in spot.devices if each.pk in thumbs_up]
        return DeviceToday(
            device=device,
            state=device.latest_state,
            is_live=device.is_live(now),
            today=whole_day,
            sparkline=sparkline(hours[device.pk], now=now, top=top),
            # A device may report a gesture at a time of which it has sent no frame.
            thumbs_up=sum(gestures) if gestures or whole_day.minutes_seen else None,
            coffees=sum(coffees.get(each.pk, 0) for each in spot.devices),
        )

    return [
        SiteToday(site, now.astimezone(site.zone), site.members, [today(spot) for spot in spots_of_site[site.pk]])
        for site in sites
    ]


def hours_today(devices: Sequence[Device], *, now: dt.datetime) -> dict[int, list[EngagementBucket]]:
    """Return the hours of each spot's whole day at its site, by primary key of the spot's latest device.

    Takes at most three queries.
    """
    spots = spots_of(devices)
    zones = [spot.latest.site.zone for spot in spots]
    selections = [
        Selection(spot.devices, zone, *day_bounds(now, zone)) for spot, zone in zip(spots, zones, strict=True)
    ]
    hours = read_engagement(with_opening_hours(selections), bucket="hour", now=now)
    return {spot.latest.pk: hours_of_spot for spot, hours_of_spot in zip(spots, hours, strict=True)}


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
