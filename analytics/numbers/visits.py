"""Visits of people in buckets of time: their number, dwell, attention and attraction, from the tallies.

A visit counts in the bucket in which it began. Medians come from histograms with bins that are 9 % wide, because
histograms can be added up over any buckets and devices.
"""

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Min

from analytics.counting.visits import TENTH_MS
from analytics.models import DurationQuarter, VisitQuarter
from analytics.models.quarters import DURATION_EDGES_MS
from analytics.numbers import sql
from analytics.numbers.buckets import Bucket
from analytics.numbers.intervals import CONFIDENCE, Interval
from analytics.numbers.measures import EngagementBucket, merge_engagement
from analytics.numbers.reads import BucketQuery, Selection
from devices.models import Device

MS = 1_000
Bins = tuple[int, ...]
"""The number of visits in each bin of `DURATION_EDGES_MS`."""

_NO_BINS: Bins = (0,) * len(DURATION_EDGES_MS)


class VisitSums(NamedTuple):
    """The numbers of `VisitQuarter`, which explains them; all of them add up."""

    visits: int
    dwell_ms_sum: int
    told: int
    viewers: int
    told_dwell_ms_sum: int
    attention_ms_sum: int
    groups: int
    attention_squares: int
    dwell_squares: int
    products: int


@dataclass(slots=True, unsafe_hash=True)
class VisitBucket:
    """The visits that began in a bucket, all selected devices together."""

    engagement: EngagementBucket
    """The same bucket's engagement, with its start and end."""
    is_known: bool
    """Whether a camera was on, and a device had followed people before the bucket's end."""
    sums: VisitSums
    dwell_bins: Bins
    attention_bins: Bins

    @property
    def known_visits(self) -> int | None:
        """The number of visits; None where nothing is known of them."""
        return self.sums.visits if self.is_known else None

    @property
    def known_viewers(self) -> int | None:
        """Visits with at least a second of attention; None where the devices do not tell where faces look."""
        return self.sums.viewers if self.is_known and (self.sums.told or not self.sums.visits) else None

    @property
    def median_dwell_seconds(self) -> float | None:
        """None without a visit, as are the other durations."""
        return quantile(self.dwell_bins, 0.5)

    @property
    def p90_dwell_seconds(self) -> float | None:
        """Nine of ten visits are at most so long."""
        return quantile(self.dwell_bins, 0.9)

    @property
    def median_attention_seconds(self) -> float | None:
        return quantile(self.attention_bins, 0.5)

    @property
    def attraction(self) -> float | None:
        """Attention as a share of dwell, of the visits whose attention is known; None without one that lasted."""
        return self.sums.attention_ms_sum / self.sums.told_dwell_ms_sum if self.sums.told_dwell_ms_sum else None

    @property
    def attraction_interval(self) -> Interval | None:
        """The 95 % interval of the attraction, with groups of people as units; None with fewer than two groups.

        The linearised variance of a ratio of two sums over clusters: W. G. Cochran, Sampling Techniques (1977), 6.4.
        """
        share = self.attraction
        dwell = self.sums.told_dwell_ms_sum / TENTH_MS
        if share is None or self.sums.groups < 2 or not dwell:
            return None
        # SciPy is slow to import, and most pages do not need it.
        from scipy.special import stdtrit

        squares = self.sums.attention_squares - 2 * share * self.sums.products + share * share * self.sums.dwell_squares
        error = math.sqrt(max(squares, 0.0) * self.sums.groups / (self.sums.groups - 1)) / dwell
        reach = float(stdtrit(self.sums.groups - 1, (1 + CONFIDENCE) / 2)) * error
        return Interval(max(0.0, share - reach), min(1.0, share + reach))


def quantile(bins: Bins, share: float) -> float | None:
    """Return the duration in seconds that this share of the visits does not exceed; None without a visit.

    Within a bin, the visits are taken to be spread evenly on a logarithmic scale.
    """
    rank, below = share * sum(bins), 0
    if not rank:
        return None
    for number, count in enumerate(bins):
        if count and below + count >= rank:
            return _within(number, (rank - below) / count) / MS
        below += count
    return None


