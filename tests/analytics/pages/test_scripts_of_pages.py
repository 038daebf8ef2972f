"""Pages run their own scripts only, and have their numbers without any."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from analytics.plots import library
from devices.models import Device
from tests.analytics.pages.test_pages import NOW, ROW_OF_HALF_AN_HOUR, half_an_hour, page, words
from tests.clock import SetClock


@pytest.fixture(autouse=True)
def _half_past_ten(set_clock: SetClock) -> None:
    set_clock(NOW)


def test_pages_run_no_script_of_strangers(seattle01: Device, viewer: User) -> None:
    for address in (
        "/",
        seattle01.get_absolute_url(),
        reverse("leaderboard"),
        reverse("api-docs"),
        reverse("account_login"),
    ):
        answer = page(None if address == reverse("account_login") else viewer, address)
        assert answer.status_code == 200
        assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
        inline = re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>", answer.content.decode())
        assert inline == [], f"{address} has a script in its text, which the policy stops"


def test_without_the_plotting_library_the_page_still_has_its_numbers(
    seattle01: Device, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_an_hour(seattle01)

    def missing(name: str) -> str:
        raise ValueError(f"Missing staticfiles manifest entry for '{name}'")

    monkeypatch.setattr(library, "static", missing)
    answer = page(viewer, seattle01.get_absolute_url())
    assert ROW_OF_HALF_AN_HOUR.search(words(answer))
    assert "plotly-basic" not in answer.content.decode()
