"""Rows that are read as named tuples have the values that the ORM reads, on either database."""

import datetime as dt
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.models import Device, DeviceLog, DeviceState
from devices.storage import records, sql

pytestmark = pytest.mark.django_db

moments = st.datetimes(dt.datetime(1970, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001


class Line(NamedTuple):
    device_id: int
    at: dt.datetime
    key: int
    received_at: dt.datetime
    level: str
    text: str


class State(NamedTuple):
    thing_id: int
    online: bool | None
    temperature: float | None
    status_at: dt.datetime | None


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(moments, st.integers(-(2**63), 2**63 - 1), moments), unique_by=lambda each: each[:2]))
def test_times_numbers_and_texts_are_those_that_were_stored(
    seattle01: Device, stored: list[tuple[dt.datetime, int, dt.datetime]]
) -> None:
    DeviceLog.objects.all().delete()
    lines = [Line(seattle01.pk, at, key, received_at, "info", "“ö” \\ %s") for at, key, received_at in stored]
    sql.Rows(DeviceLog, Line._fields, lines).insert()
    found = records.read(Line, DeviceLog, f"FROM {DeviceLog._meta.db_table} WHERE device_id = %s", [seattle01.pk])
    assert sorted(found.values()) == sorted(lines)
    assert all(line.at.tzinfo is dt.UTC for line in found.values())
    assert found.keys() == set(DeviceLog.objects.values_list("pk", flat=True))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.none() | st.floats(-1e300, 1e300), st.none() | st.booleans(), st.none() | moments)
def test_truth_values_fractions_and_nulls_are_those_that_were_stored(
    seattle01: Device, temperature: float | None, online: bool | None, status_at: dt.datetime | None
) -> None:
    state = State(seattle01.thing.pk, online, temperature, status_at)
    DeviceState.objects.update_or_create(thing=seattle01.thing, defaults=state._asdict())
    found = records.read(State, DeviceState, f"FROM {DeviceState._meta.db_table} WHERE thing_id = %s", [state.thing_id])
    assert found == {state.thing_id: state}
