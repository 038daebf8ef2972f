"""A notice is sent until the other side has taken it, each time with the same id; one channel delays no other."""

import datetime as dt
import hashlib
import hmac
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from django.core.exceptions import ValidationError

from devices.models import Device, Site
from notifications.models import Channel, ChannelKind, Notice, Rule, State
from notifications.rules import services as rules
from notifications.rules.matching import match_new
from notifications.rules.words import shorten
from notifications.sending import addresses, due_notices, services
from notifications.sending.due_notices import GROUPED_FROM, LISTED, MOST_OF_A_SITE
from notifications.sending.retrying import LEASE, MOST_ATTEMPTS
from notifications.sending.sender import Sender
from tests import clock
from tests.faces.backups.test_backups import here
from tests.house.files import ROOT
from tests.notifications.conftest import MakeRule, Receiver
from tests.notifications.test_rules import happen
from tests.programs.brokers import free_port
from tests.programs.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.django_db


def match() -> None:
    match_new(now=clock.now(), chance=random.Random(1))


def send_all() -> None:
    """Send what is due, and wait until it is recorded."""
    one = Sender(clock=clock.now)
    one.step()
    one.finish()


def hook(site: Site, receiver: Receiver, name: str = "Hook") -> tuple[Channel, str]:
    return services.add_channel(site=site, kind=ChannelKind.WEBHOOK, name=name, address=receiver.url)


