"""What weeks of hours tell is kept for some minutes, and never after somebody has changed what it was made from."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches

from analytics.counting import corrections
from analytics.features.groundtruth.services import delete_session, start_session, store_counts
from analytics.models import Detection, OpeningException, OpeningPlan, Verdict
from analytics.models.opening import DAYS
from analytics.numbers import periods
from analytics.numbers.kept import keys_of
from analytics.numbers.reads import Selection
from analytics.pages.outlook import read_outlooks
from analytics.verdicts.period_numbers import read_text_numbers
from devices.models import Device
from tests.analytics.features.comparing.test_api import watch
from tests.analytics.frames import count, seen
from tests.analytics.pages.test_past_on_pages import DAY, SUNDAY_EVENING
from tests.clock import SetClock

SATURDAY = SUNDAY_EVENING - DAY


@pytest.fixture
def nine_weeks(chicago01: Device, set_clock: SetClock) -> None:
    watch(chicago01, weeks=9, people=12, lift=1.5)
    set_clock(SUNDAY_EVENING)


def told() -> str:
    """Everything that the overview and the page of the site make from weeks of hours."""
    devices = list(Device.objects.select_related("site", "thing").order_by("pk"))
    site = devices[0].site
    period = periods.parse({"days": "28"}, zone=site.zone, now=SUNDAY_EVENING)
    outlooks = read_outlooks([(site, devices)], now=SUNDAY_EVENING)
    return repr((outlooks, read_text_numbers(devices, period, label="cup").past))


def plan(device: Device, operator: User) -> None:
    OpeningPlan.objects.create(site=device.site, **dict.fromkeys(DAYS, "09:00-17:00"))


def other_plan(device: Device, operator: User) -> None:
    OpeningPlan.objects.update(saturday="12:00-13:00")


def closed_day(device: Device, operator: User) -> None:
    OpeningException.objects.create(site=device.site, date=SATURDAY.date(), hours="")


def holidays(device: Device, operator: User) -> None:
    OpeningPlan.objects.update(country="US")


def zone(device: Device, operator: User) -> None:
    type(device.site).objects.update(timezone="Asia/Kolkata")


def moved(device: Device, operator: User) -> None:
    Device.objects.update(until=SATURDAY)  # as `retire_device` leaves it, which looks for later facts


def rejected(device: Device, operator: User) -> None:
    detection = Detection.objects.earliest("pk")
    corrections.review(verdicts={detection: Verdict.WRONG}, by=operator, now=SUNDAY_EVENING)


def withdrawn(device: Device, operator: User) -> None:
    corrections.review(verdicts={Detection.objects.earliest("pk"): None}, by=operator, now=SUNDAY_EVENING)


@pytest.mark.usefixtures("nine_weeks")
def test_a_change_is_told_at_once(chicago01: Device, superuser: User) -> None:
    count(seen(chicago01, SATURDAY, faces=[0.9] * 3))
    for change in (rejected, withdrawn, plan, other_plan, closed_day, holidays, moved, zone):
        before = told()
        assert told() == before
        change(chicago01, superuser)
        after = told()
        caches["process"].clear()
        assert after == told()
        assert after != before, change.__name__


def test_a_count_by_eye_is_told_at_once(chicago01: Device, superuser: User) -> None:
    selection = Selection([chicago01], chicago01.site.zone, SATURDAY, SUNDAY_EVENING)

    def key() -> str:
        return keys_of("any", [selection], now=SUNDAY_EVENING)[0]

    known = {key()}
    session = start_session(device=chicago01, by=superuser, people=1, now=SATURDAY)
    known.add(key())
    ended = SATURDAY + dt.timedelta(minutes=5)
    store_counts(session=session, by=superuser, counts=[], sent_at=ended, ended_at=ended, now=ended)
    known.add(key())
    assert len(known) == 3
    delete_session(session=session, by=superuser)
    assert key() in known, "as if nobody had ever counted"
