"""A fault in the work on one of many items costs that item only, and is told."""

import pytest
from django.db import OperationalError, connection

from devices.faults.isolation import each


def halved(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def test_a_fault_costs_its_own_item_only_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert list(each([2, 3, 4], halved, what="halving")) == [1, 2]
    assert "A fault stopped halving 3." in caplog.text
    assert "3 is odd" in caplog.text


@pytest.mark.django_db
def test_an_item_that_the_database_refuses_is_one_item() -> None:
    def work(number: int) -> int:
        with connection.cursor() as cursor:
            if number == 1:
                raise OperationalError("the row of this item is locked")
            cursor.execute("SELECT 1")
        return number

    assert list(each([0, 1, 2], work, what="reading")) == [0, 2]


def test_without_a_database_the_rest_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def work(number: int) -> None:
        tried.append(number)
        raise OperationalError("could not connect to server")

    monkeypatch.setattr("devices.faults.isolation.connection", type("Away", (), {"connection": None}))
    with pytest.raises(OperationalError):
        list(each([0, 1, 2], work, what="reading"))
    assert tried == [0]
