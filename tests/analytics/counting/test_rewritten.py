"""Rows that each batch rewrites stay in their pages, so that PostgreSQL writes no index for them."""

import datetime as dt

import pytest
from django.db import connection, models

from analytics.models import EngagementQuarter, Episode, LabelQuarter
from devices.models import Device, DeviceState, Thing
from tests import clock

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite updates rows in their place"),
]

ROWS = 300
"""Several pages of each table."""

LATER = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("model", "changed"),
    [
        (DeviceState, {"last_seen_at": LATER}),
        (EngagementQuarter, {"frames": 2}),
        (LabelQuarter, {"count": 2}),
        (Episode, {"ended": LATER}),
    ],
)
def test_an_update_writes_no_index(model: type[models.Model], changed: dict[str, object], seattle01: Device) -> None:
    starts = [clock.now() - dt.timedelta(minutes=15 * number) for number in range(ROWS)]
    numbers = {"frames": 1, "faces_sum": 1, "faces_peak": 1, "minutes_seen": 1, "minutes_occupied": 1}
    rows: dict[type[models.Model], list[dict[str, object]]] = {
        EngagementQuarter: [{"start": at, "minutes_told": 1, **numbers} for at in starts],
        LabelQuarter: [
            {
                "start": at,
                "label": "cup",
                "confidence_bin": 9,
                "count": 1,
                "rejected": 0,
                "confidence_millionths_sum": 1,
            }
            for at in starts
        ],
        Episode: [{"label": "cup", "started": at, "ended": at, "peak": 1, "confidence": 0.5} for at in starts],
    }
    if model is DeviceState:
        things = Thing.objects.bulk_create(Thing(name=f"camera-{number}") for number in range(ROWS))
        DeviceState.objects.bulk_create(DeviceState(thing=thing, last_seen_at=clock.now()) for thing in things)
    else:
        model._default_manager.bulk_create(model(device=seattle01, **row) for row in rows[model])
    before = _updates(model)
    assert model._default_manager.update(**changed) >= ROWS
    assert _updates(model) == (before[0] + ROWS, before[1] + ROWS)


def _updates(model: type[models.Model]) -> tuple[int, int]:
    """Return how often rows of the table were updated, and how often within their page.

    PostgreSQL tells of this transaction, and of those before it that it has not added to its statistics yet.
    """
    query = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [model._meta.db_table])
        updated, in_place = cursor.fetchone()
    return updated, in_place
