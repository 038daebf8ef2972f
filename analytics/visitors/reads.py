"""Read unique visitors and reactions per day from the sightings of people whom a site may recognise.

Each read takes the same number of SQL queries for a period of any length.
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
from analytics.visitors.privacy import EmotionShares, Reaction, emotion_shares
from devices.models import Device
from faces.models import Mode, Sighting, SitePolicy
from faces.recognisers.recogniser import configured_class


@dataclass(frozen=True, slots=True)
class VisitorDay:
    """The number of people who were recognised on a local day. Erased people are not included."""

    start: dt.datetime
    """The start of the day. `start` and `end` are in the time zone that the caller passed in."""
    end: dt.datetime
    visitors: int | None
    """None where no site recognised people."""
    guests: int | None
    """The number of guests among the visitors: strangers with a number."""


@dataclass(frozen=True, slots=True)
class ReactionDay:
    """The emotions of a local day's visitors, with the same weight for each person."""

    start: dt.datetime
    """The start of the day. `start` and `end` are in the time zone that the caller passed in."""
    end: dt.datetime
    shares: EmotionShares | None
    """None where no emotions are read, the day is not over, or too few people came (see `privacy`)."""


def read_visitors(
    devices: Iterable[Device], *, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> list[VisitorDay]:
    """Return the unique visitors at these devices on each local day that the period overlaps, in two queries.

    The numbers are None on a day that ended before the site's policy was confirmed, and on a day that has not begun,
    unless somebody was recognised on it.
    """
    devices = list(devices)
    policies = _policies(devices)
    recognised_from = min(
        (policy.confirmed_at or dt.datetime.max.replace(tzinfo=dt.UTC) for policy in policies), default=now
    )
    bounds = edges(zone=zone, start=start, end=end, bucket="day")
    visitors_of_day = _count_visitors(devices, policies, bounds, zone) if policies and bounds else {}

    def day(first: dt.datetime, last: dt.datetime) -> VisitorDay:
        local = first.astimezone(zone)
        nobody = (0, 0) if policies and recognised_from < last and first <= now else (None, None)
        return VisitorDay(local, last.astimezone(zone), *visitors_of_day.get(local.date(), nobody))

    return [day(first, last) for first, last in pairwise(bounds)]


def read_reactions(
    devices: Iterable[Device], *, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> list[ReactionDay]:
    """Return the reactions at these devices of one site on each local day that the period overlaps, in three queries.

    Shares are None on a day that is not over. Each day is a whole day, also at the ends of the period: the difference
    of two parts of a day could reveal a person.
    """
    devices = list(devices)
    policies = _policies(devices) if recogniser_reads_emotions() else []
    bounds = edges(zone=zone, start=start, end=end, bucket="day")
    selected = {device.pk for device in devices}
    site = set(Device.objects.filter(site__in=[policy.site_id for policy in policies]).values_list("pk", flat=True))
    reactions: dict[dt.date, list[Reaction]] = defaultdict(list)
    if policies and bounds:
        rows = _sightings(site, policies, bounds).exclude(emotions={})
        fields = rows.values_list("capture__taken_at", "capture__device", "person", "emotions")
        for at, device, person, emotions in fields.iterator():
            reactions[at.astimezone(zone).date()].append((device, person, emotions))

    def day(first: dt.datetime, last: dt.datetime) -> ReactionDay:
        local = first.astimezone(zone)
        of_day = reactions[local.date()] if last <= now else []
        shares = emotion_shares(of_day, devices=selected, of_the_site=site)
        return ReactionDay(local, last.astimezone(zone), shares)

    return [day(first, last) for first, last in pairwise(bounds)]


def recogniser_reads_emotions() -> bool:
    """Return whether the selected recogniser reads emotions."""
    return configured_class().detects_emotions


def _policies(devices: Sequence[Device]) -> list[SitePolicy]:
    """Return the policies of those sites of the devices that recognise people."""
    sites = {device.site_id for device in devices}
    return list(SitePolicy.objects.filter(site__in=sites).exclude(mode=Mode.OFF))


def _sightings(
    devices: Iterable[int], policies: Sequence[SitePolicy], bounds: Sequence[dt.datetime]
) -> QuerySet[Sighting, Sighting]:
    """Return the sightings that the sites' policies allow: guests only where the policy is `everyone`."""
    known = Q(person__guest_number=None) & Q(capture__device__site__in=[policy.site_id for policy in policies])
    everyone = Q(capture__device__site__in=[policy.site_id for policy in policies if policy.mode == Mode.EVERYONE])
    sightings: Any = Sighting.objects.filter(
        known | everyone,
        person__isnull=False,
        capture__device__in=devices,
        capture__taken_at__gte=bounds[0],
        capture__taken_at__lt=bounds[-1],
    ).order_by()
    return sightings  # type: ignore[no-any-return]


def _count_visitors(
    devices: Sequence[Device], policies: Sequence[SitePolicy], bounds: Sequence[dt.datetime], zone: ZoneInfo
) -> dict[dt.date, tuple[int, int]]:
    """Return by local day the number of visitors and the number of guests among them."""
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
    """Return an expression for the local date of a sighting; `bounds` are the starts of the days.

    The database only adds offsets, because its time zone data may differ from Python's.
    """
    (_, first), *later = offsets(bounds, zone)
    # The first condition that holds decides, so the latest change of the offset comes first.
    changed = [When(capture__taken_at__gte=since, then=Value(offset)) for since, offset in reversed(later)]
    offset = Case(*changed, default=Value(first), output_field=DurationField())
    wall_clock = ExpressionWrapper(F("capture__taken_at") + offset, output_field=DateTimeField())
    return TruncDate(wall_clock, tzinfo=dt.UTC)
