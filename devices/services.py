"""Every deliberate write about sites and devices."""

import hashlib
import secrets
from typing import TYPE_CHECKING

from django.db import transaction

from devices.models import Device, DeviceState, Membership, Role, Site

if TYPE_CHECKING:
    from devices.models import User


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


def issue_device_token(*, device: Device) -> str:
    """A new token for the device, which ends the one before. Only its digest is stored: this is the time to note it."""
    token = secrets.token_urlsafe(32)
    device.token_digest = token_digest(token)
    device.save(update_fields=["token_digest"])
    return token


def token_digest(token: str) -> str:
    # A plain hash is enough: the token is 256 random bits, not a password.
    return hashlib.sha256(token.encode()).hexdigest()
