"""Every deliberate write about sites and devices."""

import datetime as dt
import hashlib
import logging
import secrets
from typing import TYPE_CHECKING

import msgspec
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from devices.models import ApiToken, Device, DeviceState, Heartbeat, Membership, QuarantinedMessage, Role, Site
from devices.mqtt import broker
from devices.mqtt.broker import BrokerUnavailable
from devices.querysets import devices_to_be_told
from edge_agent.messages import DesiredSettings, topic_to_device

if TYPE_CHECKING:
    from devices.models import User

log = logging.getLogger(__name__)


@transaction.atomic
def register_site(
    *, name: str, slug: str, timezone: str, latitude: float | None = None, longitude: float | None = None
) -> Site:
    """The site of this slug, made or brought up to date. Raises `ValidationError` where a value is wrong."""
    site = Site.objects.filter(slug=slug).first() or Site(slug=slug)
    site.name, site.timezone, site.latitude, site.longitude = name, timezone, latitude, longitude
    site.full_clean()
    site.save()
    return site


@transaction.atomic
def register_device(*, site: Site, name: str, thing_name: str) -> Device:
    """The device of this thing name, made or moved to this site and name. Raises `ValidationError`."""
    device = Device.objects.filter(thing_name=thing_name).first() or Device(thing_name=thing_name)
    device.site, device.name = site, name
    device.full_clean()
    device.save()
    DeviceState.objects.get_or_create(device=device)
    return device


def add_member(*, site: Site, user: "User", role: Role) -> Membership:
    """Give the user this role at the site, instead of any other the user had there."""
    membership, _ = Membership.objects.update_or_create(site=site, user=user, defaults={"role": role})
    return membership


def configure_device(*, device: Device, settings: DesiredSettings, now: dt.datetime) -> None:
    """Note which settings the device shall have; those that are None are left to it. `send_config` tells it."""
    device.desired_config = msgspec.to_builtins(settings)
    device.config_unsent_since = now
    device.save(update_fields=["desired_config", "config_unsent_since"])


def send_config(*, device: Device) -> None:
    """Tell the device, now or whenever it connects, which settings it shall have. Raises `BrokerUnavailable`."""
    # Never an empty payload, which would tell nothing to a device that is away: it keeps what it was told last.
    payload = msgspec.json.encode(device.desired_config)
    broker.publish(topic_to_device(device.thing_name, "config"), payload, retain=True)
    # Not where they were changed again meanwhile.
    Device.objects.filter(pk=device.pk, config_unsent_since=device.config_unsent_since).update(config_unsent_since=None)
    device.config_unsent_since = None


def send_missing_configs() -> int:
    """Send the settings that the broker has not been told, or has forgotten; answers how many devices were told."""
    sent = 0
    for device in devices_to_be_told():
        try:
            send_config(device=device)
        except BrokerUnavailable as error:
            log.warning("The settings of %s wait: %s", device, error)
            break
        sent += 1
    return sent


def issue_device_token(*, device: Device) -> str:
    """A new token for the device, which ends the one before. Only its digest is stored: this is the time to note it."""
    token = secrets.token_urlsafe(32)
    device.token_digest = token_digest(token)
    device.save(update_fields=["token_digest"])
    return token


def issue_api_token(*, user: "User", name: str) -> tuple[ApiToken, str]:
    """A token with which a program acts as this user, and its text, of which only the digest is stored: note it now.

    Raises `ValidationError` where the name is missing or too long.
    """
    text = secrets.token_urlsafe(32)
    token = ApiToken(user=user, name=name, token_digest=token_digest(text))
    token.full_clean()
    token.save()
    return token, text


def revoke_api_token(*, token: ApiToken) -> None:
    """End the token at once."""
    token.delete()


USE_NOTED_EVERY = dt.timedelta(hours=1)
"""Close enough to tell a forgotten token from one in use, without a write for each request."""


def note_use(*, token: ApiToken, now: dt.datetime) -> None:
    """Note that the token was used, to the hour."""
    if token.used_at is None or now - token.used_at >= USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(used_at=now)


MAX_QUARANTINE_BYTES = 256 * 1024 * 1024
"""Payloads that the quarantine holds at most: some million odd messages, or two thousand of the largest."""


def bound_quarantine(*, most_bytes: int = MAX_QUARANTINE_BYTES) -> int:
    """Keep the quarantine within its bound: what was replayed goes first, then the oldest.

    Answers how many messages went; each is counted for good in the heartbeat "quarantine", and logged as an error.
    """
    messages = QuarantinedMessage.objects.all()
    excess = (messages.aggregate(total=Sum("size"))["total"] or 0) - most_bytes
    if excess <= 0:
        return 0
    going = []
    for pk, size in messages.order_by(F("replayed_at").asc(nulls_last=True), "received_at", "pk").values_list(
        "pk", "size"
    ):
        going.append(pk)
        excess -= size
        if excess <= 0:
            break
    with transaction.atomic():
        lost = messages.filter(pk__in=going, replayed_at=None).count()
        messages.filter(pk__in=going).delete()
        _count_overflow(lost)
    if lost:
        log.error("The quarantine is full: its %d oldest messages are gone for good. Look at its reasons.", lost)
    return len(going)


def _count_overflow(lost: int) -> None:
    overflow, _ = Heartbeat.objects.select_for_update().get_or_create(
        process="quarantine", defaults={"at": timezone.now()}
    )
    overflow.at = timezone.now()
    overflow.numbers = {"overflowed_messages_total": overflow.numbers.get("overflowed_messages_total", 0) + lost}
    overflow.save()


def token_digest(token: str) -> str:
    # A plain hash is enough: the token is 256 random bits, not a password.
    return hashlib.sha256(token.encode()).hexdigest()
