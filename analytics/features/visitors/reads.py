"""Read unique visitors per day from the sightings of people whom a site may recognise, and reactions from counts.

Each read takes the same number of SQL queries for a period of any length.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, DateTimeField, DurationField, ExpressionWrapper, F, Q, QuerySet, Value, When
from django.db.models.functions import TruncDate

from analytics.numbers.buckets import bucket_edges, offsets
from devices.models import Device
from faces.models import ExpressionQuarter, FeelingsConfirmation, Mode, Sighting, SitePolicy

EMOTIONS = ("happy", "calm", "surprised", "confused", "sad", "angry", "fear", "disgusted", "unknown")
"""The names of emotions of Amazon Rekognition, in lower case."""


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
    """The expressions of a local day's faces, in quarter hours with enough people."""

    start: dt.datetime
    """The start of the day. `start` and `end` are in the time zone that the caller passed in."""
    end: dt.datetime
    shares: dict[str, float] | None
    """The share of each of `EMOTIONS`; None where none are read, the day is not over, or too few people came."""


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
    bounds = bucket_edges(zone=zone, start=start, end=end, bucket="day").local
    visitors_of_day = _count_visitors(devices, policies, bounds, zone) if policies and bounds else {}

    def day(first: dt.datetime, last: dt.datetime) -> VisitorDay:
        nobody = (0, 0) if policies and recognised_from < last and first <= now else (None, None)
        return VisitorDay(first, last, *visitors_of_day.get(first.date(), nobody))

    return [day(first, last) for first, last in pairwise(bounds)]


def read_reactions(
    devices: Iterable[Device], *, zone: ZoneInfo, start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> list[ReactionDay]:
    """Return the reactions at these devices on each local day that the period overlaps, in one query.

    Shares are None on a day that is not over. They add up quarter hours of a device with at least five people each, so
    that no difference of two answers is about fewer.
    """
    bounds = bucket_edges(zone=zone, start=start, end=end, bucket="day").local
    counts: dict[dt.date, Counter[str]] = defaultdict(Counter)
    if bounds:
        rows = ExpressionQuarter.objects.filter(
            settled=True, device__in=list(devices), start__gte=bounds[0], start__lt=bounds[-1]
        )
        for at, of_quarter in rows.values_list("start", "counts").iterator():
            counts[at.astimezone(zone).date()].update(of_quarter)

    def day(first: dt.datetime, last: dt.datetime) -> ReactionDay:
        of_day = counts[first.date()] if last <= now else Counter()
        total = sum(of_day[name] for name in EMOTIONS)
        shares = {name: of_day[name] / total for name in EMOTIONS} if total else None
        return ReactionDay(first, last, shares)

    return [day(first, last) for first, last in pairwise(bounds)]


def has_reactions(devices: Iterable[Device]) -> bool:
    """Return whether an owner of a site of these devices has confirmed that expressions may be read there."""
    return FeelingsConfirmation.objects.filter(site__in={device.site_id for device in devices}).exists()


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
