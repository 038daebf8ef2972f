"""Accounts: attempts are limited for all processes together, second factors hold everywhere, secrets are encrypted."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib import admin
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import get_resolver, reverse

from tests.world.places import PASSWORD

pytestmark = pytest.mark.django_db

WRONG_PASSWORDS_UNTIL_REFUSED = 10
"""django-allauth's limit for one address and five minutes is 5 for an account, and 10 a minute for an address."""


@pytest.fixture(autouse=True)
def _no_earlier_attempts() -> None:
    cache.clear()


def sign_in(client: Client, name: str, password: str) -> Any:
    return client.post(reverse("account_login"), {"login": name, "password": password})


def code_of(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time())))))


def test_wrong_passwords_are_refused_after_a_few_even_from_another_process(viewer: User) -> None:
    for _ in range(WRONG_PASSWORDS_UNTIL_REFUSED):
        sign_in(Client(), "viewer", "wrong")
    refused = sign_in(Client(), "viewer", PASSWORD)
    assert "Too many failed login attempts" in refused.content.decode()


def test_people_sign_in_by_name_or_by_address(viewer: User) -> None:
    viewer.email = "viewer@example.com"
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)
    assert sign_in(Client(), "viewer", PASSWORD).headers["Location"] == reverse("overview")
    assert sign_in(Client(), "viewer@example.com", PASSWORD).headers["Location"] == reverse("overview")


def test_a_forgotten_password_is_replaced_by_a_mailed_link(viewer: User) -> None:
    viewer.email = "viewer@example.com"
    viewer.save()
    client = Client()
    client.post(reverse("account_reset_password"), {"email": viewer.email})
    link = re.search(r"http://testserver(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link is not None
    form = client.get(link[1]).headers["Location"]
    client.post(form, {"password1": "engine-1843", "password2": "engine-1843"})
    assert sign_in(Client(), "viewer", "engine-1843").headers["Location"] == reverse("overview")


def test_a_second_factor_is_asked_for_on_the_pages_and_in_the_admin(superuser: User) -> None:
    TOTP.activate(superuser, "JBSWY3DPEHPK3PXP")
    client = Client()
    assert sign_in(client, "admin", PASSWORD).headers["Location"] == reverse("mfa_authenticate")
    assert client.get(reverse("overview")).status_code == 302
    assert client.get("/admin/login/", follow=True).redirect_chain[-1][0] == reverse("mfa_authenticate")
    client.post(reverse("mfa_authenticate"), {"code": code_of("JBSWY3DPEHPK3PXP")})
    assert client.get(reverse("overview")).status_code == 200


def test_the_secret_of_a_second_factor_is_stored_encrypted(viewer: User) -> None:
    TOTP.activate(viewer, "JBSWY3DPEHPK3PXP")
    stored = Authenticator.objects.get(user=viewer).data["secret"]
    assert "JBSWY3DPEHPK3PXP" not in stored
    assert get_adapter().decrypt(stored) == "JBSWY3DPEHPK3PXP"


def test_the_admin_offers_no_way_to_run_a_function() -> None:
    assert get_resolver().url_patterns, "whatever serves a page has read the routes, which settle what the admin offers"
    assert not [model for model in admin.site._registry if model._meta.app_label == "django_q"]


@pytest.mark.parametrize(
    "name", ["account_change_password", "account_email", "mfa_index", "usersessions_list", "mfa_activate_totp"]
)
def test_every_member_has_the_pages_of_their_account(name: str, viewer: User) -> None:
    client = Client()
    sign_in(client, "viewer", PASSWORD)
    response = client.get(reverse(name))
    if response.status_code == 302:  # the page asks for the password again
        client.post(response.headers["Location"], {"password": PASSWORD})
        response = client.get(reverse(name))
    assert response.status_code == 200
    assert 'class="panel card"' in response.content.decode()


def test_private_pages_are_stored_nowhere(viewer: User) -> None:
    client = Client()
    client.force_login(viewer)
    assert "no-store" in client.get(reverse("overview")).headers["Cache-Control"]
