"""The numbers of the overview: every site that a user may see, with its devices and their day so far.

A day is the site's own, from local midnight. The number of queries does not depend on the number of sites and devices.
"""

import datetime as dt
import uuid
import zoneinfo
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from analytics.models import FACE, Episode
from analytics.numbers.buckets import day_bounds
from analytics.numbers.measures import BucketState, EngagementBucket, merge_engagement
from analytics.numbers.reads import Selection, read_engagement, read_episodes
from analytics.numbers.visits import count_visits, following
from analytics.pages import attention
from analytics.pages.attention import Matter
from analytics.pages.outlook import Outlook, judge_weeks, read_outlooks
from analytics.plots.sparklines import Sparkline, sparkline
from analytics.verdicts.findings import Finding
from analytics.verdicts.opening import with_opening_hours
from devices.models import Device, DeviceState, Site
from devices.storage.querysets import Spot, spots_of
from edge_agent.vision.gestures import THUMBS_UP
from faces.models import Capture, Coffee, Mode, Shows

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
    visits: int | None
    """The visits that began today; None where the camera does not follow people."""
    spells: int | None
    """The occupied spells that began today; None where no camera was on that looks for faces."""
    picture: "LatestPicture | None"

    @property
    def was_never_seen(self) -> bool:
        """Whether nothing has ever come from this spot, so that its day is not one with a camera that was off."""
        return self.device.is_open and not self.device.was_heard and not self.today.minutes_seen

    @property
    def is_uncounted(self) -> bool:
        """Whether in some hour the camera was on without counting faces."""
        return any(hour.state is BucketState.UNCOUNTED for hour in self.sparkline.hours)


@dataclass(frozen=True, slots=True)
class LatestPicture:
    """A camera's latest picture of its whole frame."""

    pk: uuid.UUID
    """The key of its capture."""
    taken_at: dt.datetime


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
    ever: Sequence[Device]
    """All devices that are and were there."""
    more: int = 0
    """How many further spots the site has, where the overview shows some of them only."""

    @property
    def open(self) -> int:
        """The number of devices that are there."""
        return sum(each.device.is_open for each in self.devices)

    @property
    def live(self) -> int:
        """The number of live devices."""
        return sum(each.is_live for each in self.devices)

    @property
    def visits(self) -> int | None:
        """The visits at all devices that follow people; None without such a device."""
        return _sum(each.visits for each in self.devices)

    @property
    def spells(self) -> int | None:
        """The occupied spells at all devices that do not follow people; None where nothing is known of them."""
        return _sum(each.spells for each in self.devices if each.visits is None)

    @property
    def is_closed(self) -> bool:
        """Whether the site was closed all day so far."""
        return bool(self.devices) and all(each.today.is_closed for each in self.devices)

    @property
    def thumbs_up(self) -> int:
        """The thumbs-up gestures at all devices."""
        return sum(each.thumbs_up or 0 for each in self.devices)

    @property
    def coffees(self) -> int:
        """The coffees at all devices."""
        return sum(each.coffees for each in self.devices)


def sites_today(
    user: "User | AnonymousUser",
    *,
    now: dt.datetime,
    only: Collection[int] | None = None,
    most_of_site: int | None = None,
) -> list[SiteToday]:
    """Return the user's sites by name, each with its spots by name. Takes at most eleven queries.

    `only` selects sites by their keys. Of each site the first `most_of_site` spots are read.
    """
    visible = Site.objects.for_user(user) if only is None else Site.objects.for_user(user).filter(pk__in=only)
    sites = list(visible.annotate(members=Count("memberships")).order_by("name"))
    known = Device.objects.filter(site__in=sites).select_related("site", "thing__state").order_by("name")
    ever: dict[int, list[Device]] = defaultdict(list)
    for each in known:
        ever[each.site_id].append(each)
    devices = [each for each in known if each.until is None or each.until > day_bounds(now, each.site.zone)[0]]
    spots_of_site: dict[int, list[Spot]] = defaultdict(list)
    for spot in spots_of(devices):
        spots_of_site[spot.latest.site_id].append(spot)
    more = {pk: max(0, len(of_site) - (most_of_site or len(of_site))) for pk, of_site in spots_of_site.items()}
    spots_of_site = defaultdict(list, {pk: of_site[:most_of_site] for pk, of_site in spots_of_site.items()})
    today = _today_of_spots([spot for of_site in spots_of_site.values() for spot in of_site], sites, now)
    return [
        SiteToday(
            site,
            now.astimezone(site.zone),
            site.members,
            [today[spot.latest.pk] for spot in spots_of_site[site.pk]],
            ever[site.pk],
            more.get(site.pk, 0),
        )
        for site in sites
    ]


