"""The terms that a site sets for pictures and for people whom no camera sees any more."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from devices.models import Site
from faces.erasure.unseen import announce_erasures, unseen_people
from faces.models import ErasureNotice, Mode, Person
from faces.services import set_policy, set_retention
from tests.faces.conftest import NOON, TakePicture
from tests.faces.erasure.test_retention import DAY, HOUR, known, removed

pytestmark = pytest.mark.django_db


def test_pictures_of_a_site_that_recognises_nobody_go_after_hours(
    seattle: Site, take_picture: TakePicture, owner: User
) -> None:
    take_picture()
    assert removed(NOON + 12 * HOUR - dt.timedelta(seconds=1)) == 0
    assert removed(NOON + 12 * HOUR) == 1
    set_policy(site=seattle, mode=Mode.ENROLLED, confirmed_by=owner, now=NOON)
    take_picture()
    assert removed(NOON + 30 * DAY - HOUR) == 0
    assert removed(NOON + 30 * DAY) == 1


def test_people_are_erased_when_the_sites_term_without_being_seen_is_over(seattle: Site) -> None:
    known(seattle, "Ada", days=3 * 365)
    signed = NOON - DAY
    set_retention(site=seattle, picture_hours=None, unmatched_hours=24, unseen_days=60)
    assert not list(unseen_people(now=signed + 60 * DAY - HOUR))
    assert [entry.person.name for entry in unseen_people(now=signed + 60 * DAY)] == ["Ada"]


def test_a_site_keeps_nobody_unseen_for_more_than_three_years(seattle: Site) -> None:
    with pytest.raises(ValidationError):
        set_retention(site=seattle, picture_hours=None, unmatched_hours=24, unseen_days=3 * 365 + 1)


def test_somebody_whose_address_is_known_is_told_once(
    seattle: Site, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = known(seattle, "Ada", days=60)
    Person.objects.filter(pk=ada.pk).update(email="ada@example.com")
    now = NOON + 60 * DAY

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("mailbox full")

    with monkeypatch.context() as patched:
        patched.setattr("faces.erasure.unseen.send_mail", refuse)
        announce_erasures(now=now)
    assert "mailbox full" in ErasureNotice.objects.get().problem
    for _ in range(2):
        announce_erasures(now=now)
    [mail] = mailoutbox
    assert mail.to == ["ada@example.com"]
    assert "They have not seen you since 19 November 2026." in mail.body
    assert "are erased on 26 January 2027" in mail.body
    assert ErasureNotice.objects.get().told_at == now
