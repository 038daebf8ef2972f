"""Engagement, counts, episodes and confidences of some devices in buckets of time, from tallies and episodes.

    read_engagement(selections, bucket=, now=)                        -> EngagementBucket   people in front of displays
    read_counts(selections, label=, bucket=, threshold=0.0)           -> CountBucket        detections in single frames
    read_episodes(selections, label=, bucket=, threshold=0.0)         -> EpisodeBucket      occupied spells, gestures
    read_confidences(selections, label=, bucket=)                     -> ConfidenceBucket   for what-if thresholds

A `Selection` is some devices taken together, a period and a time zone. Several selections are read at once, and each
gets its own list of buckets; a device may belong to several. The list has every bucket that the period overlaps, in
order, also those without a row.

A read takes one SQL query, however long the periods and however many the selections and devices. Counts, episodes and
confidences take a second query to tell “nothing there” from “camera off”, unless the caller passes as `engagement` what
`read_engagement` has returned for the same selections and bucket.
"""

import datetime as dt
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Aggregate, Case, F, Q, QuerySet, Value, When

from analytics.counting.tallies import ENGAGEMENT_MERGE
from analytics.models import FACE, EngagementQuarter, Episode, LabelQuarter
from analytics.models.quarters import CONFIDENCE_BINS, MILLION
from analytics.numbers import sql
from analytics.numbers.buckets import Bucket, BucketEdges, bucket_edges
from analytics.numbers.measures import (
    ConfidenceBucket,
    CountBucket,
    EngagementBucket,
    EpisodeBucket,
    fold_engagement,
    threshold_bin,
)
from analytics.numbers.open_spans import OpenSpans, seconds_between, while_there
from analytics.numbers.packed_rows import EPISODE_COLUMNS, Episodes, told_minutes, unpack_episodes
from devices.models import Device

