"""The pages of a site's quarantine: why messages wait, what they say, to replay, to discard and to adopt."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from analytics.models import Frame
from devices.intake import quarantine
from devices.intake.batches import accept
from devices.intake.mends import MENDS
from devices.managing import quarantine_page
from devices.models import AuditEntry, Device, QuarantinedMessage, Reason, Site
from devices.reading.decoding import Arrival
from tests import clock
from tests.world import places

pytestmark = pytest.mark.django_db

TOPIC = f"$aws/things/{places.SEATTLE01}/infer"
PAGE = "/sites/seattle/settings/quarantine/"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def shown(response: Any) -> str:
    return str(response.content.decode())


def sent(*payloads: bytes, topic: str = TOPIC) -> None:
    accept([Arrival(topic, payload, clock.now()) for payload in payloads])


def waiting() -> list[int]:
    return list(QuarantinedMessage.objects.filter(replayed_at=None).order_by("pk").values_list("pk", flat=True))


def test_the_page_says_why_messages_wait_and_what_to_do(viewer: User, seattle01: Device) -> None:
    sent(b'{"face": 17}', b"{")
    page = shown(client_of(viewer).get(PAGE))
    assert "A value is out of its range. " in page
    assert MENDS[Reason.BAD_VALUE] in page
    assert escape('{"face": 17}') in page
    assert "Replay the selected" not in page


def test_every_reason_has_something_to_do() -> None:
    assert set(MENDS) == set(Reason)


def test_a_payload_is_shown_as_text_a_piece_at_a_time(
    viewer: User, seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine_page, "PIECE_BYTES", 100)
    sent(b'{"face": <script>' + b"a" * 200 + b"\xff\x00end")
    (pk,) = waiting()
    client = client_of(viewer)
    first = shown(client.get(f"{PAGE}{pk}/"))
    assert "&lt;script&gt;" in first
    assert "\\xff" not in first
    assert "bytes 0 to 100" in first
    last = shown(client.get(f"{PAGE}{pk}/?from=200"))
    assert "\\xff\\x00end" in last
    assert "Next bytes" not in last
    assert client.get(f"{PAGE}{pk}/?from=999999").status_code == 404


def test_what_was_mended_is_replayed(operator: User, seattle01: Device) -> None:
    # As a former version left it, which could not read it.
    QuarantinedMessage.objects.create(
        key=1,
        topic=TOPIC,
        payload=b'{"face": 0.5}',
        size=13,
        reason=Reason.BAD_VALUE,
        device=seattle01,
        received_at=clock.now(),
    )
    page = shown(client_of(operator).post(PAGE, {"replay": "", "message": waiting()}, follow=True))
    assert "1 messages were taken in, 0 stay in quarantine." in page
    assert Frame.objects.count() == 1


def test_a_discard_asks_first_and_is_recorded(operator: User, seattle01: Device) -> None:
    sent(b'{"face": 17}', b'{"face": 18}', b"{")
    chosen = {"discard": "", "message": waiting()[:2]}
    client = client_of(operator)
    assert "Discard 2 messages?" in shown(client.post(PAGE, chosen))
    assert len(waiting()) == 3
    client.post(PAGE, {**chosen, "confirmed": "yes"})
    assert len(waiting()) == 1
    entry = AuditEntry.objects.get(subject="quarantined messages")
    assert (entry.by, entry.label) == (operator, "2 in all")


def test_all_of_a_kind_are_discarded_and_no_other(operator: User, seattle01: Device, chicago01: Device) -> None:
    sent(b'{"face": 17}', b'{"face": 18}', b"{")
    sent(b'{"face": 17}', topic=f"$aws/things/{places.CHICAGO01}/infer")
    kind = {"device": "Seattle01", "reason": Reason.BAD_VALUE}
    client_of(operator).post(PAGE, {"discard": "", "all": "yes", "confirmed": "yes", **kind})
    left = QuarantinedMessage.objects.values_list("device__name", "reason").order_by("pk")
    assert list(left) == [("Seattle01", "unreadable"), ("Chicago01", "bad-value")]


def test_messages_of_another_site_are_neither_shown_nor_changed(
    operator: User, seattle01: Device, chicago01: Device
) -> None:
    sent(b'{"face": 17, "secret": 1}', topic=f"$aws/things/{places.CHICAGO01}/infer")
    client, (pk,) = client_of(operator), waiting()
    assert "secret" not in shown(client.get(PAGE))
    assert client.get(f"{PAGE}{pk}/").status_code == 404
    client.post(PAGE, {"discard": "", "confirmed": "yes", "message": pk})
    assert waiting() == [pk]


def test_an_administrator_adopts_an_unknown_thing_with_all_that_it_has_sent(superuser: User, seattle: Site) -> None:
    sent(b'{"face": 0.5}', b'{"face": 0.6}')
    sent(b'{"face": 0.5}', topic="$aws/things/another-thing/infer")
    client = client_of(superuser)
    assert "2 messages, the latest" in shown(client.get(PAGE))
    page = shown(client.post(f"{PAGE}adopt/", {"thing": places.SEATTLE01, "name": "Lobby"}, follow=True))
    assert "2 messages were taken in, 0 stay in quarantine." in page
    assert Device.objects.get().name == "Lobby"
    assert [thing.name for thing in quarantine.unknown_things()] == ["another-thing"]


def test_unknown_things_are_no_business_of_owners(owner: User, seattle: Site) -> None:
    sent(b'{"face": 0.5}')
    assert places.SEATTLE01 not in shown(client_of(owner).get(PAGE))
    assert client_of(owner).post(f"{PAGE}adopt/", {"thing": places.SEATTLE01, "name": "Lobby"}).status_code == 403
    assert not Device.objects.exists()


def test_a_page_is_short_and_takes_the_same_queries_for_many(
    operator: User,
    seattle01: Device,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(quarantine_page, "ROWS", 3)
    sent(*(b'{"face": %d' % number + b" " * 5_000 for number in range(10, 17)))
    client = client_of(operator)
    first = client.get(PAGE)
    assert len(first.content) < 12_000
    with django_assert_num_queries(7):
        client.get(PAGE, {"before": first.context["older"]})
