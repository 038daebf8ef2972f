"""All functions that change channels and what was sent through them."""

import datetime as dt
import secrets
import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from devices.models import Site
from notifications.models import Channel, ChannelKind, Notice, State
from notifications.rules import words
from notifications.sending import addresses, brokers, channels, posts, secret_texts, services_known, topics
from notifications.sending.addresses import Failed, Refused

MOST_CHANNELS = 50
"""Channels of one site."""


@transaction.atomic
def add_channel(*, site: Site, kind: str, name: str, address: str) -> tuple[Channel, str]:
    """Add a channel. Return it, and the key with which its webhook is signed; "" for other kinds.

    Raises `ValidationError` with a sentence, for example for an address that no such channel has.
    """
    if Channel.objects.filter(site=site).count() >= MOST_CHANNELS:
        raise ValidationError(f"A site has at most {MOST_CHANNELS} channels.")
    if kind not in ChannelKind.values:
        raise ValidationError({"kind": "Choose one of the kinds."})
    key = secrets.token_urlsafe(32) if kind == ChannelKind.WEBHOOK else ""
    address = brokers.complete(address.strip(), site.slug) if kind == ChannelKind.MQTT else address.strip()
    channel = Channel(site=site, kind=kind, name=name.strip(), shown=_check_address(kind, address))
    channel.secrets = secret_texts.encrypt({"address": address, "key": key})
    channel.full_clean()
    channel.save()
    return channel, key


def _check_address(kind: str, address: str) -> str:
    """Return what may be shown of the address. Raises `ValidationError`."""
    match kind:
        case ChannelKind.INBOX:
            return ""
        case ChannelKind.EMAIL:
            for each in filter(None, (part.strip() for part in address.split(","))):
                validate_email(each)
            if not address:
                raise ValidationError({"address": "Give at least one e-mail address."})
            return words.shorten(address, 120)
        case ChannelKind.MQTT:
            return brokers.shown(address)
        case ChannelKind.SNS:
            return topics.check_topic(address)
        case ChannelKind.MASTODON:
            return posts.check_mastodon(address)
        case ChannelKind.WEBHOOK | ChannelKind.NTFY | ChannelKind.TEAMS:
            return addresses.check_url(address)
        case _:
            return services_known.check_url(address)


def remove_channel(*, channel: Channel) -> None:
    """Delete the channel with its notices."""
    channel.delete()


def send_test(*, channel: Channel, now: dt.datetime) -> str:
    """Send a test through the channel now, and return what became of it, in a sentence."""
    message = channels.Message(
        id=str(uuid.uuid4()),
        kind="test",
        site=channel.site.slug,
        subject=f"{channel.site.name}: a test",
        text=f"This is a test of the channel “{channel.name}” of {channel.site.name}.",
        happened_at=now,
    )
    try:
        channels.send(channel.kind, secret_texts.decrypt(channel.secrets) if channel.secrets else {}, message)
    except (Failed, Refused, secret_texts.Unreadable) as error:
        Channel.objects.filter(pk=channel.pk).update(problem=str(error))
        return f"The test was not taken. {error}"
    Channel.objects.filter(pk=channel.pk).update(problem="", last_sent_at=now)
    if settings.NOTIFY_CATCH:
        return "The test was kept here: this installation sends nothing (NOTIFY_CATCH)."
    return "The test was taken by the other side."


def send_again(*, notice: Notice, now: dt.datetime) -> None:
    """Have a notice sent that could not be sent. It keeps its id."""
    Notice.objects.filter(pk=notice.pk, state=State.DEAD).update(
        state=State.WAITING, attempts=0, next_try_at=now, problem=""
    )