def test_a_webhook_is_signed_and_says_what_happened(seattle01: Device, make_rule: MakeRule, receiver: Receiver) -> None:
    channel, key = hook(seattle01.site, receiver)
    make_rule(channels=[channel], texts=["Thanks, {device}!"])
    happen(seattle01)
    match()
    send_all()
    [(headers, body)] = receiver.received
    expected = hmac.new(key.encode(), f"{headers['Headcount-Timestamp']}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["Headcount-Signature"] == f"sha256={expected}"
    told = json.loads(body)
    assert (told["kind"], told["site"], told["text"]) == ("label", "seattle", "Thanks, Seattle01!")
    notice = Notice.objects.get()
    assert (headers["Headcount-Id"], told["id"], notice.state) == (str(notice.pk), str(notice.pk), State.SENT)
    assert key not in Channel.objects.get(pk=channel.pk).secrets


def test_what_is_not_taken_is_tried_again_later_with_the_same_id(
    seattle01: Device, make_rule: MakeRule, receiver: Receiver, set_clock: clock.SetClock
) -> None:
    make_rule(channels=[hook(seattle01.site, receiver)[0]])
    happen(seattle01)
    match()
    receiver.statuses = [503, 500]
    set_clock(clock.now())  # It would run on while the notice is sent.
    waits = []
    for _ in range(3):
        before = clock.now()
        send_all()
        notice = Notice.objects.get()
        if notice.next_try_at:
            waits.append((notice.next_try_at - before).total_seconds())
            assert "answered 5" in notice.problem
            set_clock(notice.next_try_at)
    assert waits == [5, 10]
    assert receiver.ids == [str(Notice.objects.get().pk)]


def test_what_is_refused_is_a_dead_letter_that_can_be_sent_again(
    seattle01: Device, make_rule: MakeRule, receiver: Receiver
) -> None:
    make_rule(channels=[hook(seattle01.site, receiver)[0]])
    happen(seattle01)
    match()
    receiver.statuses = [404]
    send_all()
    notice = Notice.objects.get()
    assert (notice.state, notice.problem) == (State.DEAD, "127.0.0.1 answered 404: said")
    services.send_again(notice=notice, now=clock.now())
    send_all()
    assert receiver.ids == [str(notice.pk)]


def test_nothing_is_tried_for_ever(seattle01: Device, make_rule: MakeRule, receiver: Receiver) -> None:
    make_rule(channels=[hook(seattle01.site, receiver)[0]])
    happen(seattle01)
    match()
    receiver.statuses = [500]
    Notice.objects.update(attempts=MOST_ATTEMPTS - 1)
    send_all()
    assert Notice.objects.get().state == State.DEAD


def test_a_flood_is_one_message(seattle01: Device, make_rule: MakeRule, receiver: Receiver) -> None:
    make_rule(channels=[hook(seattle01.site, receiver)[0]], texts=["{label} of {device}"])
    for number in range(GROUPED_FROM + 20):
        happen(seattle01, after_s=-number)
    match()
    send_all()
    [told] = [json.loads(body) for _, body in receiver.received]
    assert told["subject"] == f"Seattle: {GROUPED_FROM + 20} notices"
    assert len(told["text"].splitlines()) == LISTED + 1
    assert told["text"].endswith("and 3 more.")
    assert set(Notice.objects.values_list("state", flat=True)) == {State.SENT}


def test_what_was_tried_together_comes_again_with_the_same_id_and_nothing_new(
    seattle01: Device, make_rule: MakeRule, receiver: Receiver, set_clock: clock.SetClock
) -> None:
    make_rule(channels=[hook(seattle01.site, receiver)[0]], texts=["{label} of {device}"])
    for number in range(GROUPED_FROM):
        happen(seattle01, after_s=-number)
    match()
    taken = due_notices.take(now=clock.now())  # and the process is killed while it sends
    happen(seattle01, after_s=-60)
    match()
    set_clock(clock.now() + LEASE)
    for _ in range(2):
        send_all()
    bodies = {told["id"]: told["text"].splitlines() for told in (json.loads(body) for _, body in receiver.received)}
    assert len(bodies[taken[0].message.id]) == GROUPED_FROM
    assert sorted(map(len, bodies.values())) == [1, GROUPED_FROM]


def test_a_slow_channel_delays_no_other(
    seattle01: Device, make_rule: MakeRule, receiver: Receiver, inbox: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("READ_S", "TOTAL_S"):
        monkeypatch.setattr(addresses, limit, 2 * PATIENCE_S)
    receiver.delay = threading.Event()
    slow = hook(seattle01.site, receiver)[0]
    make_rule(channels=[slow, inbox])
    happen(seattle01)
    match()
    one = Sender(clock=clock.now)
    one.step()

    def has_sent() -> bool:
        one.step()
        return Notice.objects.filter(channel=inbox, state=State.SENT).exists()

    assert eventually(has_sent)
    assert Notice.objects.get(channel=slow).state == State.WAITING
    receiver.delay.set()
    one.finish()
    assert Notice.objects.get(channel=slow).state == State.SENT


def test_mail_goes_through_a_real_server(seattle01: Device, make_rule: MakeRule, settings: Any) -> None:
    class Kept(MessageHandler):
        def handle_message(self, message: Any) -> None:
            mails.append(message)

    mails: list[Any] = []
    server = Controller(Kept(), hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        settings.EMAIL_BACKEND, settings.SENDS_EMAIL = "django.core.mail.backends.smtp.EmailBackend", True
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        channel, _ = services.add_channel(
            site=seattle01.site, kind=ChannelKind.EMAIL, name="Team", address="one@example.com, two@example.com"
        )
        make_rule(channels=[channel], texts=["Thanks, {device}!"])
        happen(seattle01)
        match()
        send_all()
    finally:
        server.stop()
    [mail] = mails
    assert mail["Message-ID"] == f"<{Notice.objects.get().pk}@headcount>"
    assert mail["To"] == "one@example.com, two@example.com"
    assert mail["Subject"] == "Seattle: Thanks, Seattle01!"
    assert mail.get_payload(decode=True).decode().strip() == "Thanks, Seattle01!"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "0x7f.1", "[::ffff:10.0.0.1]"]
)
def test_no_webhook_reaches_the_machines_own_network(host: str, seattle: Site) -> None:
    with pytest.raises(ValidationError, match="is in a private network"):
        services.add_channel(site=seattle, kind=ChannelKind.WEBHOOK, name="Hook", address=f"http://{host}/hook")


def test_a_name_that_changes_its_address_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [[(0, 0, 0, "", ("93.184.216.34", 80))], [(0, 0, 0, "", ("127.0.0.1", 80))]]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answers.pop(0))
    assert addresses.check_url("http://rebinding.example/hook") == "rebinding.example"
    with pytest.raises(addresses.Refused, match="private network"):
        addresses.post("http://rebinding.example/hook", b"{}", {})


