"""The writes that people make about sites, devices, members and tokens."""

import datetime as dt
import hashlib
import logging
import secrets
from typing import TYPE_CHECKING

import msgspec
from django.db import transaction

from devices.models import ApiToken, Device, DeviceState, Membership, Site
from devices.roles import Role
from edge_agent.messages import DesiredSettings

if TYPE_CHECKING:
    from devices.models import User

log = logging.getLogger(__name__)


@transaction.atomic
def register_site(
    *, name: str, slug: str, timezone: str, latitude: float | None = None, longitude: float | None = None
) -> Site:
    """Create or update the site with this slug, and return it. Raises `ValidationError` if a value is wrong."""
    slug = Site._meta.get_field("slug").clean(slug, None)  # before a database is asked for it
    site = Site.objects.filter(slug=slug).first() or Site(slug=slug)
    site.name, site.timezone, site.latitude, site.longitude = name, timezone, latitude, longitude
    site.full_clean()
    site.save()
    return site


@transaction.atomic
def register_device(*, site: Site, name: str, thing_name: str) -> Device:
    """Create the device with this thing name, or move it to this site and name. Raises `ValidationError`."""
    thing_name = Device._meta.get_field("thing_name").clean(thing_name, None)  # before a database is asked for it
    device = Device.objects.filter(thing_name=thing_name).first() or Device(thing_name=thing_name)
    device.site, device.name = site, name
    device.full_clean()
    device.save()
    DeviceState.objects.get_or_create(device=device)
    return device


def add_member(*, site: Site, user: "User", role: Role) -> Membership:
    """Give the user this role at the site, in place of the user's former role there."""
    membership, _ = Membership.objects.update_or_create(site=site, user=user, defaults={"role": role})
    return membership


def configure_device(*, device: Device, settings: DesiredSettings, now: dt.datetime) -> None:
    """Store the desired settings, which `mqtt/settings.py` sends. The device keeps its own value where one is None."""
    device.desired_config = msgspec.to_builtins(settings)
    device.config_unsent_since = now
    device.save(update_fields=["desired_config", "config_unsent_since"])


def issue_device_token(*, device: Device) -> str:
    """Replace the device's token by a new one, and return its text, of which only a digest is stored."""
    token = secrets.token_urlsafe(32)
    device.token_digest = token_digest(token)
    device.save(update_fields=["token_digest"])
    return token


def issue_api_token(
    *, user: "User", name: str, only_reads: bool = False, expires_at: dt.datetime | None = None
) -> tuple[ApiToken, str]:
    """Create a token with which a program acts as this user. Return it with its text, of which only a digest is stored.

    Raises `ValidationError` if the name is missing or too long.
    """
    text = secrets.token_urlsafe(32)
    digest = token_digest(text)
    token = ApiToken(user=user, name=name, only_reads=only_reads, expires_at=expires_at, token_digest=digest)
    token.full_clean()
    token.save()
    return token, text


def revoke_api_token(*, token: ApiToken) -> None:
    """Delete the token, which is refused from now on."""
    token.delete()


def revoke_api_tokens(*, user: "User") -> int:
    """Delete all tokens of the user, as after a stolen password. Return their number."""
    count, _ = ApiToken.objects.filter(user=user).delete()
    return count


USE_STORED_EVERY = dt.timedelta(hours=1)
"""Often enough to tell a forgotten token from one in use, without a write for each request."""


def record_use(*, token: ApiToken, now: dt.datetime) -> None:
    """Store that the token was used, to the hour."""
    if token.used_at is None or now - token.used_at >= USE_STORED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(used_at=now)


def token_digest(token: str) -> str:
    """Return the hexadecimal digest under which the token is stored."""
    # A plain hash is enough: the token is 256 random bits, not a password.
    return hashlib.sha256(token.encode()).hexdigest()
