"""One function for each kind of channel: it sends a message, or says in a sentence why it could not."""

import datetime as dt
import hashlib
import hmac
import json
from dataclasses import dataclass

from django.conf import settings

from notifications.models import ChannelKind
from notifications.rules.words import shorten
from notifications.sending import addresses, mails, services_known
from notifications.sending.addresses import Refused
from notifications.sending.secret_texts import Secrets

NTFY_MOST = 4000
"""Characters of a message that ntfy takes as text, by its documentation 4,096 bytes."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `id` is the same at every attempt."""

    id: str
    kind: str
    site: str
    subject: str
    text: str
    happened_at: dt.datetime


def send(kind: str, secrets: Secrets, message: Message) -> None:
    """Send the message. Raises `Failed` if it may be tried again, and `Refused` if not.

    With the setting `NOTIFY_CATCH`, nothing leaves the machine: the page of the inbox shows what was told.
    """
    if settings.NOTIFY_CATCH:
        return
    match kind:
        case ChannelKind.INBOX:
            return
        case ChannelKind.EMAIL:
            recipients = [each.strip() for each in secrets["address"].split(",") if each.strip()]
            mails.send_text(message.id, recipients, message.subject, message.text)
        case ChannelKind.WEBHOOK:
            _post_signed(secrets["address"], secrets["key"], message)
        case ChannelKind.NTFY:
            headers = {"Title": message.subject.encode("ascii", "replace").decode(), "X-Id": message.id}
            addresses.post(secrets["address"], shorten(message.text, NTFY_MOST).encode(), headers)
        case ChannelKind.SERVICE:
            services_known.send(secrets["address"], message.subject, message.text)
        case _:
            raise Refused(f"This version of Headcount knows no channel “{kind}”.")


def _post_signed(address: str, key: str, message: Message) -> None:
    now = dt.datetime.now(dt.UTC)
    body = json.dumps(
        {
            "id": message.id,
            "kind": message.kind,
            "site": message.site,
            "subject": message.subject,
            "text": message.text,
            "happened_at": message.happened_at.isoformat(),
        }
    ).encode()
    stamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "Headcount-Id": message.id,
        "Headcount-Timestamp": stamp,
        "Headcount-Signature": signature(key, stamp, body),
    }
    addresses.post(address, body, headers)


def signature(key: str, stamp: str, body: bytes) -> str:
    """Return `sha256=` and the HMAC of the timestamp, a dot and the body, in hexadecimal digits."""
    return "sha256=" + hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