@pytest.mark.parametrize("address", ["json://127.0.0.1/", "file:///etc/passwd", "slack://", "mailto://a:b@example.com"])
def test_apprise_gets_the_services_on_the_list_only(address: str, seattle: Site) -> None:
    with pytest.raises(ValidationError, match="begins with slack://"):
        services.add_channel(site=seattle, kind=ChannelKind.SERVICE, name="Chat", address=address)


def test_a_long_text_is_cut_at_a_word() -> None:
    assert shorten("one two three", 9) == "one two…"
    assert len(shorten("x" * 10_000, 280)) == 280
    assert shorten("short", 280) == "short"


KILLS = 4


@pytest.mark.real_clock
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(280)
def test_kills_lose_nothing_and_double_at_most_one_notice_each(
    seattle01: Device, make_rule: MakeRule, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = hook(seattle01.site, receiver)[0]
    make_rule(channels=[channel], cool_down_s=0)
    environment = os.environ | here() | {"NOTIFY_PRIVATE_ADDRESSES": "true"}
    total = 0
    for kill in range(KILLS + 1):
        # As if the lease of what a killed process was sending had ended.
        Notice.objects.filter(state=State.WAITING).update(next_try_at=clock.now())
        for _ in range(2):
            total += 1
            happen(seattle01, after_s=total / 1000)
        process = subprocess.Popen([sys.executable, "manage.py", "notify"], cwd=ROOT, env=environment)
        try:
            before = len(receiver.received)
            assert eventually(lambda: len(receiver.received) > before or kill == KILLS)  # noqa: B023
            if kill == KILLS:
                sent = Notice.objects.filter(state=State.SENT)
                assert eventually(lambda: sent.count() == total, within=200)  # noqa: B023
        finally:
            process.send_signal(signal.SIGKILL if kill < KILLS else signal.SIGTERM)
            process.wait(PATIENCE_S)
    assert Notice.objects.filter(state=State.SENT).count() == total
    assert len(receiver.ids) - len(set(receiver.ids)) <= KILLS


def test_a_side_that_sends_a_byte_now_and_then_ends_with_a_sentence(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTIFY_PRIVATE_ADDRESSES = True
    monkeypatch.setattr(addresses, "TOTAL_S", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                while not has_ended.is_set():
                    connection.sendall(b"x")
                    time.sleep(0.02)

        has_ended = threading.Event()
        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(addresses.Failed, match=r"cannot be reached: it did not answer within 0\.4 s"):
            addresses.post(f"http://127.0.0.1:{server.getsockname()[1]}/hook", b"{}", {})
        has_ended.set()
        thread.join()


def test_slow_channels_of_a_site_leave_places_for_other_sites(
    seattle01: Device, chicago01: Device, make_rule: MakeRule, inbox: Channel
) -> None:
    many = [
        services.add_channel(site=seattle01.site, kind=ChannelKind.INBOX, name=f"{number}", address="")[0]
        for number in range(MOST_OF_A_SITE + 2)
    ]
    make_rule(channels=many)
    other, _ = services.add_channel(site=chicago01.site, kind=ChannelKind.INBOX, name="Inbox", address="")
    rules.save_rule(rule=Rule(site=chicago01.site, kind="label"), channels=[other])
    happen(seattle01)
    happen(chicago01)
    match()
    first = due_notices.take(now=clock.now())
    sites = [parcel.channel.site_id for parcel in first]
    assert sorted(sites) == sorted([seattle01.site_id] * MOST_OF_A_SITE + [chicago01.site_id])
    busy = [parcel.place for parcel in first if parcel.channel != other]
    assert due_notices.take(now=clock.now(), busy=busy) == []
    assert len(due_notices.take(now=clock.now(), busy=busy[1:])) == 1


def test_a_lease_is_longer_than_any_attempt() -> None:
    # A picture and a post are two requests, each with its look-up of a name and its connection.
    assert dt.timedelta(seconds=2 * (addresses.CONNECT_S + addresses.TOTAL_S)) < LEASE
