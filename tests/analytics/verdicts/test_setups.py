"""Numbers are compared only over hours in which a camera had one setup; what was changed is said."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.models import DeviceSetup, EngagementQuarter
from analytics.models.groundtruth import GroundTruthSession
from analytics.numbers.reads import Selection
from analytics.verdicts.hour_series import HourSeries, Measure, read_hour_series, usual_people
from analytics.verdicts.matched import Comparison
from analytics.verdicts.spans import compare_spans
from devices.models import Device
from devices.services import replace_device
from tests.analytics.features.comparing.test_api import FIRST, watch
from tests.analytics.features.groundtruth.conftest import camera, counted
from tests.analytics.pages.test_pages import page, words
from tests.analytics.rest.test_api import ask
from tests.clock import SetClock

CHICAGO = ZoneInfo("America/Chicago")
WEEK, DAY = dt.timedelta(weeks=1), dt.timedelta(days=1)
NIGHT = dt.timedelta(hours=3)
"""A time at which the camera of `watch` is off."""

START = dt.datetime.combine(FIRST, dt.time(), CHICAGO)
END = START + 9 * WEEK
"""`watch` makes nine weeks, twelve hours each day."""

WHOLE = 7 * 12
OLD, NEW = {"accuracy": "balanced", "software": "1"}, {"accuracy": "high", "software": "1"}

pytestmark = pytest.mark.django_db


def told(device: Device, *setups: tuple[dt.datetime, dict[str, Any]]) -> None:
    for since, setup in setups:
        DeviceSetup.objects.create(device=device, since=since.astimezone(dt.UTC), setup=setup)


def read(*devices: Device) -> HourSeries:
    (series,) = read_hour_series([Selection(devices, CHICAGO, START, END)], label="thumbs-up", now=END)
    return series


def last_week(*devices: Device) -> Comparison:
    return next(iter(compare_spans(read(*devices), (END - WEEK, END), (END - 2 * WEEK, END - WEEK)).values()))


def test_a_setting_that_changed_between_two_weeks_leaves_nothing_to_compare(chicago01: Device) -> None:
    watch(chicago01, weeks=9, people=4, lift=2.0)
    told(chicago01, (START, OLD), (END - WEEK, NEW))
    found = last_week(chicago01)
    assert (found.hours_in_common, found.interval) == (0, None)
    assert found.notes == (
        "The accuracy of Chicago01 changed on Mon 9 Nov, so only hours with one setup are compared.",
    )


def test_a_setting_that_changed_within_a_week_leaves_the_hours_before_it(chicago01: Device) -> None:
    watch(chicago01, weeks=9, people=4)
    told(chicago01, (START, OLD), (END - dt.timedelta(days=2, hours=11, minutes=30), NEW))  # Friday 12:30
    found = last_week(chicago01)
    assert found.hours_in_common == 4 * 12 + 4, "the hour of the change is left out"
    assert "changed on Fri 13 Nov" in found.notes[0]


def test_a_setting_that_was_changed_back_leaves_the_hours_of_the_setting_that_both_weeks_had(
    chicago01: Device,
) -> None:
    watch(chicago01, weeks=9, people=4)
    told(chicago01, (START, OLD), (END - WEEK, NEW), (END - dt.timedelta(days=6), OLD))
    assert last_week(chicago01).hours_in_common == 6 * 12


def test_a_camera_with_a_new_setting_does_not_keep_the_others_from_being_compared(
    chicago01: Device, chicago02: Device
) -> None:
    watch(chicago01, weeks=9, people=4)
    watch(chicago02, weeks=9, people=4, lift=2.0)
    told(chicago01, (START, OLD), (END - WEEK, NEW))
    found = last_week(chicago01, chicago02)
    assert found.hours_in_common == WHOLE
    assert found.ratio is not None
    assert last_week(chicago02).ratio == pytest.approx(found.ratio)


def test_another_camera_at_the_spot_is_another_setup(chicago01: Device) -> None:
    change = END - WEEK
    new = replace_device(device=chicago01, thing_name="new-box", at=change)
    chicago01.refresh_from_db()
    for device in (chicago01, new):
        watch(device, weeks=9, people=4)
    EngagementQuarter.objects.filter(device=chicago01, start__gte=change).delete()
    EngagementQuarter.objects.filter(device=new, start__lt=change).delete()
    found = last_week(chicago01, new)
    assert found.hours_in_common == 0
    assert found.notes == ("The camera of Chicago01 changed on Mon 9 Nov, so only hours with one setup are compared.",)


def test_new_software_is_said_and_keeps_the_hours(chicago01: Device) -> None:
    watch(chicago01, weeks=9, people=4)
    told(chicago01, (START, OLD), (END - WEEK, {**OLD, "software": "2"}))
    found = last_week(chicago01)
    assert found.hours_in_common == WHOLE
    assert found.notes == ("The software of Chicago01 changed on Mon 9 Nov, which may change what is counted.",)


def test_a_setup_that_was_told_once_held_before_too(chicago01: Device) -> None:
    watch(chicago01, weeks=9, people=4)
    told(chicago01, (END - WEEK, NEW))
    assert (last_week(chicago01).hours_in_common, last_week(chicago01).notes) == (WHOLE, ())


def test_what_is_usual_begins_anew_with_a_new_setting(chicago01: Device) -> None:
    watch(chicago01, weeks=9, people=4)
    day, now = END - dt.timedelta(days=1), END - dt.timedelta(hours=6)
    assert usual_people(read(chicago01), day=day, now=now)[1] is not None
    told(chicago01, (START, OLD), (END - 2 * WEEK, NEW))
    assert usual_people(read(chicago01), day=day, now=now)[1] is None


def test_page_and_api_say_what_was_changed(chicago01: Device, outsider: User, set_clock: SetClock) -> None:
    watch(chicago01, weeks=9, people=4)
    told(chicago01, (START, OLD), (END - WEEK, NEW))
    set_clock(END - dt.timedelta(hours=2))
    sentence = "The accuracy of Chicago01 changed on Mon 9 Nov, so only hours with one setup are compared."
    shown = words(page(outsider, chicago01.get_absolute_url()))
    assert sentence in shown
    assert "six earlier weeks with the same camera and settings" in shown
    assert sentence in words(page(outsider, "/compare/?place=chicago"))
    rows = ask(outsider, "comparisons", site="chicago", since="2026-11-09", to="2026-11-15").json()
    assert {row["finding"] for row in rows} == {"cannot tell"}
    assert rows[0]["notes"] == [sentence]


def test_an_hour_series_of_cameras_that_never_changed_has_no_setups(chicago01: Device) -> None:
    watch(chicago01, weeks=9, people=4)
    assert read(chicago01).setups is None
    told(chicago01, (START, OLD), (END - WEEK, NEW))
    setups = read(chicago01).setups
    assert setups is not None
    assert np.unique(setups.numbers).tolist() == [0, 1]


def count_both_setups(device: Device, by: User) -> None:
    """By eye, the old setup finds half of the people, and the new one all of them."""
    told(device, (START, OLD), (END - WEEK, NEW))
    before, after = END - 9 * DAY + NIGHT, END - 2 * DAY + NIGHT
    camera(device, *[[4, 6], [5, 5]] * 5, start=before.astimezone(dt.UTC))
    camera(device, *[[10], [10]] * 5, start=after.astimezone(dt.UTC))
    for start in (before, after):
        counted(device, by, *[10] * 10, start=start.astimezone(dt.UTC))


def test_counts_by_eye_of_both_settings_let_people_be_compared(chicago01: Device, operator: User) -> None:
    watch(chicago01, weeks=9, people=40)
    count_both_setups(chicago01, operator)
    found = compare_spans(read(chicago01), (END - WEEK, END), (END - 2 * WEEK, END - WEEK))
    average = found[Measure.AVERAGE]
    assert average.hours_in_common == WHOLE
    assert average.ratio == pytest.approx(0.5, rel=0.01), "the camera finds as many, but now it finds all of them"
    assert found[Measure.SPELLS].hours_in_common == 0, "nobody counts occupied spells by eye"
    assert average.notes == (
        "The accuracy of Chicago01 changed on Mon 9 Nov. Counts by eye correct this for people on average, with a "
        "wider interval; anything else is compared only over hours with one setup.",
    )


def test_a_count_by_eye_of_one_setting_alone_corrects_nothing(chicago01: Device, operator: User) -> None:
    watch(chicago01, weeks=9, people=40)
    count_both_setups(chicago01, operator)
    GroundTruthSession.objects.filter(started_at__gte=END - WEEK).delete()
    assert last_week(chicago01).hours_in_common == 0
    assert "so only hours with one setup" in last_week(chicago01).notes[0]


def test_calibrations_take_as_many_queries_for_two_cameras_as_for_one(
    chicago01: Device, chicago02: Device, operator: User
) -> None:
    made = []
    for devices in ([chicago01], [chicago01, chicago02]):
        watch(devices[-1], weeks=1, people=4)
        count_both_setups(devices[-1], operator)
        with CaptureQueriesContext(connection) as queries:
            assert read(*devices).setups is not None
        made.append(len(queries))
    assert made[0] == made[1]
