"""The page of a kiosk in a real browser: it shows what an experiment says and reports it, whatever happens to it."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from devices.models import Device
from plays.intake.links import make_link
from plays.models import Block, Content, Experiment, Play
from plays.pages.players import ASK_AGAIN_S
from tests import clock
from tests.plays.samples import experiment, screen
from tests.programs.chromium import Browser, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

HOUR = dt.timedelta(hours=1)
NEXT_TURN_MS = (ASK_AGAIN_S + 1) * 1_000
FILM = "https://signage.example.com/film"


def under_way(device: Device) -> Experiment:
    """An experiment whose first block, of the film, runs now, and whose second one, of the poster, comes in an hour."""
    made, now = experiment(device), clock.now()
    Content.objects.filter(key="film").update(address=FILM)
    Content.objects.filter(key="poster").update(address="https://signage.example.com/poster")
    made.blocks.filter(number=1).update(arm=0, starts_at=now - HOUR, ends_at=now + HOUR)
    made.blocks.filter(number=2).update(arm=1, starts_at=now + HOUR, ends_at=now + 2 * HOUR)
    made.blocks.filter(number__gt=2).delete()
    return made


def opened(page: Page, address: str) -> None:
    page.route("https://signage.example.com/**", lambda route: route.fulfill(body="<h1>On air</h1>"))
    page.clock.install()
    page.goto(address)


def plays(content: str) -> list[Play]:
    key = Content.objects.get(key=content).pk
    return [each for each in Play.objects.order_by("started_at") if each.content_id == key]


def test_a_kiosk_shows_what_is_planned_and_reports_it_through_reloads_outages_and_wrong_clocks(
    live_server: LiveServer, seattle01: Device, operator: User, browser: Browser
) -> None:
    made, page = under_way(seattle01), browser.page
    opened(page, f"{live_server.url}/player/{make_link(screen=made.screen)}/")
    expect(page.frame_locator(f'iframe[src="{FILM}"]').locator("h1")).to_have_text("On air")
    until(page, lambda: len(plays("film")) == 1)
    (first,) = plays("film")
    assert not first.is_closed
    assert abs(first.started_at - clock.now()) < dt.timedelta(minutes=1)

    # Minutes without a network: the content stays, and the same play goes on afterwards.
    page.context.set_offline(True)
    for _ in range(4):
        page.clock.fast_forward(NEXT_TURN_MS)
    expect(page.locator("iframe")).to_have_count(1)
    page.context.set_offline(False)
    seen = plays("film")[0].ended_at
    page.clock.fast_forward(NEXT_TURN_MS)
    until(page, lambda: plays("film")[0].ended_at > seen)
    assert len(plays("film")) == 1

    # Somebody sets the player's clock, and the page is loaded again: the end is right all the same.
    page.clock.set_system_time(clock.now() + 5 * HOUR)
    page.reload()
    until(page, lambda: len(plays("film")) == 2 and plays("film")[0].is_closed)
    before, after = plays("film")
    for moment in (before.ended_at, after.started_at):
        assert abs(moment - clock.now()) < dt.timedelta(minutes=4)

    # The next block.
    Block.objects.filter(experiment=made, number=1).update(ends_at=clock.now())
    Block.objects.filter(experiment=made, number=2).update(starts_at=clock.now())
    page.clock.fast_forward(NEXT_TURN_MS)
    expect(page.locator('iframe[src="https://signage.example.com/poster"]')).to_have_count(1)
    until(page, lambda: len(plays("poster")) == 1 and plays("film")[-1].is_closed)


def test_a_kiosk_says_why_it_shows_nothing(live_server: LiveServer, seattle01: Device, browser: Browser) -> None:
    made, page = under_way(seattle01), browser.page
    Content.objects.update(address="")
    opened(page, f"{live_server.url}/player/{make_link(screen=made.screen)}/")
    expect(page.locator("#words")).to_have_text("“film” has no address.")
    made.blocks.all().delete()
    page.clock.fast_forward(NEXT_TURN_MS)
    expect(page.locator("#words")).to_have_text("Nothing is planned now.")
    assert not Play.objects.exists()


def test_a_kiosk_shows_the_usual_content_of_its_screen_where_no_experiment_decides(
    live_server: LiveServer, seattle01: Device, browser: Browser
) -> None:
    lobby, page = screen(seattle01), browser.page
    lobby.usual = Content.objects.create(site=seattle01.site, key="film", name="The film", address=FILM)
    lobby.save()
    opened(page, f"{live_server.url}/player/{make_link(screen=lobby)}/")
    expect(page.frame_locator(f'iframe[src="{FILM}"]').locator("h1")).to_have_text("On air")
    until(page, lambda: len(plays("film")) == 1)
