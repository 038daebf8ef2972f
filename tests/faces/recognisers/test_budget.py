"""The month's calls to a recogniser that is paid for: counted before they are made, and never one too many."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from devices import health
from faces.models import Capture, Coffee, RecogniserMonth, State
from faces.recognisers.budget import calls_made, charge_call, is_spent
from faces.recognisers.recogniser import BudgetSpent
from faces.services import recognise, sweep
from tests.faces.conftest import LATER, NOON, TakePicture
from tests.faces.scripted import Scripted, detections

pytestmark = pytest.mark.django_db

PAID = "rekognition"
NEXT_MONTH = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
ONE_WITH_CUP = detections((100, 100, 100, 100), cups=[(120, 320, 60, 60)])
WORKERS = 4


@pytest.fixture(autouse=True)
def three_calls(settings: Any) -> None:
    settings.RECOGNISER, settings.REKOGNITION_MONTHLY_CALLS = PAID, 3


def pay(at: dt.datetime = NOON) -> None:
    charge_call(provider=PAID, now=at)


def paid() -> Scripted:
    """Its looks are charged as Rekognition's calls are, all at one moment."""
    return Scripted(ONE_WITH_CUP, before=pay)


def test_the_last_call_is_made_and_the_next_refused_with_a_remedy() -> None:
    for made in range(3):
        assert (calls_made(provider=PAID, now=NOON), is_spent(provider=PAID, now=NOON)) == (made, False)
        pay()
    assert is_spent(provider=PAID, now=NOON)
    with pytest.raises(
        BudgetSpent, match=r"3 calls to rekognition for November 2026 are used; .* 01 December"
    ) as spent:
        pay()
    assert spent.value.until == NEXT_MONTH
    assert calls_made(provider=PAID, now=NOON) == 3


def test_the_next_month_begins_at_midnight_utc() -> None:
    for _ in range(3):
        pay()
    assert is_spent(provider=PAID, now=NEXT_MONTH - dt.timedelta(microseconds=1))
    pay(NEXT_MONTH.astimezone(dt.timezone(dt.timedelta(hours=-8))))
    assert RecogniserMonth.objects.count() == 2


def test_a_local_recogniser_has_no_limit() -> None:
    assert not is_spent(provider="local", now=NOON)


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_make_no_call_too_many() -> None:
    start = threading.Barrier(WORKERS)

    def work() -> int:
        start.wait()
        made = 0
        try:
            for _ in range(3):
                pay()
                made += 1
        except BudgetSpent:
            pass
        finally:
            connection.close()
        return made

    with ThreadPoolExecutor(WORKERS) as pool:
        assert sum(done.result() for done in [pool.submit(work) for _ in range(WORKERS)]) == 3
    assert calls_made(provider=PAID, now=NOON) == 3


class TestCaptures:
    def test_pictures_over_the_limit_wait_for_the_next_month(self, take_picture: TakePicture) -> None:
        captures = [take_picture(at=NOON + dt.timedelta(minutes=10 * number)) for number in range(5)]
        for capture in captures:
            recognise(capture_id=capture.pk, now=LATER, recogniser=paid())
        waiting = Capture.objects.filter(state=State.WAITING)
        assert (Coffee.objects.count(), waiting.count()) == (3, 2)
        for capture in waiting:
            assert (capture.attempts, capture.next_try_at) == (0, NEXT_MONTH)
            assert "are used" in capture.reason
        assert sweep(now=LATER + dt.timedelta(days=3)) == 0
        assert sweep(now=NEXT_MONTH) == 2
        for capture in captures:
            done = recognise(capture_id=capture.pk, now=NEXT_MONTH, recogniser=Scripted(ONE_WITH_CUP))
            assert (done.state, done.attempts, done.reason) == (State.DONE, 1, "")
        assert Coffee.objects.count() == 5

    def test_waiting_pictures_are_recognised_once_the_limit_is_raised(
        self, take_picture: TakePicture, settings: Any
    ) -> None:
        settings.REKOGNITION_MONTHLY_CALLS = 1
        for _ in range(2):
            recognise(capture_id=take_picture().pk, now=LATER, recogniser=paid())
        assert sweep(now=LATER) == 0
        settings.REKOGNITION_MONTHLY_CALLS = 2
        assert sweep(now=LATER) == 1

    def test_waiting_pictures_are_recognised_once_another_recogniser_is_set(
        self, take_picture: TakePicture, settings: Any
    ) -> None:
        settings.REKOGNITION_MONTHLY_CALLS = 1
        for _ in range(2):
            recognise(capture_id=take_picture().pk, now=LATER, recogniser=paid())
        settings.RECOGNISER = "local"
        assert sweep(now=LATER) == 1

    def test_health_and_the_admin_show_the_calls_of_the_month(
        self, take_picture: TakePicture, superuser: User, viewer: User
    ) -> None:
        assert "rekognition: 0 of the month's 3 calls made" in told()
        for _ in range(4):
            recognise(capture_id=take_picture().pk, now=LATER, recogniser=paid())
        assert "rekognition: 3 of the month's 3 calls made; pictures wait for the next" in told()
        assert "captures: 0 wait, 1 more for the recogniser's next month" in told()
        client = Client()
        client.force_login(superuser)
        (month,) = client.get("/admin/faces/recognisermonth/").context["cl"].result_list
        assert (month.calls, month.month, str(month)) == (3, dt.date(2026, 11, 1), "rekognition in November 2026")
        assert not RecogniserMonth.objects.all().for_user(viewer).exists()


def told() -> str:
    return "\n".join(str(line) for line in health.report(LATER))
