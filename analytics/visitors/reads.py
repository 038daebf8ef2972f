"""Unique visitors and reactions, day by day, from the sightings of people whom a site may know.

Each takes the same number of SQL queries however long the period is.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, DateTimeField, DurationField, ExpressionWrapper, F, Q, QuerySet, Value, When
from django.db.models.functions import TruncDate

from analytics.numbers.buckets import edges, offsets
from analytics.visitors.privacy import Seen, Shares, shares_of_a_day
from devices.models import Device
from faces.models import Mode, Sighting, SitePolicy
from faces.recognisers.recogniser import configured_class


@dataclass(frozen=True, slots=True)
class VisitorDay:
    """How many different people were recognised on a day, each counted once. Somebody who was erased is nobody here."""

    start: dt.datetime
    """In the zone asked for, as is `end`."""
    end: dt.datetime
    visitors: int | None
    """None where nobody could be recognised, which is not zero."""
    guests: int | None
    """Those of them who are strangers with a number."""


@dataclass(frozen=True, slots=True)
class ReactionDay:
    """What the faces of a day's visitors expressed, each person weighing the same."""

    start: dt.datetime
    """In the zone asked for, as is `end`."""
    end: dt.datetime
    shares: Shares | None
    """By emotion, together 1; None where nobody reads them, the day is not over, or too few came: see `privacy`."""


def visitors(
    devices: Iterable[Device], *, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> list[VisitorDay]:
    """The unique visitors at these devices on each local day that `start` to `end` touches. Two queries.

    A day that ended before recognition was decided on, and one that has not begun, is None unless somebody was
    recognised in it.
    """
    devices = list(devices)
    policies = _policies(devices)
    known_from = min(
        (policy.confirmed_at or dt.datetime.max.replace(tzinfo=dt.UTC) for policy in policies), default=now
    )
    bounds = edges(zone=zone, start=start, end=end, bucket="day")
    counted = _counted(devices, policies, bounds, zone) if policies and bounds else {}

    def day(first: dt.datetime, last: dt.datetime) -> VisitorDay:
        local = first.astimezone(zone)
        nobody = (0, 0) if policies and known_from < last and first <= now else (None, None)
        return VisitorDay(local, last.astimezone(zone), *counted.get(local.date(), nobody))

    return [day(first, last) for first, last in pairwise(bounds)]


def reactions(
    devices: Iterable[Device], *, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> list[ReactionDay]:
    """What was expressed before these devices of one site on each local day that `start` to `end` touches.

    Three queries. A day that is not over is None. The days are whole ones even where `start` or `end` are not: parts of
    a day would tell too much.
    """
    devices = list(devices)
    policies = _policies(devices) if reads_reactions() else []
    bounds = edges(zone=zone, start=start, end=end, bucket="day")
    here = {device.pk for device in devices}
    site = set(Device.objects.filter(site__in=[policy.site_id for policy in policies]).values_list("pk", flat=True))
    seen: dict[dt.date, list[Seen]] = defaultdict(list)
    if policies and bounds:
        rows = _sightings(site, policies, bounds).exclude(emotions={})
        for at, *one in rows.values_list("capture__taken_at", "capture__device", "person", "emotions").iterator():
            seen[at.astimezone(zone).date()].append((one[0], one[1], one[2]))

    def day(first: dt.datetime, last: dt.datetime) -> ReactionDay:
        local = first.astimezone(zone)
        told = seen[local.date()] if last <= now else []
        return ReactionDay(local, last.astimezone(zone), shares_of_a_day(told, devices=here, of_the_site=site))

    return [day(first, last) for first, last in pairwise(bounds)]


def reads_reactions() -> bool:
    """Whether the recogniser in use tells emotions."""
    return configured_class().detects_emotions


def _policies(devices: Sequence[Device]) -> list[SitePolicy]:
    """Of these devices' sites, those that recognise people."""
    sites = {device.site_id for device in devices}
    return list(SitePolicy.objects.filter(site__in=sites).exclude(mode=Mode.OFF))


def _sightings(
    devices: Iterable[int], policies: Sequence[SitePolicy], bounds: Sequence[dt.datetime]
) -> QuerySet[Sighting, Sighting]:
    """Of people whom the policy in force lets the site know: guests only where it is `everyone`."""
    known = Q(person__guest_number=None) & Q(capture__device__site__in=[policy.site_id for policy in policies])
    everyone = Q(capture__device__site__in=[policy.site_id for policy in policies if policy.mode == Mode.EVERYONE])
    found: Any = Sighting.objects.filter(
        known | everyone,
        person__isnull=False,
        capture__device__in=devices,
        capture__taken_at__gte=bounds[0],
        capture__taken_at__lt=bounds[-1],
    ).order_by()
    return found  # type: ignore[no-any-return]


def _counted(
    devices: Sequence[Device], policies: Sequence[SitePolicy], bounds: Sequence[dt.datetime], zone: ZoneInfo
) -> dict[dt.date, tuple[int, int]]:
    """Visitors and guests among them, by local day."""
    days = (
        _sightings([device.pk for device in devices], policies, bounds)
        .annotate(day=_local_date(bounds, zone))
        .values_list("day")
        .annotate(
            visitors=Count("person", distinct=True),
            guests=Count("person", distinct=True, filter=Q(person__guest_number__isnull=False)),
        )
    )
    return {day: (everybody, guests) for day, everybody, guests in days}


def _local_date(bounds: Sequence[dt.datetime], zone: ZoneInfo) -> TruncDate:
    """The local date of a sighting between these beginnings of days.

    The database only adds offsets: its own rules of the zone may be others than Python's.
    """
    (_, first), *later = offsets(bounds, zone)
    # Of several conditions that hold, the first counts: so the latest change comes first.
    changed = [When(capture__taken_at__gte=since, then=Value(offset)) for since, offset in reversed(later)]
    offset = Case(*changed, default=Value(first), output_field=DurationField())
    wall_clock = ExpressionWrapper(F("capture__taken_at") + offset, output_field=DateTimeField())
    return TruncDate(wall_clock, tzinfo=dt.UTC)