def devices_of_today(user: "User | AnonymousUser", *, now: dt.datetime) -> QuerySet[Device]:
    """Return the latest device of each of the user's spots that has or had a device today. One query for the zones."""
    zones = Site.objects.for_user(user).order_by().values_list("timezone", flat=True).distinct()
    left = (Q(site__timezone=zone, until__gt=day_bounds(now, zoneinfo.ZoneInfo(zone))[0]) for zone in zones)
    later = Device.objects.filter(Q(until=None) | Q(until__gt=OuterRef("until")), site=OuterRef("site"))
    found: QuerySet[Device] = Device.objects.for_user(user).filter(reduce(or_, left, Q(until=None)))
    return found.filter(Q(until=None) | ~Exists(later.filter(name=OuterRef("name"))))


def devices_today(devices: Sequence[Device], *, now: dt.datetime) -> list[DeviceToday]:
    """Return the day of the spot of each of these devices, each the latest of its spot. Takes at most ten queries."""
    sites = list(Site.objects.filter(pk__in={device.site_id for device in devices}))
    names = {device.name for device in devices}
    known = Device.objects.filter(site__in=sites, name__in=names).select_related("site", "thing__state")
    there = [each for each in known if each.until is None or each.until > day_bounds(now, each.site.zone)[0]]
    wanted = {device.pk for device in devices}
    today = _today_of_spots([spot for spot in spots_of(there) if spot.latest.pk in wanted], sites, now)
    return [today[device.pk] for device in devices]


def _today_of_spots(spots: Sequence[Spot], sites: Sequence[Site], now: dt.datetime) -> dict[int, DeviceToday]:
    """Return the day of each spot at one of the sites, by primary key of its latest device."""
    devices = [device for spot in spots for device in spot.devices]
    hours, came = _read_today(spots, now)
    pictures = latest_pictures(devices, now=now)
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
            thumbs_up=sum(gestures) if gestures or whole_day.minutes_told else None,
            coffees=sum(coffees.get(each.pk, 0) for each in spot.devices),
            visits=came[device.pk].visits,
            spells=came[device.pk].spells,
            picture=pictures.get(device.pk),
        )

    return {spot.latest.pk: today(spot) for spot in spots}


def hours_today(devices: Sequence[Device], *, now: dt.datetime) -> dict[int, list[EngagementBucket]]:
    """Return the hours of each spot's whole day at its site, by primary key of the spot's latest device.

    Takes at most three queries.
    """
    spots = spots_of(devices)
    hours = read_engagement(_selections_today(spots, now), bucket="hour", now=now)
    return {spot.latest.pk: hours_of_spot for spot, hours_of_spot in zip(spots, hours, strict=True)}


@dataclass(frozen=True, slots=True)
class _Came:
    """How many people came to a spot today."""

    visits: int | None
    spells: int | None


def _read_today(spots: Sequence[Spot], now: dt.datetime) -> tuple[dict[int, list[EngagementBucket]], dict[int, _Came]]:
    """Return what `hours_today` returns, and how many came, by the same keys. At most six queries."""
    selections = _selections_today(spots, now)
    hours = read_engagement(selections, bucket="hour", now=now)
    whole = [replace(selection, single_bucket=True) for selection in selections]
    days = [[merge_engagement(of_spot)] for of_spot in hours]
    spells = read_episodes(whole, label=FACE, bucket="hour", engagement=days)
    visits = count_visits(whole)
    followers = following([device for spot in spots for device in spot.devices], now=now)
    keys = [spot.latest.pk for spot in spots]
    came = {
        spot.latest.pk: _Came(
            number if day.frames and any(device.pk in followers for device in spot.devices) else None,
            of_spot.known_count,
        )
        for spot, (day,), (of_spot,), number in zip(spots, days, spells, visits, strict=True)
    }
    return dict(zip(keys, hours, strict=True)), came


def _selections_today(spots: Sequence[Spot], now: dt.datetime) -> list[Selection]:
    zones = [spot.latest.site.zone for spot in spots]
    return with_opening_hours(
        [Selection(spot.devices, zone, *day_bounds(now, zone)) for spot, zone in zip(spots, zones, strict=True)]
    )


RECENT = dt.timedelta(days=1)
"""A picture that is older shows nothing of today."""


