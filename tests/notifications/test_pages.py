"""Operators add rules and channels on pages, and viewers read them. No page shows the address of a channel."""

import random
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from devices.models import Device, Site
from notifications.models import Channel, Notice, Rule, State
from notifications.rules.matching import match_new
from tests import clock
from tests.notifications.conftest import MakeRule, Receiver
from tests.notifications.test_rules import happen

pytestmark = pytest.mark.django_db

CHANNEL = {"name": "Hook", "kind": "webhook"}
RULE = {"kind": "label", "label": "thumbs-up", "every_nth": 1, "cool_down_s": 0, "enabled": "on"}


def page(name: str, site: Site, *more: object) -> str:
    return reverse(name, args=[site.slug, *more])


def test_an_operator_makes_a_channel_and_a_rule_and_reads_what_was_told(
    client: Client, operator: User, seattle01: Device, receiver: Receiver
) -> None:
    site = seattle01.site
    client.force_login(operator)
    empty = client.get(page("site-notices", site)).content.decode()
    assert "Add a channel first: whom to tell." in empty
    made = client.post(
        page("site-channel-new", site), CHANNEL | {"address": receiver.url}, follow=True
    ).content.decode()
    assert "Its messages are signed with the key" in made
    assert receiver.url not in made
    channel = Channel.objects.get()
    client.post(page("site-channel-test", site, channel.pk))
    assert len(receiver.received) == 1
    answer = client.post(page("site-rule-new", site), RULE | {"channels": [channel.pk], "texts": ""}, follow=True)
    assert "When “thumbs-up” is seen" in answer.content.decode()
    happen(seattle01)
    match_new(now=clock.now(), chance=random.Random(1))
    shown = client.get(page("site-notices", site)).content.decode()
    assert "thumbs up at Seattle01, 12:00 on 20 November." in shown


def test_a_viewer_sees_the_notices_and_changes_nothing(
    client: Client, viewer: User, seattle: Site, make_rule: MakeRule
) -> None:
    rule = make_rule()
    client.force_login(viewer)
    assert "When “thumbs-up” is seen" in client.get(page("site-notices", seattle)).content.decode()
    for name, more in (("site-channel-new", []), ("site-rule-new", []), ("site-rule", [rule.pk])):
        assert client.post(page(name, seattle, *more)).status_code == HTTPStatus.FORBIDDEN


def test_a_wrong_rule_is_explained_and_what_was_typed_stays(
    client: Client, operator: User, seattle: Site, inbox: Channel
) -> None:
    client.force_login(operator)
    values: dict[str, Any] = RULE | {"channels": [inbox.pk], "texts": "{nobody} was here"}
    answer = client.post(page("site-rule-new", seattle), values)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "has the unknown field “nobody”" in answer.content.decode()
    assert "{nobody} was here" in answer.content.decode()
    assert not Rule.objects.exists()


def test_a_rule_is_silenced_woken_and_deleted(
    client: Client, operator: User, seattle: Site, make_rule: MakeRule
) -> None:
    rule = make_rule()
    client.force_login(operator)
    client.post(page("site-rule-snooze", seattle, rule.pk))
    assert Rule.objects.get().snoozed_until is not None
    client.post(page("site-rule-snooze", seattle, rule.pk))
    assert Rule.objects.get().snoozed_until is None
    client.post(page("site-rule-delete", seattle, rule.pk))
    assert not Rule.objects.exists()


def test_a_dead_letter_is_shown_and_sent_again(
    client: Client, operator: User, seattle01: Device, make_rule: MakeRule
) -> None:
    make_rule()
    happen(seattle01)
    match_new(now=clock.now(), chance=random.Random(1))
    Notice.objects.update(state=State.DEAD, problem="hooks.example answered 404")
    client.force_login(operator)
    assert "hooks.example answered 404" in client.get(page("site-notices", seattle01.site)).content.decode()
    client.post(page("site-notice-again", seattle01.site, Notice.objects.get().pk))
    assert Notice.objects.get().state == State.WAITING


def test_a_channel_is_deleted_with_its_notices(
    client: Client, operator: User, seattle01: Device, make_rule: MakeRule, inbox: Channel
) -> None:
    make_rule()
    happen(seattle01)
    match_new(now=clock.now(), chance=random.Random(1))
    client.force_login(operator)
    client.post(page("site-channel-delete", seattle01.site, inbox.pk))
    assert not Notice.objects.exists()


def test_the_api_can_do_what_the_pages_can(
    operator: User, viewer: User, outsider: User, seattle01: Device, receiver: Receiver
) -> None:
    api = APIClient()
    api.force_authenticate(operator)
    made = api.post("/api/v1/channels/", CHANNEL | {"site": "seattle", "address": receiver.url})
    assert made.status_code == 201, made.json()
    assert made.json()["key"]
    number = made.json()["id"]
    assert "address" not in api.get(f"/api/v1/channels/{number}/").json()
    assert api.get(f"/api/v1/channels/{number}/").json()["key"] is None
    assert api.post(f"/api/v1/channels/{number}/test/").json() == {"result": "The test was taken by the other side."}
    rule = api.post("/api/v1/notice-rules/", {"site": "seattle", "kind": "label", "channels": [number]})
    assert rule.status_code == 201, rule.json()
    changed = api.patch(f"/api/v1/notice-rules/{rule.json()['id']}/", {"texts": ["{oops}"]})
    assert (changed.status_code, "oops" in str(changed.json())) == (400, True)
    happen(seattle01)
    match_new(now=clock.now(), chance=random.Random(1))
    Notice.objects.update(state=State.DEAD)
    [notice] = api.get("/api/v1/notices/").json()["results"]
    assert api.post(f"/api/v1/notices/{notice['id']}/again/").status_code == 204
    api.force_authenticate(viewer)
    assert api.delete(f"/api/v1/channels/{number}/").status_code == 403
    api.force_authenticate(outsider)
    assert api.get("/api/v1/notices/").json()["results"] == []
    assert api.get(f"/api/v1/channels/{number}/").status_code == 404
    api.force_authenticate(operator)
    assert api.delete(f"/api/v1/channels/{number}/").status_code == 204
