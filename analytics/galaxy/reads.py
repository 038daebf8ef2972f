"""The facts of a slot, from the tallies. However many sites there are, each function takes the same few queries."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal
from zoneinfo import ZoneInfo

from analytics.galaxy.facts import AnswerBar, Asked, Leader, Leaders, Seen, SiteHours
from analytics.models import FACE, Episode
from analytics.numbers.buckets import day_start
from analytics.numbers.measures import EngagementBucket
from analytics.numbers.reads import Selection, read_engagement
from analytics.pages.overview import thumbs_up_today
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
    selections = [Selection(cameras[site.pk], site.zone, *_bounds(site.zone, window, at)) for site in sites]
    hours = read_engagement(selections, bucket="hour", now=at)
    found = [_site_hours(site, cameras[site.pk], of_site, at) for site, of_site in zip(sites, hours, strict=True)]
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
            AnswerBar(each.start, each.end, each.answers.yes, each.answers.no, each.camera.state)
            for each in result.buckets
        ],
    )


def _cameras(sites: Sequence[Site]) -> dict[int, list[Device]]:
    cameras: dict[int, list[Device]] = defaultdict(list)
    for device in Device.objects.filter(site__in=sites).select_related("site", "state").order_by("pk"):
        cameras[device.site_id].append(device)
    return cameras


def _bounds(zone: ZoneInfo, window: Window, at: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Where the window begins and ends; UTC."""
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
        cameras=len(cameras),
        live=sum(camera.is_live(at) for camera in cameras),
        hours=hours,
    )


def day(device: Device, date: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """The first moment of this date at the device's site, and the first after it; UTC."""
    return day_start(date, device.site.zone), day_start(date + dt.timedelta(days=1), device.site.zone)


def visits(device: Device, start: dt.datetime, end: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    """From when to when somebody stood before the device, ascending, as far as it lies in this period."""
    found = Episode.objects.filter(device=device, label=FACE, started__lt=end, ended__gte=start).order_by("started")
    spans = found.values_list("started", "ended")
    return [(max(started, start), min(ended, end)) for started, ended in spans]
