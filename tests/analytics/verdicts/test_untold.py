"""Where there is no usual range, a sentence tells why, and the day from which on there will be one."""

import datetime as dt

import pytest
from django.contrib.auth.models import User

from analytics.verdicts.hour_series import usual_people
from analytics.verdicts.untold import explain_day, explain_span
from analytics.verdicts.usual_weeks import usual_week
from devices.models import Device
from tests.analytics.features.comparing.test_api import FIRST, watch
from tests.analytics.pages.test_pages import page, words
from tests.analytics.rest.test_api import ask
from tests.analytics.verdicts.test_setups import CHICAGO, DAY, END, NEW, OLD, START, WEEK, read, told
from tests.clock import SetClock

pytestmark = pytest.mark.django_db

CHANGED = END - 2 * WEEK
"""The camera of `watch` has a new setting for the last two of its nine weeks."""

LAST = FIRST + dt.timedelta(days=62)


def has_range(day: dt.date, *devices: Device) -> bool:
    """Whether this day has a usual range, once it is over."""
    midnight = dt.datetime.combine(day, dt.time(), CHICAGO)
    return usual_people(read(*devices), day=midnight, now=midnight + DAY)[1] is not None


def test_a_day_after_a_change_tells_when_six_weeks_are_over(chicago01: Device) -> None:
    watch(chicago01, weeks=9, people=12)
    told(chicago01, (START, OLD), (CHANGED, NEW))
    assert explain_day(read(chicago01), LAST) == (
        "It takes six earlier weeks with the same camera and settings that saw these hours. If the cameras stay on, "
        f"there is a usual range from {CHANGED + 6 * WEEK:%a %-d %b} on."
    )


@pytest.mark.parametrize("since", [0, 1, 5])
def test_the_day_that_is_told_is_the_first_from_which_on_all_days_have_a_range(chicago01: Device, since: int) -> None:
    """The camera stays on after a change, as the sentence takes for granted."""
    watch(chicago01, weeks=9, people=12)
    change = START + dt.timedelta(days=since)
    told(chicago01, (START - DAY, OLD), (change, NEW))
    today = change.date() + dt.timedelta(days=20)
    seen_so_far = read(chicago01)
    seen_so_far.seen[:, (today - FIRST).days + 1 :] = 0
    first = (change + 6 * WEEK).date()
    assert f"from {first:%a %-d %b} on" in explain_day(seen_so_far, today)
    days = [first + dt.timedelta(days=number) for number in range(-1, 7)]
    assert [has_range(day, chicago01) for day in days] == [False, *[True] * 7]


def test_a_day_of_which_nothing_is_over_says_so(chicago01: Device) -> None:
    watch(chicago01, weeks=9, people=12)
    series = read(chicago01)
    series.minutes[:, -1] = 0
    assert explain_day(series, LAST) == "No hour of the day is over yet in which a camera was on."


def test_a_place_to_which_hardly_anybody_comes_does_not_promise_a_range(chicago01: Device) -> None:
    watch(chicago01, weeks=9, people=4)
    series = read(chicago01)
    series.spells[:] = 0
    assert explain_day(series, LAST) == "Too few people come in these hours to tell what is usual."


def test_a_week_tells_from_which_week_on_its_letters_know_the_usual(chicago01: Device) -> None:
    watch(chicago01, weeks=9, people=12)
    told(chicago01, (START, OLD), (CHANGED, NEW))
    assert usual_week(read(chicago01), 8 * 7)[1] is None
    assert explain_span(read(chicago01), 8 * 7, 7).endswith(
        f"this can be told of weeks from {CHANGED + 6 * WEEK:%a %-d %b} on."
    )


def test_page_overview_and_api_tell_the_same_sentence(chicago01: Device, outsider: User, set_clock: SetClock) -> None:
    watch(chicago01, weeks=9, people=12)
    told(chicago01, (START, OLD), (CHANGED, NEW))
    set_clock(END - dt.timedelta(hours=2))
    sentence = f"there is a usual range from {CHANGED + 6 * WEEK:%a %-d %b} on."
    for address in (chicago01.get_absolute_url(), "/sites/chicago/", "/"):
        assert sentence in words(page(outsider, address)), address
    assert ask(outsider, "comparisons/usual", site="chicago").json()["untold"].endswith(sentence)
