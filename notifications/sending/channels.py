"""One function for each kind of channel: it sends a message, or says in a sentence why it could not."""

import datetime as dt
import hashlib
import hmac
import json
from dataclasses import dataclass

from django.conf import settings

from notifications.models import ChannelKind
from notifications.rules.words import with_end
from notifications.sending import addresses, brokers, mails, posts, services_known, topics
from notifications.sending.addresses import Refused
from notifications.sending.secret_texts import Secrets

NTFY_MOST = 4000
"""Characters of a message that ntfy takes as text, by its documentation 4,096 bytes."""

MOST_MAIL = 100_000
"""Characters of a mail: more than any group of notices has."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `id` is the same at every attempt."""

    id: str
    kind: str
    site: str
    subject: str
    text: str
    happened_at: dt.datetime
    acknowledge: str = ""
    """The link by which a receiver acknowledges; empty where nobody waits for that."""
    picture_url: str = ""
    """A link to the picture; empty without one."""
    picture: bytes | None = None
    """The picture as JPEG."""

    def told(self, most: int) -> str:
        """Return the text with the link by which it is acknowledged, in at most so many characters."""
        return with_end(self.text, f"Acknowledge: {self.acknowledge}" if self.acknowledge else "", most)


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
            mails.send_text(message.id, recipients, message.subject, message.told(MOST_MAIL), message.picture)
        case ChannelKind.WEBHOOK:
            _post_signed(secrets["address"], secrets["key"], message)
        case ChannelKind.NTFY:
            headers = {"Title": message.subject.encode("ascii", "replace").decode(), "X-Id": message.id}
            picture = {"Attach": message.picture_url} if message.picture_url else {}
            addresses.post(secrets["address"], message.told(NTFY_MOST).encode(), headers | picture)
        case ChannelKind.MQTT:
            brokers.publish(secrets["address"], _fields(message))
        case ChannelKind.SNS:
            topics.publish(
                secrets["address"],
                message_id=message.id,
                kind=message.kind,
                site=message.site,
                subject=message.subject,
                text=message.told(topics.MOST_TEXT),
            )
        case ChannelKind.MASTODON:
            # A post is public, and so has no link by which anybody could acknowledge it.
            posts.toot(secrets["address"], message.id, message.text, message.picture)
        case ChannelKind.TEAMS:
            text = message.told(posts.MOST_TEAMS)
            posts.post_card(secrets["address"], message.subject, text, message.picture_url)
        case ChannelKind.SERVICE:
            address = secrets["address"]
            end = "" if services_known.is_public(address) else message.acknowledge
            services_known.send(address, message.subject, message.text, end, message.picture)
        case _:
            raise Refused(f"This version of Headcount knows no channel “{kind}”.")


def _fields(message: Message) -> dict[str, str]:
    """Return what webhooks and MQTT tell."""
    links = {"acknowledge": message.acknowledge, "picture": message.picture_url}
    return {
        "id": message.id,
        "kind": message.kind,
        "site": message.site,
        "subject": message.subject,
        "text": message.text,
        "happened_at": message.happened_at.isoformat(),
        **{name: link for name, link in links.items() if link},
    }


def _post_signed(address: str, key: str, message: Message) -> None:
    now = dt.datetime.now(dt.UTC)
    body = json.dumps(_fields(message)).encode()
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
