"""What was typed survives the end of the session, in a real browser."""

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from analytics.models import Question
from devices.models import Device, Site
from tests.programs.chromium import Browser
from tests.world import places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

TEXT = "Is the coffee warm enough for you?"


def end_sessions() -> None:
    UserSession.objects.all().delete()
    Session.objects.all().delete()


def ask(page: Page, address: str) -> None:
    page.goto(address)
    page.fill("textarea[name=text]", TEXT)
    page.fill("input[name=no_label]", "fist")


def sign_in(page: Page, user: User) -> None:
    page.fill("input[name=login]", user.username)
    page.fill("input[name=password]", places.PASSWORD)
    page.click("button.primary")


def test_a_form_is_filled_again_after_signing_in_again(
    live_server: LiveServer, operator: User, seattle: Site, browser: Browser
) -> None:
    page, address = browser.page, f"{live_server.url}{reverse('question-ask', args=['seattle'])}"
    browser.sign_in_as(operator, live_server.url)
    ask(page, address)
    end_sessions()
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, operator)
    expect(page.locator("textarea[name=text]")).to_have_value(TEXT)
    expect(page.get_by_text("What you typed is here again")).to_be_visible()
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name=TEXT)).to_be_visible()
    assert Question.objects.get().no_label == "fist"
    page.goto(address)
    expect(page.locator("textarea[name=text]")).to_have_value("")


def test_a_form_that_posts_elsewhere_leads_back_to_its_own_page(
    live_server: LiveServer, owner: User, viewer: User, seattle01: Device, browser: Browser
) -> None:
    page, address = browser.page, f"{live_server.url}{reverse('members', args=['seattle'])}"
    browser.sign_in_as(owner, live_server.url)
    page.goto(address)
    role = page.get_by_label("Role of viewer")
    role.select_option("operator")
    end_sessions()
    page.locator("form.member", has=role).get_by_role("button", name="Change").click()
    sign_in(page, owner)
    expect(page).to_have_url(address)
    expect(page.get_by_label("Role of viewer")).to_have_value("operator")


def test_nobody_else_gets_what_somebody_typed(
    live_server: LiveServer, operator: User, owner: User, seattle: Site, browser: Browser
) -> None:
    page = browser.page
    browser.sign_in_as(operator, live_server.url)
    ask(page, f"{live_server.url}{reverse('question-ask', args=['seattle'])}")
    end_sessions()
    page.get_by_role("button", name="Ask").click()
    sign_in(page, owner)
    expect(page.locator("textarea[name=text]")).to_have_value("")
    assert "coffee" not in page.evaluate("JSON.stringify({ ...sessionStorage })")
