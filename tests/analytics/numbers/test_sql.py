import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.models import FACE, Episode
from analytics.numbers.sql import Integers, PackedSmallIntegers, PackedTimes, durations, read_packed
from devices.models import Device

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MOMENTS = [
    dt.datetime(1999, 12, 31, 23, 59, 59, 999_999, dt.UTC),
    dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 1, 6, 59, 59, 1, dt.UTC),
    dt.datetime(2026, 11, 1, 7, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 1, 7, 0, 0, 120_000, dt.UTC),
]


def test_packed_columns_are_exact_to_the_microsecond_and_have_one_order(chicago01: Device) -> None:
    lasted = dt.timedelta(microseconds=1_500_001)
    rows = [
        Episode(device=chicago01, label=FACE, started=at, ended=at + lasted, peak=peak, confidence=1)
        for peak, at in enumerate(MOMENTS, start=32_763)
    ]
    Episode.objects.bulk_create(rows)
    shown = {"starts": PackedTimes("started"), "ends": PackedTimes("ended"), "peaks": PackedSmallIntegers("peak")}
    columns = Episode.objects.values_list("label").annotate(**shown)
    ((_, starts, ends, peaks),) = read_packed(columns.order_by())
    of_peak = dict(zip(PackedSmallIntegers.unpack(peaks).tolist(), PackedTimes.unpack(starts).tolist(), strict=True))
    assert of_peak == {row.peak: (row.started - EPOCH) // dt.timedelta(microseconds=1) for row in rows}
    assert set((PackedTimes.unpack(ends) - PackedTimes.unpack(starts)).tolist()) == {1_500_001}


def column(numbers: Sequence[int]) -> Integers:
    return np.array(numbers, np.int64)


episodes = st.lists(st.tuples(st.integers(-10, 70), st.integers(0, 10**9)), max_size=9)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6, unique=True).map(sorted), st.lists(episodes, max_size=3))
def test_each_episode_is_in_the_bucket_that_it_begins_in(edges: list[int], groups: list[list[tuple[int, int]]]) -> None:
    columns: list[Any] = [
        (
            None,
            (
                column([start * 1_000_000 + 5 for start, _ in group]),
                column([start * 1_000_000 + 5 + lasted for start, lasted in group]),
            ),
        )
        for group in groups
    ]
    found = durations(edges, columns)
    assert len(found) == len(edges) - 1
    every = [episode for group in groups for episode in group]
    for first, last, seconds in zip(edges, edges[1:], found, strict=False):
        assert seconds == tuple(sorted(lasted / 1_000_000 for start, lasted in every if first <= start < last))


@pytest.mark.parametrize("edges", [[], [0]])
def test_no_buckets_have_no_episodes(edges: list[int]) -> None:
    assert durations(edges, [(None, (column([1]), column([2])))]) == []
