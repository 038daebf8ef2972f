"""The devices' logs have a term."""

import datetime as dt
from typing import Any

import pytest

from devices import tasks
from devices.intake.log_retention import forget_old_logs
from devices.models import Device, DeviceLog
from tests import clock

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def line(device: Device, age: dt.timedelta, key: int = 0) -> DeviceLog:
    at = clock.now() - age
    return DeviceLog.objects.create(device=device, at=at, key=key, received_at=at, text="a line")


def test_lines_past_the_term_are_deleted_and_others_stay(
    seattle01: Device, chicago01: Device, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LOG_RETENTION_DAYS = 10
    monkeypatch.setattr("devices.intake.log_retention.AT_ONCE", 2)
    for device in (seattle01, chicago01):
        for key in range(3):
            line(device, 11 * DAY, key)
    kept = {line(seattle01, 9 * DAY).pk, line(chicago01, DAY).pk}
    assert list(forget_old_logs(now=clock.now())) == [2, 1, 2, 1]
    assert set(DeviceLog.objects.values_list("pk", flat=True)) == kept


def test_the_workers_delete_old_lines(seattle01: Device) -> None:
    line(seattle01, 91 * DAY)
    line(seattle01, 89 * DAY)
    assert tasks.forget_old_logs() == 1
