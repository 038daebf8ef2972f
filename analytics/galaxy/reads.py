"""The facts of a slot, from the tallies. However many sites there are, each function takes the same few queries."""

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from analytics.counting.tallies import EngagementRow
from analytics.galaxy.facts import AnswerBar, Asked, Leader, Leaders, Seen, SiteHours
from analytics.models import FACE, EngagementQuarter, Episode
from analytics.numbers import reads
from analytics.numbers.buckets import day_start, edges
from analytics.numbers.reads import EngagementBucket
from analytics.pages.overview import thumbs_up_today
from analytics.plots.time_series import showing
from analytics.questions import reads as question_reads
from devices.models import Device, Site
from faces.coffees.leaderboard import leaderboard
from faces.models import Coffee

Window = Literal["today", "week", "latest"]
"""The site's own day, its last seven days with today as the last, or the last 24 hours up to the one under way."""

LATEST_HOURS = 24
WEEK_DAYS = 7


def seen(sites: Sequence[Site], window: Window, *, at: dt.datetime) -> Seen:
    """The hours of these sites; takes two queries, and with “today” four."""
    cameras = _cameras(sites)
    bounds = {timezone: _bounds(ZoneInfo(timezone), window, at) for timezone in {site.timezone for site in sites}}
    quarters = _quarters(cameras, bounds)
    found = [_site_hours(site, cameras[site.pk], bounds[site.timezone], quarters[site.pk], at) for site in sites]
    if window != "today":
        return Seen(at, found)
    devices = [camera for site in sites for camera in cameras[site.pk]]
    thumbs_up = sum(thumbs_up_today(devices, now=at).values())
    return Seen(at, found, thumbs_up, Coffee.objects.all().of(sites=sites, period="today", now=at).count())


def leaders(sites: Sequence[Site], *, at: dt.datetime) -> Leaders:
    """Who had most coffees this week at these sites."""
    found = leaderboard(sites=sites, period="week", now=at)
    alone = sites[0] if len(sites) == 1 else None
    return Leaders(
        at=at,
        place=alone.name if alone else "All sites",
        timezone=alone.timezone if alone else "UTC",
        rows=[Leader(row.rank, row.person.name, row.coffees) for row in found.rows],
        anonymous=found.anonymous,
    )


def asked(site: Site, *, at: dt.datetime) -> Asked:
    """The question of the site at this moment, else its last one; takes six queries."""
    question = question_reads.current([site], now=at)
    if question is None:
        return Asked(at, site.name, site.timezone, len(_cameras([site])[site.pk]), text=None)
    result = question_reads.result(question, now=at)
    return Asked(
        at=at,
        place=site.name,
        timezone=site.timezone,
        cameras=len(result.devices),
        text=question.text,
        is_running=result.state is question_reads.State.RUNNING,
        until=question.asked_until,
        yes=result.answers.yes,
        no=result.answers.no,
        bars=[
            AnswerBar(each.start, each.end, each.answers.yes, each.answers.no, showing(each.camera))
            for each in result.buckets
        ],
    )


def _cameras(sites: Sequence[Site]) -> dict[int, list[Device]]:
    cameras: dict[int, list[Device]] = defaultdict(list)
    for device in Device.objects.filter(site__in=sites).select_related("site", "state").order_by("pk"):
        cameras[device.site_id].append(device)
    return cameras


def _bounds(zone: ZoneInfo, window: Window, at: dt.datetime) -> list[dt.datetime]:
    """Where the hours of the window begin, and where the last one ends; UTC."""
    today = at.astimezone(zone).date()
    days = {"today": 1, "week": WEEK_DAYS}.get(window)
    if days is None:
        start = at - dt.timedelta(hours=LATEST_HOURS - 1)
        return edges(zone=zone, start=start, end=at + dt.timedelta.resolution, bucket="hour")
    start = day_start(today - dt.timedelta(days=days - 1), zone)
    return edges(zone=zone, start=start, end=day_start(today + dt.timedelta(days=1), zone), bucket="hour")


def _quarters(cameras: dict[int, list[Device]], bounds: dict[str, list[dt.datetime]]) -> dict[int, list[EngagementRow]]:
    """The quarters of each site's cameras, by the site."""
    sites = {device.pk: site for site, devices in cameras.items() for device in devices}
    found: dict[int, list[EngagementRow]] = defaultdict(list)
    first = min((starts[0] for starts in bounds.values()), default=dt.datetime.max.replace(tzinfo=dt.UTC))
    last = max((starts[-1] for starts in bounds.values()), default=first)
    rows = EngagementQuarter.objects.filter(device__in=list(sites), start__gte=first, start__lt=last)
    for row in rows.values_list(*EngagementRow._fields).iterator():
        quarter = EngagementRow(*row)
        found[sites[quarter.device_id]].append(quarter)
    return found


def _site_hours(
    site: Site,
    cameras: Sequence[Device],
    bounds: Sequence[dt.datetime],
    quarters: Sequence[EngagementRow],
    at: dt.datetime,
) -> SiteHours:
    hours: list[list[EngagementRow]] = [[] for _ in bounds[1:]]
    for quarter in quarters:
        if bounds[0] <= quarter.start < bounds[-1]:
            hours[bisect_right(bounds, quarter.start) - 1].append(quarter)
    return SiteHours(
        slug=site.slug,
        name=site.name,
        timezone=site.timezone,
        latitude=site.latitude,
        longitude=site.longitude,
        cameras=len(cameras),
        live=sum(camera.is_live(at) for camera in cameras),
        hours=[
            _hour(start.astimezone(site.zone), end.astimezone(site.zone), rows, len(cameras), at)
            for (start, end), rows in zip(pairwise(bounds), hours, strict=True)
        ],
    )


def _hour(
    start: dt.datetime, end: dt.datetime, quarters: Sequence[EngagementRow], cameras: int, at: dt.datetime
) -> EngagementBucket:
    begun = min(end.astimezone(dt.UTC), at) - start.astimezone(dt.UTC)
    return EngagementBucket(
        start=start,
        end=end,
        minutes=max(0, -(-begun // reads.MINUTE)) * cameras,
        frames=sum(quarter.frames for quarter in quarters),
        faces_sum=sum(quarter.faces_sum for quarter in quarters),
        faces_peak=max((quarter.faces_peak for quarter in quarters), default=0),
        minutes_seen=sum(quarter.minutes_seen.bit_count() for quarter in quarters),
        minutes_occupied=sum(quarter.minutes_occupied.bit_count() for quarter in quarters),
    )


def day(device: Device, date: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """The first moment of this date at the device's site, and the first after it; UTC."""
    return day_start(date, device.site.zone), day_start(date + dt.timedelta(days=1), device.site.zone)


def visits(device: Device, start: dt.datetime, end: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    """From when to when somebody stood before the device, ascending, as far as it lies in this period."""
    found = Episode.objects.filter(device=device, label=FACE, started__lt=end, ended__gte=start).order_by("started")
    spans = found.values_list("started", "ended")
    return [(max(started, start), min(ended, end)) for started, ended in spans]
