"""Visits of people in buckets of time: their number, dwell, attention and attraction, from the tallies.

A visit counts in the bucket in which it began. Medians come from histograms with bins that are 9 % wide, because
histograms can be added up over any buckets and devices.

People who come together behave alike. So every interval takes the groups of people that came in the same minute for its
units, not the people.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Min

from analytics.counting.visits import TENTH_MS, VisitSums
from analytics.models import DurationQuarter, VisitQuarter
from analytics.models.quarters import DURATION_EDGES_MS
from analytics.numbers import sql
from analytics.numbers.buckets import Bucket
from analytics.numbers.intervals import Groups, Interval, score_interval
from analytics.numbers.measures import EngagementBucket, merge_engagement
from analytics.numbers.reads import BucketQuery, Selection
from devices.models import Device

MS = 1_000
Bins = tuple[int, ...]
"""The number of visits in each bin of `DURATION_EDGES_MS`."""

_NO_BINS: Bins = (0,) * len(DURATION_EDGES_MS)


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
    def known_passers_by(self) -> int | None:
        """Visits, also of those who passed without a glance; None where a device with a visit looks for faces only."""
        is_known = self.is_known and self.sums.visits > 0 and self.sums.passers_by == self.sums.visits
        return self.sums.passers_by if is_known else None

    @property
    def conversion(self) -> float | None:
        """Viewers as a share of passers-by, of the devices that look for bodies, too; None without such a passer-by."""
        return self._conversion.ratio

    @property
    def conversion_interval(self) -> Interval | None:
        """The 95 % interval of the conversion; None with fewer than two groups.

        Wilson's, with an effective number of people. Where all behave alike, each group tells as much as one person.
        """
        groups, share = self._conversion, self.conversion
        variance = groups.variance
        if share is None or variance is None:
            return None
        alone = share * (1 - share) / groups.below
        return score_interval(share, groups.below / max(1.0, variance / alone) if alone else groups.count)

    @property
    def _conversion(self) -> Groups:
        sums = self.sums
        squares = sums.passing_viewer_squares, sums.passer_squares, sums.passing_products
        return Groups(sums.passing_groups, sums.passing_viewers, sums.passers_by, *squares)

    @property
    def median_dwell_seconds(self) -> float | None:
        """None without a visit, as are the other durations."""
        return quantile(self.dwell_bins, 0.5)

    def dwell_interval(self, share: float) -> Interval | None:
        """Return the 95 % interval, in seconds, of the dwell that this share of the visits does not exceed."""
        sums = self.sums
        squares = sums.dwell_bin_squares, sums.size_squares, sums.dwell_bin_products
        return _quantile_interval(self.dwell_bins, share, sums.all_groups, *squares)

    def attention_interval(self, share: float) -> Interval | None:
        """Return the 95 % interval, in seconds, of the attention that this share of the visits does not exceed."""
        sums = self.sums
        squares = sums.attention_bin_squares, sums.told_size_squares, sums.attention_bin_products
        return _quantile_interval(self.attention_bins, share, sums.groups, *squares)

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
        """The 95 % interval of the attraction; None with fewer than two groups."""
        sums = self.sums
        tenths = sums.attention_ms_sum / TENTH_MS, sums.told_dwell_ms_sum / TENTH_MS
        return Groups(sums.groups, *tenths, sums.attention_squares, sums.dwell_squares, sums.products).share_interval


def _quantile_interval(
    bins: Bins, share: float, groups: int, bin_squares: int, size_squares: int, products: int
) -> Interval | None:
    """Return the interval of a quantile in seconds; None with fewer than two groups.

    The share's interval is turned into durations (R. S. Woodruff, “Confidence intervals for medians and other position
    measures”, Journal of the American Statistical Association 47 (1952), 635-646). Its effective number of people is
    smaller the more alike the groups are, measured at the mean bin, which is the mean of the logarithm of the duration
    (the design effect: L. Kish, Survey Sampling, 1965, 8.2).
    """
    people, total = sum(bins), sum(number * count for number, count in enumerate(bins))
    variance = Groups(groups, total, people, bin_squares, size_squares, products).variance
    if variance is None:
        return None
    spread = sum(number * number * count for number, count in enumerate(bins)) - total * total / people
    alone = spread / (people - 1) / people if people > 1 else 0.0
    effective = people / max(1.0, variance / alone) if alone else people
    shares = score_interval(share, effective)
    low, high = quantile(bins, shares.low), quantile(bins, shares.high)
    return None if low is None or high is None else Interval(low, high)


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
