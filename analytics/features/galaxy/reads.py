"""Read the snapshots of a time slot from the tallies. Each read takes the same few queries for any number of sites."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from analytics.features.galaxy.snapshots import (
    AnswerBar,
    CoffeeSnapshot,
    EngagementSnapshot,
    QuestionSnapshot,
    RankedPerson,
    SiteHours,
    Snapshot,
    common_timezone,
)
from analytics.features.questions import reads as question_reads
from analytics.models import FACE, Episode
from analytics.numbers.buckets import day_start
from analytics.numbers.measures import EngagementBucket
from analytics.numbers.reads import Selection, read_engagement
from analytics.numbers.visits import first_visits, merge_visits, read_visits
from analytics.pages.overview import thumbs_up_today
from analytics.verdicts.opening import with_opening_hours
from devices.models import Device, Site
from faces.coffees.leaderboard import leaderboard
from faces.models import Coffee

Window = Literal["today", "week", "latest"]
"""The site's own day, its last seven days including today, or the last 24 hours including the current one."""

LATEST_HOURS = 24
WEEK_DAYS = 7

S = TypeVar("S", bound=Snapshot)


@dataclass(frozen=True, slots=True)
class Source(Generic[S]):
    """A kind of snapshot: boards with the same source share the cached snapshot of a time slot."""

    name: str
    """Part of the cache's key."""
    read: Callable[[Sequence[Site], dt.datetime], S]
    """Reads the snapshot of these sites, at least one, at this moment."""


def read_engagement_snapshot(sites: Sequence[Site], at: dt.datetime, *, window: Window) -> EngagementSnapshot:
    """Read the hours of these sites in at most four queries; "today" takes five more: visits, thumbs-up, coffees."""
    cameras = _cameras_by_site(sites)
    selections = [Selection(cameras[site.pk], site.zone, *_window_bounds(site.zone, window, at)) for site in sites]
    selections = with_opening_hours(selections)
    hours = read_engagement(selections, bucket="hour", now=at)
    sites_hours = [_site_hours(site, cameras[site.pk], of_site, at) for site, of_site in zip(sites, hours, strict=True)]
    if window != "today":
        return EngagementSnapshot(at, sites_hours)
    devices = [camera for site in sites for camera in cameras[site.pk]]
    thumbs_up = sum(thumbs_up_today(devices, now=at).values())
    coffees = Coffee.objects.all().of(sites=sites, period="today", now=at).count()
    visits = read_visits(selections, bucket="hour", engagement=hours, followed_from=first_visits(devices))
    day = merge_visits([hour for of_site in visits for hour in of_site])
    people = day.known_visits, day.known_viewers, day.conversion
    return EngagementSnapshot(at, sites_hours, thumbs_up, coffees, *people)


def read_coffee_snapshot(sites: Sequence[Site], at: dt.datetime) -> CoffeeSnapshot:
    """Read who had most coffees at these sites since Monday."""
    board = leaderboard(sites=sites, period="week", now=at)
    single_site = sites[0] if len(sites) == 1 else None
    return CoffeeSnapshot(
        at=at,
        place=single_site.name if single_site else "All sites",
        timezone=common_timezone(sites),
        people=[RankedPerson(row.rank, row.person.name, row.coffees) for row in board.rows],
        anonymous=board.anonymous,
    )


def read_question_snapshot(sites: Sequence[Site], at: dt.datetime) -> QuestionSnapshot:
    """Read the current question of the first site, or its last one, in six queries."""
    site = sites[0]
    question = question_reads.current_question([site], now=at)
    if question is None:
        return QuestionSnapshot(
            at, site.name, site.timezone, Device.objects.open().filter(site=site).count(), text=None
        )
    result = question_reads.read_result(question, now=at)
    return QuestionSnapshot(
        at=at,
        place=site.name,
        timezone=site.timezone,
        cameras=len(result.devices),
        text=question.text,
        is_running=result.state is question_reads.State.RUNNING,
        until=question.asked_until,
        yes=result.answers.yes,
        no=result.answers.no,
        unit=result.answers.unit,
        bars=[
            AnswerBar(bucket.start, bucket.end, bucket.answers.yes, bucket.answers.no, bucket.camera.state)
            for bucket in result.buckets
        ],
    )


TODAY = Source("today", partial(read_engagement_snapshot, window="today"))
WEEK = Source("week", partial(read_engagement_snapshot, window="week"))
LATEST = Source("latest", partial(read_engagement_snapshot, window="latest"))
COFFEES = Source("coffees", read_coffee_snapshot)
QUESTION = Source("question", read_question_snapshot)


def day_of_device(device: Device, date: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """Return the start of this date at the device's site and the start of the next one; UTC."""
    return day_start(date, device.site.zone), day_start(date + dt.timedelta(days=1), device.site.zone)


def read_spells(device: Device, start: dt.datetime, end: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return the start and the end of each occupied spell at the device's spot, ascending, within the period."""
    devices = Device.objects.of_spot(device)
    episodes = Episode.objects.filter(device__in=devices, label=FACE, started__lt=end, ended__gte=start)
    spells = episodes.order_by("started").values_list("started", "ended")
    return [(max(started, start), min(ended, end)) for started, ended in spells]


def _cameras_by_site(sites: Sequence[Site]) -> dict[int, list[Device]]:
    cameras: dict[int, list[Device]] = defaultdict(list)
    for device in Device.objects.filter(site__in=sites).select_related("site", "thing__state").order_by("pk"):
        cameras[device.site_id].append(device)
    return cameras


def _window_bounds(zone: ZoneInfo, window: Window, at: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Return the start and the end of the window; UTC."""
    if window == "latest":
        return at - dt.timedelta(hours=LATEST_HOURS - 1), at + dt.timedelta.resolution
    today = at.astimezone(zone).date()
    days = 1 if window == "today" else WEEK_DAYS
    return day_start(today - dt.timedelta(days=days - 1), zone), day_start(today + dt.timedelta(days=1), zone)


def _site_hours(site: Site, cameras: Sequence[Device], hours: Sequence[EngagementBucket], at: dt.datetime) -> SiteHours:
    return SiteHours(
        slug=site.slug,
        name=site.name,
        timezone=site.timezone,
        latitude=site.latitude,
        longitude=site.longitude,
        cameras=sum(camera.is_open for camera in cameras),
        live=sum(camera.is_live(at) for camera in cameras),
        hours=hours,
    )