MINUTE_S = 60
Rows = Iterable[Sequence[Any]]
_Row = TypeVar("_Row")
Engagement = Sequence[Sequence[EngagementBucket]]
"""What `read_engagement` returns."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Some devices taken together, and a period in the time zone of its buckets."""

    devices: Sequence[Device]
    zone: ZoneInfo
    start: dt.datetime
    end: dt.datetime
    single_bucket: bool = False
    """Whether all hours that the period overlaps form one bucket, whatever bucket the read function is called with."""
    hours: Mapping[int, OpenSpans] = field(default_factory=dict, hash=False)
    """The opening hours of devices by primary key; what lies outside is not read. Devices without an entry have all."""

    def minutes_begun(self, edges: Sequence[int], until: float) -> list[tuple[int, bool]]:
        """Return for each bucket between these edges how many minutes had begun at `until`, summed over the devices,
        and whether all devices were closed throughout.

        A device counts while it is at its place. A time without any device counts as one with a camera that was off.
        """
        moved = any(device.since is not None or device.until is not None for device in self.devices)
        at = np.array(edges, np.int64)
        # The minute under way counts in full: it may already be covered.
        reached = np.minimum(at, math.ceil(until / MINUTE_S) * MINUTE_S)
        if not self.hours and not moved:
            own = -(-np.diff(reached) // MINUTE_S) * len(self.devices)
            return [(each, False) for each in own.tolist()]
        present, least, opened = (np.zeros(max(0, len(edges) - 1), np.int64) for _ in range(3))
        for device in self.devices:
            spans = self.hours.get(device.pk)
            begun = seconds_between(spans, reached)
            present += seconds_between(spans, while_there(device, reached)) if moved else begun
            least = np.maximum(least, begun)
            opened += seconds_between(spans, at)
        minutes = -(-np.maximum(present, least) // MINUTE_S)
        return [
            (int(each), bool(self.hours) and not whole)
            for each, whole in zip(minutes.tolist(), opened.tolist(), strict=True)
        ]


def read_engagement(
    selections: Sequence[Selection], *, bucket: Bucket, now: dt.datetime
) -> list[list[EngagementBucket]]:
    """Read the engagement of each selection in one query; minutes after `now` do not lower the coverage."""
    return engagement_buckets(selections, _read_quarter_sums(selections, bucket), bucket=bucket, now=now)


def engagement_buckets(
    selections: Sequence[Selection], numbers: Sequence[Sequence[Sequence[int]]], *, bucket: Bucket, now: dt.datetime
) -> list[list[EngagementBucket]]:
    """Return the buckets of each selection; `numbers` are those of `ENGAGEMENT_MERGE` for each of its buckets."""
    until = now.timestamp()
    return [
        [
            EngagementBucket(start, end, minutes, *own, is_closed=is_closed)
            for (start, end), (minutes, is_closed), own in zip(
                edges.bounds, selection.minutes_begun(edges.epoch_s, until), of_buckets, strict=True
            )
        ]
        for selection, edges, of_buckets in zip(selections, edges_of(selections, bucket), numbers, strict=True)
    ]


def _read_quarter_sums(selections: Sequence[Selection], bucket: Bucket) -> list[list[Sequence[int]]]:
    """Return the numbers of `ENGAGEMENT_MERGE` for each selection's buckets; SQL adds them up."""
    query = BucketQuery(selections, bucket)
    rows = query.select_slices(EngagementQuarter.objects.all()).values_list("group", "slice")
    totals = {f"total_{field}": _ENGAGEMENT_AGGREGATES[merge](field) for field, merge in ENGAGEMENT_MERGE.items()}
    if query.waiting:
        told = told_minutes(query.waiting, sql.BitCount)
        found = query.rows_by_bucket(rows.annotate(**{**totals, "total_minutes_told": sql.IntegerSum(told)}))
    else:
        # All seen minutes are told; they need not be counted a second time.
        del totals["total_minutes_told"]
        found = query.rows_by_bucket((*row, row[_SEEN]) for row in rows.annotate(**totals))
    return [[fold_engagement(bucket_rows) for bucket_rows in rows_of_buckets] for rows_of_buckets in found]


_SEEN = 2 + list(ENGAGEMENT_MERGE).index("minutes_seen")
"""The place of the seen minutes in a row that begins with `group` and `slice`."""


def waiting_devices(selections: Iterable[Selection]) -> list[int]:
    """Return the keys of the devices that wait between uploads, so that their signs of life tell nothing of labels."""
    return sorted({device.pk for each in selections for device in each.devices if device.waits_between_uploads})


def _minute_sum(field: str) -> Aggregate:
    return sql.IntegerSum(sql.BitCount(field))


_ENGAGEMENT_AGGREGATES = {"sum": sql.IntegerSum, "max": sql.IntegerMax, "or": _minute_sum}
"""How SQL adds up the fields of quarters: the bits that are set in masks of minutes are counted first."""


def read_counts(
    selections: Sequence[Selection], *, label: str, bucket: Bucket, threshold: float = 0.0
) -> list[list[CountBucket]]:
    """Read how often the label was detected with at least this confidence, for each selection, in two queries.

    Raises `ValueError` unless the threshold, 0 to 1, is an edge of a confidence bin.
    """
    query = BucketQuery(selections, bucket)
    tallies = LabelQuarter.objects.filter(label=label, confidence_bin__gte=threshold_bin(threshold))
    rows = query.select_slices(tallies).values_list("group", "slice").annotate(**_ACCEPTED)
    return _count_buckets(query, rows, _camera_was_on(query, label, None))


def read_counts_and_labels(
    selections: Sequence[Selection], *, label: str, bucket: Bucket, engagement: Engagement
) -> tuple[list[list[CountBucket]], set[str]]:
    """Read the counts of the label, and every label but `FACE` that was detected in any selection, in one query."""
    query = BucketQuery(selections, bucket)
    tallies = LabelQuarter.objects.all() if label == FACE else LabelQuarter.objects.exclude(label=FACE)
    rows = list(query.select_slices(tallies).values_list("label", "group", "slice").annotate(**_ACCEPTED))
    counts = _count_buckets(
        query, [row for name, *row in rows if name == label], _camera_was_on(query, label, engagement)
    )
    return counts, {name for name, *_ in rows} - {FACE}


_ACCEPTED = {
    "accepted": sql.IntegerSum(F("count") - F("rejected")),
    "millionths": sql.IntegerSum("confidence_millionths_sum"),
}
"""The number of detections that no reviewer rejected, and the sum of their confidences."""


def _count_buckets(query: "BucketQuery", rows: Rows, camera_was_on: list[list[bool]]) -> list[list[CountBucket]]:
    return [
        [
            CountBucket(
                start,
                end,
                sum([count for count, _ in bucket_rows]),
                sum([millionths for _, millionths in bucket_rows]),
                bool(bucket_rows) or was_on,
            )
            for (start, end), bucket_rows, was_on in zip(edges.bounds, rows_of_buckets, was_on_in, strict=True)
        ]
        for edges, rows_of_buckets, was_on_in in zip(
            query.edges, query.rows_by_bucket(rows), camera_was_on, strict=True
        )
    ]


def read_episodes(
    selections: Sequence[Selection],
    *,
    label: str,
    bucket: Bucket,
    threshold: float = 0.0,
    engagement: Engagement | None = None,
) -> list[list[EpisodeBucket]]:
    """Read the episodes of the label that began in each bucket: occupied spells, where it is `FACE`.

    A threshold leaves out the episodes whose best detection has less confidence. Takes two queries, one with
    `engagement`.
    """
    found = read_episodes_by_label(
        selections, labels=[label], bucket=bucket, threshold=threshold, engagement=engagement
    )
    return found[label]


def read_episodes_by_label(
    selections: Sequence[Selection],
    *,
    labels: Sequence[str],
    bucket: Bucket,
    threshold: float = 0.0,
    engagement: Engagement | None = None,
) -> dict[str, list[list[EpisodeBucket]]]:
    """Read what `read_episodes` returns for several labels; in one query, and one more a label without `engagement`."""
    query = BucketQuery(selections, bucket)
    episodes = Episode.objects.filter(label__in=labels)
    if threshold:
        # As exact as the tallies, which keep whole millionths.
        episodes = episodes.filter(confidence__gte=threshold - 0.5 / MILLION)
    found = query.select(episodes, "started").values_list("label", "group").annotate(**EPISODE_COLUMNS)
    rows = [(label, group, unpack_episodes(columns)) for label, group, *columns in sql.read_packed(found)]
    return {
        label: episode_buckets(
            query.edges,
            query.rows_by_selection((group, episodes) for name, group, episodes in rows if name == label),
            _camera_was_on(query, label, engagement),
        )
        for label in labels
    }


def episode_buckets(
    edges: Sequence[BucketEdges],
    rows: Sequence[Sequence[tuple[OpenSpans | None, Episodes]]],
    camera_was_on: list[list[bool]],
) -> list[list[EpisodeBucket]]:
    """Return the buckets of each selection from the rows of its devices, each with its opening hours."""
    return [
        [
            EpisodeBucket(start, end, seconds, bool(seconds) or was_on)
            for (start, end), seconds, was_on in zip(
                each.bounds, sql.durations(each.epoch_s, columns), was_on_in, strict=True
            )
        ]
        for each, columns, was_on_in in zip(edges, rows, camera_was_on, strict=True)
    ]


def read_confidences(
    selections: Sequence[Selection], *, label: str, bucket: Bucket, engagement: Engagement | None = None
) -> list[list[ConfidenceBucket]]:
    """Read the label's detections by confidence, for each selection; in two queries, or one with `engagement`."""
    query = BucketQuery(selections, bucket)
    tallies = query.select_slices(LabelQuarter.objects.filter(label=label))
    rows = tallies.values_list("group", "slice", "confidence_bin").annotate(**_ACCEPTED)
    found, camera_was_on = query.rows_by_bucket(rows), _camera_was_on(query, label, engagement)
    return [
        [
            ConfidenceBucket(start, end, *_bins(bucket_rows), bool(bucket_rows) or was_on)
            for (start, end), bucket_rows, was_on in zip(edges.bounds, rows_of_buckets, was_on_in, strict=True)
        ]
        for edges, rows_of_buckets, was_on_in in zip(query.edges, found, camera_was_on, strict=True)
    ]


def _bins(rows: Rows) -> tuple[tuple[int, ...], tuple[int, ...]]:
    counts, millionths = [0] * CONFIDENCE_BINS, [0] * CONFIDENCE_BINS
    for number, count, confidences in rows:
        counts[number] += count
        millionths[number] += confidences
    return tuple(counts), tuple(millionths)


def _camera_was_on(query: "BucketQuery", label: str, engagement: Engagement | None) -> list[list[bool]]:
    """Return for each selection's buckets whether a camera was on and told of the label."""
    if engagement is not None:
        return known_by(engagement, label)
    told = Q(minutes_told__gt=0) | Q(minutes_seen__gt=0) & ~Q(device__in=query.waiting)
    quarters = query.select_slices(EngagementQuarter.objects.filter(Q(frames__gt=0) if label == FACE else told))
    found = query.rows_by_bucket(quarters.values_list("group", "slice").distinct())
    return [[bool(bucket_rows) for bucket_rows in rows_of_buckets] for rows_of_buckets in found]


def known_by(engagement: Engagement, label: str) -> list[list[bool]]:
    """Return for each bucket whether a camera was on and told of the label."""
    return [[bool(each.frames if label == FACE else each.minutes_told) for each in buckets] for buckets in engagement]


def edges_of(selections: Sequence[Selection], bucket: Bucket) -> list[BucketEdges]:
    """Return the edges of each selection's buckets."""
    return [
        bucket_edges(zone=each.zone, start=each.start, end=each.end, bucket=bucket, single_bucket=each.single_bucket)
        for each in selections
    ]


class BucketQuery:
    """The edges of all selections' buckets, and the rows of a table for them.

    Devices that belong to the same selections form a group, whose rows SQL adds up: by slices of time, see
    `sql.SliceStart`. A year of hours has some thousand slices, however many frames there are. A group's key is the
    primary key of its first device.
    """

    def __init__(self, selections: Sequence[Selection], bucket: Bucket) -> None:
        self.waiting = waiting_devices(selections)
        """The keys of the devices that wait between uploads."""
        self.edges = edges_of(selections, bucket)
        selections_of: dict[int, list[int]] = defaultdict(list)
        for number, selection in enumerate(selections):
            for pk in {device.pk for device in selection.devices} if self.edges[number].epoch_s else ():
                selections_of[pk].append(number)
        groups: dict[tuple[tuple[int, int], ...], list[int]] = defaultdict(list)
        hours: dict[int, OpenSpans] = {}
        for pk, numbers in selections_of.items():
            own = [(number, selections[number].hours.get(pk)) for number in numbers]
            hours |= {id(spans): spans for _, spans in own if spans is not None}
            groups[tuple((number, id(spans)) for number, spans in own)].append(pk)
        self._groups = list(groups.values())
        self._selections = {
            pks[0]: [(number, hours.get(spans)) for number, spans in own] for own, pks in groups.items()
        }
        all_edges = {edge for edges in self.edges for edge in edges.epoch_s}
        if all_edges and hours:
            # A slice of time lies within a bucket and within or outside opening hours.
            first, last = min(all_edges), max(all_edges)
            bounds = np.unique(np.concatenate([spans.bounds for spans in hours.values()]))
            all_edges |= set(bounds[(bounds > first) & (bounds < last)].tolist())
        self._all_edges = sorted(all_edges)

    def select(self, table: "QuerySet[Any]", time_field: str = "start") -> "QuerySet[Any]":
        """Select the rows of the selections' devices and periods; `group` is the key of the device's group."""
        group = Case(
            *(When(device__in=pks, then=Value(pks[0])) for pks in self._groups if len(pks) > 1),
            default=F("device_id"),
            output_field=sql.UNCONVERTED,
        )
        rows: QuerySet[Any] = table.annotate(group=group).order_by()
        if not self._groups:
            return rows.none()
        first, last = sql.utc(self._all_edges[0]), sql.utc(self._all_edges[-1])
        devices = sorted(pk for pks in self._groups for pk in pks)
        return rows.filter(device__in=devices, **{f"{time_field}__gte": first, f"{time_field}__lt": last})

    def select_slices(self, tallies: "QuerySet[Any]") -> "QuerySet[Any]":
        """Select rows of tallies as `select` does; `slice` is the start of the slice of time that contains the row."""
        rows: QuerySet[Any] = self.select(tallies).annotate(slice=sql.SliceStart.between("start", self._all_edges))
        return rows

    def rows_by_selection(self, rows: Iterable[tuple[int, _Row]]) -> list[list[tuple[OpenSpans | None, _Row]]]:
        """Return the rows of each selection with their opening hours. Each row comes with its group."""
        found: list[list[tuple[OpenSpans | None, _Row]]] = [[] for _ in self.edges]
        for group, row in rows:
            for number, hours in self._selections[group]:
                found[number].append((hours, row))
        return found

    def rows_by_bucket(self, rows: Rows) -> list[list[Sequence[Sequence[Any]]]]:
        """Return the rows of each bucket of each selection, those of closed hours left out.

        Rows must begin with `group` and `slice`, which are cut.
        """
        edges_and_rows: list[tuple[tuple[int, ...], dict[int, list[Sequence[Any]]]]] = [
            (edges.epoch_s, defaultdict(list)) for edges in self.edges
        ]
        of_group = {
            group: [
                (*edges_and_rows[number], None if hours is None else hours.bounds.tolist()) for number, hours in own
            ]
            for group, own in self._selections.items()
        }
        for group, slice_start, *values in rows:
            for edges, rows_of_bucket, bounds in of_group[group]:
                is_open = bounds is None or bisect_right(bounds, slice_start) % 2
                if is_open and edges[0] <= slice_start < edges[-1]:
                    rows_of_bucket[bisect_right(edges, slice_start)].append(values)
        return [
            [rows_of_bucket.get(number, ()) for number in range(1, len(edges))]
            for edges, rows_of_bucket in edges_and_rows
        ]
