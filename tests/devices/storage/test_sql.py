"""Rows that are new are known by their places, whatever their times and numbers, on either database."""

import datetime as dt

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.models import Device, DeviceLog, DeviceState, Thing
from devices.storage import sql
from tests import clock

KEY = ("device_id", "at", "key")
NAMES = (*KEY, "received_at", "level", "text")

pytestmark = pytest.mark.django_db

moments = st.datetimes(dt.datetime(1970, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001
coarse = moments.map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
keys = st.tuples(moments | coarse | coarse.map(lambda at: at.replace(microsecond=0)), st.integers(-(2**63), 2**63 - 1))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(keys, unique=True, max_size=5), st.lists(keys, unique=True, max_size=5))
def test_only_new_rows_are_inserted_and_each_is_known_by_its_place(
    seattle01: Device, first: list[tuple[dt.datetime, int]], second: list[tuple[dt.datetime, int]]
) -> None:
    DeviceLog.objects.all().delete()

    def added(lines: list[tuple[dt.datetime, int]]) -> dict[int, tuple[dt.datetime, int]]:
        rows = [(seattle01.pk, at, key, at, "info", "There") for at, key in lines]
        ids = sql.Rows(DeviceLog, NAMES, rows).insert_new(key=KEY)
        return {pk: lines[place] for place, pk in ids.items()}

    ids = added(first) | added([*second, *(line for line in first if line not in second)])
    assert ids == {line.pk: (line.at, line.key) for line in DeviceLog.objects.all()}


def test_more_rows_than_one_statement_takes_are_all_inserted(seattle01: Device) -> None:
    at = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    rows = [(seattle01.pk, at, key, at, "info", f"Line {key}") for key in range(2 * sql.STATEMENT_ROWS + 1)]
    assert sorted(sql.Rows(DeviceLog, NAMES, rows).insert_new(key=KEY)) == list(range(len(rows)))
    assert list(DeviceLog.objects.order_by("key").values_list("text", flat=True)) == [row[-1] for row in rows]


def test_an_update_changes_the_named_fields_of_the_given_rows_alone(seattle01: Device) -> None:
    at = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    count = sql.STATEMENT_ROWS + 2
    rows = [(seattle01.pk, at, key, at, "info", f"Line {key}") for key in range(count)]
    sql.Rows(DeviceLog, NAMES, rows).insert()
    pks = dict(DeviceLog.objects.values_list("key", "pk"))
    later = at + dt.timedelta(microseconds=1)
    changed = [(pks[key], later, f"“{key}” \\ %s") for key in range(1, count)]
    sql.Rows(DeviceLog, ("id", "at", "text"), [*changed, (max(pks.values()) + 1, later, "no such row")]).update()
    found = list(DeviceLog.objects.order_by("key").values_list("key", "at", "text", "level", "received_at"))
    assert found == [
        (0, at, "Line 0", "info", at),
        *((key, later, f"“{key}” \\ %s", "info", at) for key in range(1, count)),
    ]


def test_rows_among_many_numbers_are_found() -> None:
    things = Thing.objects.bulk_create(Thing(name=f"camera-{number}") for number in range(5))
    some = {thing.pk for thing in things[1:3]}
    assert set(Thing.objects.filter(sql.Among("pk", some)).values_list("pk", flat=True)) == some
    assert not Thing.objects.filter(sql.Among("pk", [])).exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite looks numbers up in an index")
def test_no_row_is_compared_with_each_of_many_numbers() -> None:
    now = clock.now()
    things = Thing.objects.bulk_create(Thing(name=f"camera-{number}") for number in range(2_000))
    DeviceState.objects.bulk_create(DeviceState(thing=thing, last_seen_at=now) for thing in things)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE devices_devicestate")
    # No statistics know of a time that is later than all: PostgreSQL expects one row.
    latest = DeviceState.objects.filter(sql.Among("pk", [each.pk for each in things]), last_seen_at__gt=now)
    assert "Nested Loop" not in latest.explain()
