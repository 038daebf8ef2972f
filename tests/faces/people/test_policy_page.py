"""The page on which an owner decides what a site does with faces: it says first what will happen."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import Site
from faces.models import Mode, SitePolicy

pytestmark = pytest.mark.django_db

PAGE = "/sites/seattle/settings/faces/"


def sent(user: User, **typed: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(
        PAGE,
        {
            "mode": "enrolled",
            "picture_hours": "720",
            "unmatched_hours": "24",
            "unseen_days": "1095",
            "guest_days": "90",
            **typed,
        },
    )


def shown(response: Any) -> str:
    return str(response.content.decode())


def test_an_owner_sees_first_what_will_happen_and_then_decides(owner: User, seattle: Site) -> None:
    page = shown(sent(owner, confirmed="on"))
    assert "People with a recorded consent are recognised and greeted at Seattle" in page
    assert not SitePolicy.objects.exists()
    sent(owner, confirmed="on", sure="yes")
    policy = SitePolicy.objects.get()
    assert (policy.mode, policy.confirmed_by) == (Mode.ENROLLED, owner)


def test_the_page_has_every_field_and_sends_what_it_shows(owner: User, seattle: Site) -> None:
    client = Client()
    client.force_login(owner)
    answer = client.get(PAGE)
    form, page = answer.context["form"], shown(answer)
    assert [name for name in form.fields if f'name="{name}"' not in page] == []
    typed = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    client.post(PAGE, {**typed, "mode": "enrolled", "confirmed": "on", "contact": "the front desk", "sure": "yes"})
    assert SitePolicy.objects.get().contact == "the front desk"
    assert "the front desk" in shown(client.get(PAGE))


def test_recognition_needs_the_owners_confirmation_beside_its_field(owner: User, seattle: Site) -> None:
    response = sent(owner, sure="yes")
    assert response.status_code == 400
    assert "Recognition needs the confirmation of an owner." in shown(response)
    assert not SitePolicy.objects.exists()


def test_a_shorter_term_says_how_many_pictures_go(owner: User, seattle: Site) -> None:
    page = shown(sent(owner, mode="off", picture_hours="6"))
    assert "0 pictures that are older than 6 hours are deleted for ever" in page


def test_operators_see_the_policy_and_are_told_who_decides(operator: User, seattle: Site) -> None:
    client = Client()
    client.force_login(operator)
    page = shown(client.get(PAGE))
    assert "Detect faces, recognise nobody" in page
    assert "<form class" not in page.partition('class="stack"')[2]
    assert sent(operator, sure="yes", confirmed="on").status_code == 403
    assert not SitePolicy.objects.exists()
