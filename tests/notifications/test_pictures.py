"""A picture goes with a notice only while the site recognises people, and everyone in the picture agrees."""

import base64
import datetime as dt
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiosmtpd.controller import Controller
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client

from devices.models import Device
from faces.models import Capture, Mode, Sighting
from faces.people.policies import set_policy
from faces.services import create_person
from notifications.models import Channel, ChannelKind, Notice, Rule
from notifications.rules import services as rules
from notifications.sending import due_notices, pictures, secret_texts
from tests import clock
from tests.clock import SetClock
from tests.faces import scenes
from tests.faces.conftest import agree, take_picture  # noqa: F401  (a fixture)
from tests.notifications.conftest import Receiver
from tests.notifications.test_rules import happen, told
from tests.notifications.test_sending import hook
from tests.programs.brokers import free_port

pytestmark = pytest.mark.django_db

JPEG = scenes.jpeg(scenes.noise(40, 30))


@pytest.fixture
def capture(seattle01: Device, owner: User, take_picture: Any, set_clock: SetClock) -> Capture:  # noqa: F811
    """A picture of the moment, in which the recogniser has looked for faces."""
    set_policy(site=seattle01.site, mode=Mode.ENROLLED, confirmed_by=owner, now=clock.now())
    taken: Capture = take_picture(JPEG, at=clock.now(), received=clock.now())
    Capture.objects.filter(pk=taken.pk).update(state="done")
    return taken


@pytest.fixture
def notice(seattle01: Device, capture: Capture, seattle: Any, inbox: Channel, owner: User) -> Notice:
    made = Rule(site=seattle, kind="label", texts=["Thanks!"], with_picture=True)
    rules.save_rule(rule=made, channels=[inbox], by=owner)
    happen(seattle01, after_s=0.5)
    told()
    waiting: Notice = Notice.objects.select_related("rule__site", "happening__device").get()
    return waiting


def found(notice: Notice, after: dt.timedelta = dt.timedelta()) -> bool:
    return pictures.find_picture(notice, clock.now() + after) is not None


def test_everyone_in_the_picture_must_agree_and_go_on_to_agree(notice: Notice, capture: Capture) -> None:
    assert found(notice)  # Nobody is in it.
    ada = create_person(site=notice.rule.site, name="Ada", line="")
    sighting = Sighting.objects.create(capture=capture, number=0, person=ada, confidence=0.9)
    assert not found(notice)
    consent = agree(ada, signed_at=clock.now() - dt.timedelta(days=1), days=10)
    assert found(notice)
    assert not found(notice, after=dt.timedelta(days=10))
    stranger = Sighting.objects.create(capture=capture, number=1, person=None, confidence=0.9)
    assert not found(notice)
    stranger.delete()
    consent.withdrawn_at = clock.now()
    consent.save()
    assert (found(notice), sighting.person) == (False, ada)


def test_no_picture_goes_where_nobody_looks_for_faces(notice: Notice, capture: Capture, owner: User) -> None:
    Capture.objects.update(claimed_faces=[{"box": [1, 2, 3, 4], "confidence": 0.9}])
    assert not found(notice)
    Capture.objects.update(claimed_faces=[], state="queued")
    assert not found(notice)
    Capture.objects.update(state="done")
    set_policy(site=notice.rule.site, mode=Mode.OFF, confirmed_by=owner)
    assert not found(notice)


def test_only_an_owner_has_pictures_sent_and_an_operator_sends_them_nowhere_else(
    notice: Notice, operator: User, owner: User, receiver: Receiver, inbox: Channel
) -> None:
    rule, elsewhere = notice.rule, hook(notice.rule.site, receiver)[0]
    rule.texts = ["Thank you!"]
    rules.save_rule(rule=rule, channels=[inbox], by=operator)
    with pytest.raises(ValidationError, match="Only owners of Seattle may have pictures sent"):
        rules.save_rule(rule=rule, channels=[inbox, elsewhere], by=operator)
    new = Rule(site=rule.site, kind="label", with_picture=True)
    with pytest.raises(ValidationError, match="Only owners"):
        rules.save_rule(rule=new, channels=[inbox], by=operator)
    rules.save_rule(rule=rule, channels=[inbox, elsewhere], by=owner)


def test_a_webhook_gets_a_link_that_ends_with_the_consent_and_after_a_week(
    notice: Notice, capture: Capture, client: Client, set_clock: SetClock
) -> None:
    set_clock(clock.now() + dt.timedelta(seconds=20))
    [parcel] = due_notices.take(now=clock.now())
    path = "/notices" + parcel.message.picture_url.partition("/notices")[2]
    answer = client.get(path)
    assert (answer["Content-Type"], answer["Cache-Control"], answer.content[:2]) == (
        "image/jpeg",
        "no-store",
        b"\xff\xd8",
    )
    Sighting.objects.create(capture=capture, number=0, confidence=0.9)
    assert client.get(path).status_code == 404
    Sighting.objects.all().delete()
    assert client.get(path).status_code == 200
    assert client.get(path[:-3] + "xx/").status_code == 404


def parcel_for(notice: Notice, kind: str, address: str, owner: User) -> due_notices.NoticeParcel:
    """Return the parcel of the notice through a channel of this kind, as if the channel were the rule's."""
    channel = Channel.objects.create(
        site=notice.rule.site, name=kind, kind=kind, secrets=secret_texts.encrypt({"address": address, "key": ""})
    )
    Notice.objects.update(channel=channel)
    [parcel] = due_notices.take(now=clock.now() + dt.timedelta(seconds=20))
    return parcel


def test_mail_has_the_picture_beside_it(notice: Notice, owner: User, settings: Any) -> None:
    mails: list[Any] = []

    class Kept:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            mails.append(envelope.content)
            return "250 taken"

    server = Controller(Kept(), hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        settings.EMAIL_BACKEND, settings.SENDS_EMAIL = "django.core.mail.backends.smtp.EmailBackend", True
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        parcel_for(notice, ChannelKind.EMAIL, "one@example.com", owner).send()
    finally:
        server.stop()
    [content] = mails
    assert b'filename="picture.jpg"' in content
    assert base64.b64encode(b"\xff\xd8\xff")[:4] in content


def test_mastodon_gets_the_picture_and_then_the_post(notice: Notice, owner: User, receiver: Receiver) -> None:
    receiver.answer = json.dumps({"id": "123"}).encode()
    parcel_for(notice, ChannelKind.MASTODON, f"mastodon://token@127.0.0.1:{receiver.port}", owner).send()
    [(_, picture), (_, post)] = receiver.received
    assert b"\xff\xd8\xff" in picture
    assert parse_qs(post.decode()) == {"status": ["Thanks!"], "media_ids[]": ["123"]}


def test_a_picture_that_is_gone_meanwhile_does_not_hold_the_words_back(
    notice: Notice, owner: User, receiver: Receiver, capture: Capture
) -> None:
    parcel = parcel_for(notice, ChannelKind.TEAMS, receiver.url, owner)
    capture.refresh_from_db()
    capture.image.delete(save=False)
    parcel.send()
    assert b"Thanks!" in receiver.received[0][1]