def latest_pictures(devices: Sequence[Device], *, now: dt.datetime) -> dict[int, LatestPicture]:
    """Return the latest picture of the whole frame of each device, by primary key of the device; one query.

    Only of sites whose policy is more than to count, only of the last day, and only where the picture is still kept.
    """
    pictures = Capture.objects.filter(
        device=OuterRef("pk"), taken_at__gte=now - RECENT, taken_at__lte=now, shows=Shows.FRAME
    ).exclude(image="")
    latest = pictures.order_by("-taken_at")[:1]
    with_picture = (
        Device.objects.filter(pk__in=[device.pk for device in devices], site__policy__mode__in=_WITH_PICTURES)
        .annotate(picture=Subquery(latest.values("pk")), picture_at=Subquery(latest.values("taken_at")))
        .exclude(picture=None)
    )
    rows = with_picture.order_by().values_list("pk", "picture", "picture_at")
    return {pk: LatestPicture(picture, at) for pk, picture, at in rows}


_WITH_PICTURES = (Mode.ENROLLED, Mode.EVERYONE)
"""A site that only counts shows nobody's picture on its first screen."""


@dataclass(frozen=True, slots=True)
class FirstScreen:
    """Everything that the first screen shows."""

    sites: list[SiteToday]
    outlooks: Mapping[int, Outlook | None]
    """By primary key of the site; None while it is not read yet."""
    weeks: Mapping[int, Finding]
    matters: list[Matter]
    """What needs a hand, the most urgent first; of a partial screen, at the cameras that it shows."""
    totals: "Totals"
    page: "Page[int]"
    """The page of the sites, by their keys."""
    is_partial: bool
    """Whether there are more cameras than one screen shows."""


@dataclass(frozen=True, slots=True)
class Totals:
    """All cameras of a user together, also those that are on other pages."""

    devices: int
    live: int
    visits: int | None
    """The visits of today; None where no camera follows people."""
    spells: int | None
    """The occupied spells of today at all cameras that do not follow people; None too on a partial screen."""
    thumbs_up: int
    coffees: int


MOST_DEVICES = 60
"""With more cameras, nobody finds one by looking, and a page that each open tab requests every ten seconds is heavy."""

OF_SITE = 6
"""Cameras of each site that a partial screen shows."""

SITES_OF_PAGE = MOST_DEVICES // OF_SITE


def first_screen(user: "User | AnonymousUser", *, now: dt.datetime, page: str | None = None) -> FirstScreen:
    """Read the first screen of a user. Takes at most twenty-two queries, whatever the number of sites and devices.

    A user of more than `MOST_DEVICES` cameras sees `SITES_OF_PAGE` sites on a page, with some cameras of each.
    """
    keys = list(Site.objects.for_user(user).order_by("name").values_list("pk", flat=True))
    is_partial = Device.objects.open().for_user(user).count() > MOST_DEVICES
    shown = Paginator(keys, SITES_OF_PAGE if is_partial else max(1, len(keys))).get_page(page)
    sites = sites_today(user, now=now, only=list(shown), most_of_site=OF_SITE if is_partial else None)
    totals = _totals_of_all(user, now) if is_partial else _totals_of(sites)
    outlooks = read_outlooks([(site.site, site.ever) for site in sites], now=now)
    there = [each for site in sites for each in site.devices if each.device.is_open]
    watched = attention.Watched([each.device for each in there], {each.device.pk: each.today for each in there}, now)
    matters = attention.find_matters(watched)
    return FirstScreen(sites, outlooks, judge_weeks(outlooks), matters, totals, shown, is_partial)


def _totals_of(sites: Sequence[SiteToday]) -> Totals:
    return Totals(
        devices=sum(site.open for site in sites),
        live=sum(site.live for site in sites),
        visits=_sum(site.visits for site in sites),
        spells=_sum(site.spells for site in sites),
        thumbs_up=sum(site.thumbs_up for site in sites),
        coffees=sum(site.coffees for site in sites),
    )


def _totals_of_all(user: "User | AnonymousUser", now: dt.datetime) -> Totals:
    """Read the totals of all cameras of the user, without the numbers of each. At most seven queries."""
    sites = list(Site.objects.for_user(user))
    known = Device.objects.for_user(user).select_related("site", "thing__state")
    devices = [each for each in known if each.until is None or each.until > day_bounds(now, each.site.zone)[0]]
    followers = following(devices, now=now)
    by_zone: dict[zoneinfo.ZoneInfo, list[Device]] = defaultdict(list)
    for device in devices:
        if device.pk in followers:
            by_zone[device.site.zone].append(device)
    days = [Selection(of_zone, zone, *day_bounds(now, zone), single_bucket=True) for zone, of_zone in by_zone.items()]
    there = [device for device in devices if device.is_open]
    return Totals(
        devices=len(there),
        live=sum(device.is_live(now) for device in there),
        visits=sum(count_visits(with_opening_hours(days))) if days else None,
        spells=None,
        thumbs_up=sum(thumbs_up_today(devices, now=now).values()),
        coffees=sum(_coffees_today(sites, now).values()),
    )


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


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