def _within(number: int, share: float) -> float:
    low = DURATION_EDGES_MS[number]
    if number + 1 == len(DURATION_EDGES_MS):
        return low
    high = DURATION_EDGES_MS[number + 1]
    return low * (high / low) ** share if low else high * share


def read_visits(
    selections: Sequence[Selection],
    *,
    bucket: Bucket,
    engagement: Sequence[Sequence[EngagementBucket]],
    followed_from: Mapping[int, dt.datetime],
) -> list[list[VisitBucket]]:
    """Read the visits of each selection in two queries.

    `engagement` is what `read_engagement` has returned for the same selections and bucket, `followed_from` what
    `first_visits` has returned for their devices.
    """
    query = BucketQuery(selections, bucket)
    sums = query.select_slices(VisitQuarter.objects.all()).values_list("group", "slice")
    of_sums = query.rows_by_bucket(
        sums.annotate(**{f"total_{name}": sql.IntegerSum(name) for name in VisitSums._fields})
    )
    durations = query.select_slices(DurationQuarter.objects.all()).values_list("group", "slice", "measure", "bin")
    of_durations = query.rows_by_bucket(durations.annotate(total=sql.IntegerSum("visits")))
    return [
        [
            VisitBucket(
                each,
                bool(each.frames) and any(followed_from.get(pk, each.end) < each.end for pk in devices),
                _add_up(rows),
                *_bins(bin_rows),
            )
            for each, rows, bin_rows in zip(buckets, of_bucket, bins_of_bucket, strict=True)
        ]
        for devices, buckets, of_bucket, bins_of_bucket in zip(
            [[device.pk for device in selection.devices] for selection in selections],
            engagement,
            of_sums,
            of_durations,
            strict=True,
        )
    ]


def count_visits(selections: Sequence[Selection]) -> list[int]:
    """Return how many visits began in each selection, in one query."""
    query = BucketQuery(selections, "hour")
    rows = query.select_slices(VisitQuarter.objects.all()).values_list("group", "slice")
    found = query.rows_by_bucket(rows.annotate(total=sql.IntegerSum("visits")))
    return [sum(total for bucket in buckets for (total,) in bucket) for buckets in found]


FOLLOWING_FOR = dt.timedelta(days=7)
"""A device follows people if it has reported a visit within this time."""


def following(devices: Iterable[Device], *, now: dt.datetime) -> set[int]:
    """Return the primary keys of the devices that follow people now, in one query."""
    lately = VisitQuarter.objects.filter(
        device__in=[device.pk for device in devices], start__gte=now - FOLLOWING_FOR, start__lte=now
    )
    return set(lately.order_by().values_list("device", flat=True).distinct())


def first_visits(devices: Iterable[Device]) -> dict[int, dt.datetime]:
    """Read the quarter hour of each device's first visit, by the device's primary key, in one query.

    From then on, no visit means that nobody came. Before, and at a device without one, nothing is known.
    """
    quarters = VisitQuarter.objects.filter(device__in=[device.pk for device in devices]).order_by()
    return dict(quarters.values_list("device").annotate(first=Min("start")))


def _add_up(rows: Iterable[Sequence[int]]) -> VisitSums:
    return VisitSums(*(sum(column) for column in zip([0] * len(VisitSums._fields), *rows, strict=True)))


def _bins(rows: Iterable[Sequence[Any]]) -> tuple[Bins, Bins]:
    dwell, attention = list(_NO_BINS), list(_NO_BINS)
    for measure, number, visits in rows:
        (dwell if measure == "dwell" else attention)[number] += visits
    return tuple(dwell), tuple(attention)


def merge_visits(buckets: Sequence[VisitBucket]) -> VisitBucket:
    """Merge adjoining buckets into one. Raises `IndexError` without a bucket."""
    dwell, attention = zip(*((each.dwell_bins, each.attention_bins) for each in buckets), strict=True)
    return VisitBucket(
        merge_engagement([each.engagement for each in buckets]),
        any(each.is_known for each in buckets),
        _add_up([each.sums for each in buckets]),
        tuple(map(sum, zip(*dwell, strict=True))),
        tuple(map(sum, zip(*attention, strict=True))),
    )
