"""A consent lasts three years at most, and its end is announced to the person."""

import datetime as dt
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from devices.models import Site
from faces import tasks
from faces.models import Consent, Method, Person
from faces.people.renewals import announce_renewals
from faces.services import create_person
from tests import clock
from tests.faces.conftest import NOON, agree

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def ada(seattle: Site) -> Person:
    person = create_person(site=seattle, name="Ada", email="ada@example.com")
    agree(person, signed_at=NOON, days=29)
    agree(person, signed_at=NOON, days=20)
    return person


def test_a_person_whose_address_is_known_is_told_once_until_when_the_consent_lasts(
    ada: Person, mailoutbox: list[Any]
) -> None:
    agree(create_person(site=ada.site, name="Bob"), signed_at=NOON, days=29)
    assert [announce_renewals(now=NOON + number * DAY) for number in (1, 2)] == [1, 0]
    [mail] = mailoutbox
    assert mail.to == ["ada@example.com"]
    assert "That ends on 19 December 2026." in mail.body


def test_the_mail_servers_refusal_is_logged_without_the_address_and_tried_again(
    ada: Person, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no mailbox ada@example.com")

    with monkeypatch.context() as patched:
        patched.setattr("faces.people.renewals.send_mail", refuse)
        assert announce_renewals(now=NOON) == 0
    assert f"Person {ada.pk} was not told" in caplog.text
    assert "Ada" not in caplog.text
    assert "ada@" not in caplog.text
    assert announce_renewals(now=NOON) == 1


def test_the_task_of_the_night_announces(seattle: Site, mailoutbox: list[Any]) -> None:
    person = create_person(site=seattle, name="Ada", email="ada@example.com")
    agree(person, signed_at=clock.now() - DAY, days=9)
    assert tasks.announce_renewals() == 1


def test_terms_from_before_are_bounded_and_none_ends_at_once(seattle: Site) -> None:
    now, for_ever = clock.now(), dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
    person = create_person(site=seattle, name="Ada")
    signed = {"recent": now - 100 * DAY, "old": now - 2_000 * DAY, "guest": now - 2_000 * DAY, "usual": now - DAY}
    consents = {name: agree(person, signed_at=at) for name, at in signed.items()}
    for name in ("recent", "old", "guest"):
        method = Method.OWNER if name == "guest" else Method.PAPER
        Consent.objects.filter(pk=consents[name].pk).update(expires_at=for_ever, method=method)
    import_module("faces.migrations.0020_consents_last_three_years_at_most").bound_terms(apps, None)
    ends = {name: Consent.objects.get(pk=consent.pk).expires_at for name, consent in consents.items()}
    assert ends["recent"] == signed["recent"] + 1_098 * DAY
    assert ends["usual"] == consents["usual"].expires_at
    assert 29 * DAY < ends["old"] - now <= 31 * DAY
    assert 364 * DAY < ends["guest"] - now <= 366 * DAY
