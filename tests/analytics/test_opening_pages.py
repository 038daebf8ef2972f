"""The pages on which operators enter opening hours."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from analytics.models import OpeningException, OpeningPlan
from analytics.models.opening import DAYS
from devices.models import Site
from tests.programs.chromium import Browser

pytestmark = pytest.mark.django_db

PAGE = "/sites/seattle/settings/opening-hours/"


def sent(user: User, address: str, **typed: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(f"{PAGE}{address}", typed, follow=True)


def test_an_operator_enters_the_hours_changes_and_deletes_them(operator: User, seattle: Site) -> None:
    page = sent(operator, "plan/", since="2026-11-01", monday="09:00-18:00").content.decode()
    plan = OpeningPlan.objects.get(site=seattle)
    assert "09:00-18:00" in page
    assert "from 1 Nov 2026" in page
    sent(operator, f"plan/{plan.pk}/", since="2026-11-01", monday="10:00-18:00")
    plan.refresh_from_db()
    assert plan.monday == "10:00-18:00"
    assert "are about all hours now" in sent(operator, f"plan/{plan.pk}/", delete="yes").content.decode()
    assert not OpeningPlan.objects.exists()


def test_a_plan_of_a_site_that_is_never_open_is_stored_with_a_warning(operator: User, seattle: Site) -> None:
    assert "is never open" in sent(operator, "plan/", since="2026-11-01").content.decode()
    assert "is never open" not in sent(operator, "plan/", since="2026-11-02", sunday="10:00-12:00").content.decode()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"since": "2026-11-01", "monday": "9 to 6"}, "9 to 6"),
        ({"since": "2026-11-01", "country": "XX"}, "No holidays are known of “XX”"),
        ({"since": "2026-10-01"}, "already exists"),
        ({"since": "0206-11-01"}, "Choose a day from 2000 to 2099."),
        ({"since": "2126-11-01"}, "Choose a day from 2000 to 2099."),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_stored(
    operator: User, seattle: Site, typed: dict[str, str], sentence: str
) -> None:
    OpeningPlan.objects.create(site=seattle, since=dt.date(2026, 10, 1))
    response = sent(operator, "plan/", **typed)
    assert response.status_code == 400
    assert sentence in response.content.decode()
    assert OpeningPlan.objects.count() == 1


def test_a_single_day_is_entered_once_and_removed(operator: User, seattle: Site) -> None:
    for status in (200, 400):
        assert sent(operator, "day/", date="2026-12-24", hours="09:00-12:00").status_code == status
    day = OpeningException.objects.get(site=seattle)
    assert day.hours == "09:00-12:00"
    assert "the plan holds" in sent(operator, f"day/{day.pk}/").content.decode()
    assert not OpeningException.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_hours_of_monday_are_typed_once(
    owner: User, seattle: Site, live_server: LiveServer, browser: Browser
) -> None:
    browser.sign_in_as(owner, live_server.url)
    browser.page.goto(live_server.url + reverse("site-opening-plan-new", args=[seattle.slug]))
    browser.page.fill("[name=monday]", "09:00-18:00")
    browser.page.click("[data-like-monday]")
    browser.page.press("[name=monday]", "Enter")
    browser.page.wait_for_url("**/opening-hours/")
    plan = OpeningPlan.objects.get()
    assert [getattr(plan, day) for day in DAYS] == ["09:00-18:00"] * 5 + [""] * 2
    assert browser.troubles == []
