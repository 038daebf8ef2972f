"""What weeks of hours tell on a page: today in its band, forecasts, changes of level, long periods."""

import datetime as dt

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.models import DeviceSetup, DeviceSoftware, EngagementQuarter, Episode, Question
from analytics.verdicts import period_numbers
from analytics.verdicts.causes import read_causes
from devices.models import Device
from devices.services import replace_device
from tests.analytics.features.comparing.test_api import FIRST, SPELL, watch
from tests.analytics.frames import count, seen
from tests.analytics.pages.test_pages import figure, page, words
from tests.clock import SetClock
from tests.world import bulk

SUNDAY_EVENING = dt.datetime(2026, 11, 15, 22, 30, tzinfo=dt.UTC)
"""16:30 in Chicago, at the end of the nine weeks that `watch` makes."""

DAY = dt.timedelta(days=1)


@pytest.fixture
def nine_weeks(chicago01: Device, set_clock: SetClock) -> Device:
    watch(chicago01, weeks=9, people=40)
    set_clock(SUNDAY_EVENING)
    return chicago01


def test_today_is_drawn_hour_by_hour_over_its_usual_range(nine_weeks: Device, outsider: User) -> None:
    answer = page(outsider, nine_weeks.get_absolute_url())
    assert "Today, hour by hour" in words(answer)
    band, bars, *_ = figure(answer, "today-figure")["data"]
    assert len(band["x"]) in (12, 13), "the hours in which the camera is on, before or after clocks were set back"
    assert len(bars["x"]) == 8, "from eight to four"
    for low, height, came in zip(band["base"], band["y"], bars["y"], strict=False):
        assert low <= came <= low + height


def test_a_page_tells_what_is_to_be_expected_and_how_often_that_held(nine_weeks: Device, outsider: User) -> None:
    shown = words(page(outsider, nine_weeks.get_absolute_url()))
    assert "occupied spells are to be expected by the end of today (" in shown
    assert "such a forecast held in 14 of the last 14 days" in shown


def test_before_six_weeks_it_is_too_early_to_tell(chicago01: Device, outsider: User, set_clock: SetClock) -> None:
    watch(chicago01, weeks=5, people=40)
    set_clock(SUNDAY_EVENING - dt.timedelta(weeks=4))
    answer = page(outsider, chicago01.get_absolute_url())
    assert "It is too early to tell what is usual in an hour" in words(answer)
    assert figure(answer, "today-figure")["data"][0]["x"] == []


def test_a_page_of_the_past_says_nothing_of_today(nine_weeks: Device, outsider: User) -> None:
    assert "Today, hour by hour" not in words(page(outsider, f"{nine_weeks.get_absolute_url()}?days=7&to=2026-11-01"))


@pytest.fixture
def changed(chicago01: Device, set_clock: SetClock) -> Device:
    """From the 29th day on, each spell is there twice."""
    watch(chicago01, weeks=9, people=40)
    second = dt.timedelta(minutes=5)
    later = Episode.objects.filter(started__gte=dt.datetime.combine(FIRST + 28 * DAY, dt.time(5), dt.UTC))
    began = [started + second for started in later.values_list("started", flat=True)]
    bulk.store(Episode, SPELL, ((chicago01.pk, "face", at, at, 1, 1.0, "") for at in began))
    set_clock(SUNDAY_EVENING)
    return chicago01


def test_a_change_of_level_is_dated_with_what_was_done_around_the_day(changed: Device, outsider: User) -> None:
    day = FIRST + 28 * DAY
    at = dt.datetime.combine(day, dt.time(15), dt.UTC)
    DeviceSoftware.objects.create(device=changed, since=at, software="0.3.0")
    Question.objects.create(site=changed.site, text="Is it warm?", asked_from=at, asked_until=at + DAY)
    Question.objects.create(site=changed.site, text="Too late?", asked_from=at + 5 * DAY, asked_until=at + 6 * DAY)
    answer = page(outsider, f"{changed.get_absolute_url()}?from=2026-09-20")
    shown = words(answer)
    assert "From Mon 12 Oct on, more occupied spells in the same hours: +" in shown
    assert "Chicago01 got software 0.3.0 on Mon 12 Oct" in shown
    assert "the question “Is it warm?” began on Mon 12 Oct" in shown
    assert "Too late?" not in shown
    Question.objects.filter(text="Is it warm?").delete()
    Question.objects.filter(text="Too late?").update(asked_from=at)
    shown = words(page(outsider, f"{changed.get_absolute_url()}?from=2026-09-20"))
    assert "the question “Too late?” began on Mon 12 Oct" in shown, "what is kept of the page is told with its causes"
    layout = figure(answer, "engagement-figure")["layout"]
    assert any("Mon 12 Oct: +" in each["text"] for each in layout["annotations"])


