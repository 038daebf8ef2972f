"""Statements that are sent without a wait for each do what they do when each is awaited."""

import datetime as dt

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from devices.models import Device, DeviceLog
from devices.storage import sql, statements

KEY = ("device_id", "at", "key")
NAMES = (*KEY, "received_at", "level", "text")
AT = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)

MUCH = 4_000_000
"""Characters, many times as many as a connection's buffers hold."""

pytestmark = pytest.mark.django_db


def line(device: Device, key: int, text: str = "There") -> sql.Rows:
    return sql.Rows(DeviceLog, NAMES, [(device.pk, AT, key, AT, "info", text)])


def stored() -> list[int]:
    return list(DeviceLog.objects.order_by("key").values_list("key", flat=True))


def test_what_fails_in_an_attempt_leaves_what_came_before_and_what_comes_after(seattle01: Device) -> None:
    def fail() -> None:
        with statements.attempt():
            line(seattle01, 2).insert()
            line(seattle01, 1).insert()
            line(seattle01, 3).insert()

    with transaction.atomic(), statements.pipelined():
        line(seattle01, 1).insert()
        with pytest.raises(IntegrityError):
            fail()
        line(seattle01, 4).insert()
        assert statements.select("SELECT count(*) FROM devices_devicelog", []) == [(2,)]
    assert stored() == [1, 4]


@transaction.atomic
@statements.pipelined()
def write(*lines: sql.Rows, error: Exception | None = None) -> None:
    for each in lines:
        each.insert()
    if error is not None:
        raise error


def test_a_statement_that_fails_is_told_at_the_end_of_the_block_at_the_latest(seattle01: Device) -> None:
    with pytest.raises(IntegrityError):
        write(line(seattle01, 1), line(seattle01, 1))
    assert stored() == []


def test_an_error_between_statements_comes_through_as_it_is(seattle01: Device) -> None:
    with pytest.raises(ZeroDivisionError):
        write(line(seattle01, 1), error=ZeroDivisionError())
    assert stored() == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is a file, and has no connection")
@pytest.mark.django_db(transaction=True)
def test_a_database_that_goes_away_is_told_once(seattle01: Device, caplog: pytest.LogCaptureFixture) -> None:
    @statements.pipelined()
    def write_without_database() -> None:
        line(seattle01, 1).insert()
        statements.execute("SELECT pg_terminate_backend(pg_backend_pid())", [])
        line(seattle01, 2).insert()

    with pytest.raises(OperationalError):
        write_without_database()
    connection.close()
    assert not caplog.records


@pytest.mark.parametrize("key", [2, 1], ids=["new", "known"])
def test_a_statement_larger_than_the_buffers_ends_in_time(seattle01: Device, key: int) -> None:
    text = "ö" * MUCH
    with transaction.atomic(), statements.pipelined():
        line(seattle01, 1).insert()
        try:
            with statements.attempt():
                line(seattle01, key, text).insert()
                line(seattle01, 3, text).insert()
        except IntegrityError:
            line(seattle01, 4, text).insert()
        line(seattle01, 5, text).insert()
    assert stored() == ([1, 2, 3, 5] if key == 2 else [1, 4, 5])
