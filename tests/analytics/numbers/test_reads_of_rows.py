"""Rows that were read once give the same buckets as a query for them."""

import datetime as dt
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.numbers import reads, reads_of_rows
from analytics.numbers.buckets import Bucket
from analytics.numbers.open_spans import OpenSpans
from analytics.numbers.packed_rows import PackedRows, read_packed_rows
from devices.models import Device
from tests.analytics.frames import count, frames_of, identity, undone
from tests.analytics.numbers.test_reads import QUARTER, SOME_DAY, selections_of

LABELS = ["face", "cup"]
WEEK = dt.timedelta(weeks=1)


@st.composite
def spans(draw: st.DrawFn) -> OpenSpans:
    """Some spans of quarter hours around the day."""
    quarters = draw(st.lists(st.integers(-300, 300), min_size=2, max_size=8, unique=True).map(sorted))
    bounds = [round((SOME_DAY + quarter * QUARTER).timestamp()) for quarter in quarters]
    return OpenSpans(np.array(bounds[: len(bounds) // 2 * 2], np.int64))


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=25)
@given(data=st.data())
def test_rows_give_the_buckets_that_a_query_gives(seattle01: Device, chicago01: Device, data: st.DataObject) -> None:
    devices = [seattle01, chicago01]
    bucket: Bucket = data.draw(st.sampled_from(["quarter", "hour", "day"]))
    hours = data.draw(st.dictionaries(st.sampled_from([device.pk for device in devices]), spans()))
    selections = [
        replace(each, hours=hours) for each in data.draw(st.lists(selections_of(devices), min_size=1, max_size=3))
    ]
    moments = st.integers(-60 * 3600, 70 * 3600).map(lambda second: SOME_DAY + dt.timedelta(seconds=second))
    with undone():
        count(*data.draw(st.lists(frames_of(devices, moments), unique_by=identity, max_size=16)))
        edges = [edge for each in reads.edges_of(selections, bucket) for edge in each.epoch_s]
        rows = read_packed_rows(
            [device.pk for device in devices],
            LABELS,
            SOME_DAY - WEEK,
            SOME_DAY + WEEK,
            period=(min(edges), max(edges)),
            waiting=reads.waiting_devices(selections),
        )
        engagement = reads.read_engagement(selections, bucket=bucket, now=SOME_DAY)
        assert reads_of_rows.engagement_of_rows(selections, rows, bucket=bucket, now=SOME_DAY) == engagement
        asked: dict[str, Any] = {"labels": LABELS, "bucket": bucket, "engagement": engagement}
        found = reads_of_rows.episodes_of_rows(selections, rows, **asked)
        assert found == reads.read_episodes_by_label(selections, **asked)


def test_rows_of_another_time_are_refused(seattle01: Device) -> None:
    start = round(SOME_DAY.timestamp())
    rows = PackedRows({}, {}, {}, (start, start + 900))
    selection = reads.Selection([seattle01], ZoneInfo("UTC"), SOME_DAY, SOME_DAY + 2 * QUARTER)
    with pytest.raises(ValueError, match="do not cover"):
        reads_of_rows.engagement_of_rows([selection], rows, bucket="quarter", now=SOME_DAY)