def test_a_change_without_a_known_cause_says_so(changed: Device, outsider: User) -> None:
    shown = words(page(outsider, f"{changed.get_absolute_url()}?from=2026-09-20"))
    assert "Nothing is recorded that was done around this day." in shown


def test_a_change_outside_the_period_is_not_on_its_page(changed: Device, outsider: User) -> None:
    assert "in the same hours: +" not in words(page(outsider, f"{changed.get_absolute_url()}?days=7"))


def test_all_that_is_done_at_a_camera_is_a_known_cause(chicago01: Device, superuser: User) -> None:
    noon = dt.datetime(2026, 10, 12, 18, tzinfo=dt.UTC)
    for days, setup in ((-30, {"face_threshold": 0.5}), (0, {"face_threshold": 0.7})):
        DeviceSetup.objects.create(device=chicago01, since=noon + days * DAY, setup=setup)
    new = replace_device(device=chicago01, thing_name="new-box", at=noon + DAY)
    chicago01.refresh_from_db()
    with_settings = LogEntry.objects.create(
        user=superuser,
        content_type=ContentType.objects.get_for_model(Device),
        object_id=str(chicago01.pk),
        object_repr="",
        action_flag=CHANGE,
        change_message="",
    )
    LogEntry.objects.filter(pk=with_settings.pk).update(action_time=noon)
    day = noon.date()
    found = read_causes([chicago01, new], [day], chicago01.site.zone)[day]
    texts = [cause.text for cause in found]
    assert "Chicago01 got another face threshold" in texts
    assert "the settings of Chicago01 were changed" in texts
    assert "Chicago01 got the camera new-box" in texts
    assert read_causes([chicago01], [], chicago01.site.zone) == {}


def test_what_weeks_tell_is_kept_for_some_minutes(nine_weeks: Device, outsider: User) -> None:
    address = nine_weeks.get_absolute_url()
    with CaptureQueriesContext(connection) as first:
        page(outsider, f"{address}plots/")
    with CaptureQueriesContext(connection) as second:
        page(outsider, f"{address}plots/")
    assert len(second) < len(first)


@pytest.mark.parametrize(
    ("query", "name", "rows"),
    [("period=quarter", "Q4 2026 so far", 46), ("period=year", "2026 so far", 46), ("days=1098", "– 15 Nov 2026", 37)],
)
def test_a_long_period_has_coarser_buckets(
    nine_weeks: Device, outsider: User, query: str, name: str, rows: int
) -> None:
    answer = page(outsider, f"{nine_weeks.get_absolute_url()}?{query}")
    shown = words(answer)
    assert name in shown
    body = answer.content.decode()
    table = body[body.index("Table of the period") :]
    assert table[: table.index("</table>")].count("<tr>") - 1 in (rows, rows + 1)
    assert len(figure(answer, "engagement-figure")["data"][-1]["x"]) <= 1_098
    total = EngagementQuarter.objects.filter(start__lt=SUNDAY_EVENING + DAY).count()
    assert total, "the frames of the whole period are in its total"


def test_more_than_one_page_may_read_is_not_compared_and_says_so(
    nine_weeks: Device, outsider: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(period_numbers, "MOST_CAMERA_DAYS", 100)
    caches["process"].clear()
    shown = words(page(outsider, f"{nine_weeks.get_absolute_url()}?days=365"))
    assert "365 days of these cameras are too many to compare hour by hour." in shown
    assert "Compared with" not in shown.replace("Compared with the 365 days before, or with", "")


def test_two_periods_of_a_page_are_chosen_freely(nine_weeks: Device, outsider: User) -> None:
    shown = words(page(outsider, f"{nine_weeks.get_absolute_url()}?days=7&beside=2026-09-21..2026-09-27"))
    assert "Compared with 21 – 27 Sep 2026, over the hours of the week that both saw." in shown
    assert "about the same (" in shown


@pytest.mark.parametrize("query", ["from=1926-01-01", "days=36500", "from=2026-11-20&to=2026-11-01", "beside=x..y"])
def test_a_period_that_cannot_be_is_told_in_a_sentence(chicago01: Device, outsider: User, query: str) -> None:
    answer = page(outsider, f"{chicago01.get_absolute_url()}?{query}")
    assert answer.status_code == 404
    assert "The address is wrong" not in words(answer)


@pytest.mark.parametrize("address", ["/sites/seattle/", "/sites/seattle/devices/Seattle01/"])
def test_a_period_before_the_first_frame_says_when_that_came(seattle01: Device, viewer: User, address: str) -> None:
    count(seen(seattle01, dt.datetime(2026, 11, 20, 17, tzinfo=dt.UTC), faces=[0.9]))
    shown = page(viewer, f"{address}?period=year&to=2001-06-01")
    assert "There are no frames of 2001 The first frame is of Fri 20 Nov 2026 ." in words(shown)
    assert "Coverage" not in words(shown)
    assert 'href="?days=1&amp;to=2026-11-20"' in shown.content.decode()
