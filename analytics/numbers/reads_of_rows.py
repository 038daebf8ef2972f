"""What `reads.py` returns, from rows that are read already: no function here makes a query."""

import datetime as dt
from collections.abc import Sequence

import numpy as np

from analytics.counting.tallies import ENGAGEMENT_MERGE
from analytics.numbers.buckets import Bucket, BucketEdges
from analytics.numbers.measures import EngagementBucket, EpisodeBucket
from analytics.numbers.packed_rows import NO_EPISODES, PackedRows
from analytics.numbers.reads import Engagement, Selection, edges_of, engagement_buckets, episode_buckets, known_by


def engagement_of_rows(
    selections: Sequence[Selection], rows: PackedRows, *, bucket: Bucket, now: dt.datetime
) -> list[list[EngagementBucket]]:
    """Return what `read_engagement` does. Raises `ValueError` unless the rows cover all selections."""
    numbers = [_sum_quarters(rows, *each) for each in zip(selections, edges_of(selections, bucket), strict=True)]
    return engagement_buckets(selections, numbers, bucket=bucket, now=now)


def _sum_quarters(rows: PackedRows, selection: Selection, edges: BucketEdges) -> list[Sequence[int]]:
    rows.check(edges.epoch_s)
    sums = np.zeros((len(ENGAGEMENT_MERGE), max(0, len(edges.epoch_s) - 1)), np.int64)
    for pk in {device.pk for device in selection.devices} & rows.quarters.keys():
        quarters, spans = rows.quarters[pk], selection.hours.get(pk)
        place = np.searchsorted(edges.epoch_s, quarters.starts, side="right") - 1
        inside = (place >= 0) & (place < sums.shape[1])
        if spans is not None:
            inside &= spans.contains(quarters.starts)
        for row, (name, merge) in zip(sums, ENGAGEMENT_MERGE.items(), strict=True):
            add = np.maximum if merge == "max" else np.add
            add.at(row, place[inside], quarters.column(name)[inside])
    return list(zip(*sums.tolist(), strict=True))


def episodes_of_rows(
    selections: Sequence[Selection], rows: PackedRows, *, labels: Sequence[str], bucket: Bucket, engagement: Engagement
) -> dict[str, list[list[EpisodeBucket]]]:
    """Return what `read_episodes_by_label` does. Raises `ValueError` unless the rows cover all selections."""
    edges = edges_of(selections, bucket)
    for each in edges:
        rows.check(each.epoch_s)
    return {
        label: episode_buckets(
            edges,
            [
                [
                    (each.hours.get(pk), rows.episodes.get((pk, label), NO_EPISODES))
                    for pk in {d.pk for d in each.devices}
                ]
                for each in selections
            ],
            known_by(engagement, label),
        )
        for label in labels
    }
