"""A passkey of a browser opens an account without a password. Browsers take passkeys on `localhost` without TLS."""

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from devices.models import Site
from tests.programs.chromium import Browser
from tests.world import places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
"""A virtual authenticator of Chromium, such as a fingerprint reader that always recognises its user."""


def test_a_passkey_is_added_with_the_password_and_signs_in_without_it(
    live_server: LiveServer, operator: User, seattle: Site, browser: Browser
) -> None:
    page, url = browser.page, live_server.url.replace("127.0.0.1", "localhost")
    authenticator = page.context.new_cdp_session(page)
    authenticator.send("WebAuthn.enable")
    authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto(f"{url}{reverse('account')}")
    page.fill("input[name=login]", operator.username)
    page.fill("input[name=password]", places.PASSWORD)
    page.click("button.primary")
    page.goto(f"{url}{reverse('mfa_add_webauthn')}")
    page.fill("main input[name=password]", places.PASSWORD)
    page.click("main button.primary")
    page.fill("input[name=name]", "My laptop")
    page.check("input[name=passwordless]")
    page.click("#mfa_webauthn_add")
    expect(page.get_by_text("Security key added")).to_be_visible()
    assert Authenticator.objects.get(type=Authenticator.Type.WEBAUTHN).user_id == operator.pk
    page.context.clear_cookies()
    page.goto(f"{url}{reverse('account')}")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text(operator.username).first).to_be_visible()
    expect(page).to_have_url(f"{url}{reverse('account')}")
