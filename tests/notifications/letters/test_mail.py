"""A letter goes out as one mail with text, HTML, pictures and PDF, and its links need no account."""

import email
import email.policy
import io
import re
import zlib
from email.message import EmailMessage
from http import HTTPStatus
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.contrib.auth.models import User
from django.test import Client

from devices.rules.roles import Role
from notifications.letters import rendering, services
from notifications.letters.rendering import Links
from notifications.models import Copy, Letter, Reader, State
from notifications.sending import due_letters
from notifications.sending.sender import Sender
from tests import clock
from tests.notifications.letters.conftest import MONDAY
from tests.programs.brokers import free_port
from tests.world import places

pytestmark = pytest.mark.django_db


@pytest.fixture
def copy_to_send(letter: Letter, reader_user: User) -> Copy:
    reader = services.add_reader(site=letter.site, unit="week", address="boss@example.com", by=reader_user)
    return Copy.objects.create(reader=reader, first=MONDAY, created_at=clock.now(), next_try_at=clock.now())


def send_all() -> None:
    one = Sender(clock=clock.now)
    one.step()
    one.finish()


def pages_of(pdf: bytes) -> int:
    """The root of the pages counts them; it lies in a compressed stream."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    opened = b" ".join(zlib.decompressobj().decompress(each) for each in streams if each[:1] == b"x")
    return int(re.findall(rb"/Count (\d+)", opened)[0])


def path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def test_a_letter_arrives_at_a_real_server_and_its_links_work(
    copy_to_send: Copy, settings: Any, client: Client
) -> None:
    mails: list[EmailMessage] = []

    class Kept:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            return "250 OK"

    server = Controller(Kept(), hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        settings.EMAIL_BACKEND, settings.SENDS_EMAIL = "django.core.mail.backends.smtp.EmailBackend", True
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        send_all()
        send_all()
    finally:
        server.stop()
    copy_to_send.refresh_from_db()
    assert (copy_to_send.state, copy_to_send.problem) == (State.SENT, "")
    [mail] = mails
    assert mail["To"] == "boss@example.com"
    assert mail["Message-ID"] == f"<{copy_to_send.pk}@headcount>"
    assert mail["Subject"].startswith("Chicago, 9 – 15 Nov 2026: ")
    html = mail.get_body(("html",))
    assert html is not None
    names = {part["Content-ID"].strip("<>") for part in mail.walk() if part.get_content_type() == "image/png"}
    assert names == set(re.findall(r"cid:([^\"]+)", html.get_content()))
    assert len(names) == 2
    [pdf] = list(mail.iter_attachments())
    assert pdf.get_content().startswith(b"%PDF-")
    assert pages_of(pdf.get_content()) == 1
    opened = re.findall(r'href="([^"]+/letters/open/[^"?]+)"', html.get_content())[0]
    assert b"9 \xe2\x80\x93 15 Nov 2026" in client.get(path(opened)).content
    unsubscribe = path(mail["List-Unsubscribe"].strip("<>"))
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # Scanners open each link of a mail, and nothing may come of it.
    assert b"End them" in client.get(unsubscribe).content
    assert Reader.objects.exists()
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(unsubscribe, {"List-Unsubscribe": "One-Click"}).status_code == HTTPStatus.OK
    assert not Reader.objects.exists()
    assert client.get(path(opened)).status_code == HTTPStatus.NOT_FOUND
    assert b"have ended already" in client.get(unsubscribe).content


def test_without_a_mail_server_a_letter_is_a_dead_letter_that_says_so(copy_to_send: Copy) -> None:
    send_all()
    copy_to_send.refresh_from_db()
    assert (copy_to_send.state, copy_to_send.problem) == (
        State.DEAD,
        "This installation sends no e-mail: EMAIL_URL is not set.",
    )


def test_a_letter_waits_for_a_mail_server_that_is_away(copy_to_send: Copy, settings: Any) -> None:
    settings.EMAIL_BACKEND, settings.SENDS_EMAIL = "django.core.mail.backends.smtp.EmailBackend", True
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    send_all()
    copy_to_send.refresh_from_db()
    assert (copy_to_send.state, copy_to_send.attempts) == (State.WAITING, 1)
    assert copy_to_send.problem.startswith("The mail server did not take it: ")


def test_an_installation_that_catches_sends_nothing(copy_to_send: Copy, settings: Any) -> None:
    settings.EMAIL_BACKEND, settings.SENDS_EMAIL = "django.core.mail.backends.smtp.EmailBackend", True
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.NOTIFY_CATCH = "127.0.0.1", free_port(), True
    send_all()
    copy_to_send.refresh_from_db()
    assert copy_to_send.state == State.SENT


def test_the_letter_of_all_sites_is_one_mail(letter: Letter, reader_user: User, settings: Any) -> None:
    reader = services.add_reader(site=None, unit="week", address=reader_user.email, user=reader_user, by=reader_user)
    copy = Copy.objects.create(reader=reader, first=MONDAY, created_at=clock.now(), next_try_at=clock.now())
    [parcel] = due_letters.take(now=clock.now())
    rendered = due_letters.render(parcel.reader, parcel.contents, Links())
    assert f"{settings.PAGES_URL}/sites/chicago/letters/{letter.pk}/" in rendered.html
    assert parcel.copy == copy


def test_members_alone_get_the_pdf(letter: Letter, reader_user: User, client: Client) -> None:
    client.force_login(reader_user)
    for address in (f"/api/v1/letters/{letter.pk}/pdf/", f"/sites/chicago/letters/{letter.pk}/?as=pdf"):
        assert client.get(address).content.startswith(b"%PDF-")
    client.force_login(places.user("outsider", {places.seattle(): Role.OWNER}))
    for address in (f"/api/v1/letters/{letter.pk}/pdf/", f"/sites/chicago/letters/{letter.pk}/?as=pdf"):
        assert client.get(address).status_code == HTTPStatus.NOT_FOUND


def test_the_pdf_loads_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("It was opened.")

    rendering.pdf("<p>The library is loaded.</p>")
    monkeypatch.setattr(io, "open", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    assert rendering.pdf('<img src="file:///etc/hostname"><img src="http://127.0.0.1/x.png">').startswith(b"%PDF-")
