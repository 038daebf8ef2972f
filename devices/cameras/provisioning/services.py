"""Creates or changes a site, a camera or a membership, by right of the user who asks.

Each function can be called again with the same values and then changes nothing. Without a user (`by=None`), as for the
command on the server, everything is allowed. Raises `ValidationError`, and `NotAllowed` where the user lacks the right.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from devices import services
from devices.cameras.adding.services import make_claim
from devices.managing import names
from devices.managing.members import services as members
from devices.models import Device, Invitation, Membership, Site
from devices.rules.roles import Right, Role

if TYPE_CHECKING:
    from devices.models import User

__all__ = ["NotAllowed", "Outcome", "provision_device", "provision_member", "provision_site"]


class NotAllowed(Exception):
    """The user may not do this. The message says who may."""


@dataclass(frozen=True)
class Outcome:
    """What was done about one entry."""

    did: str
    """“created”, “changed” or “unchanged”."""
    row: Any
    secret: str = ""
    """A claim code, or the token of an invitation; shown this once."""


@transaction.atomic
def provision_site(
    *,
    slug: str,
    name: str,
    timezone: str,
    latitude: float | None = None,
    longitude: float | None = None,
    by: "User | None",
) -> Outcome:
    """Create the site of this slug, or change it. Only administrators create sites, and owners change their own.

    Without `by` everything is allowed, as for a command. Raises `NotAllowed`, and `ValidationError` for a wrong value.
    """
    site = Site.objects.filter(slug=slug).first()
    if by is not None and not by.is_superuser and (site is None or not site.allows(by, Right.MANAGE)):
        raise NotAllowed("Only an administrator of this installation adds sites, and only an owner changes a site.")
    values = {"name": name, "timezone": timezone, "latitude": latitude, "longitude": longitude}
    if site is not None and all(getattr(site, key) == value for key, value in values.items()):
        return Outcome("unchanged", site)
    written = services.register_site(slug=slug, **values)  # type: ignore[arg-type]
    return Outcome("created" if site is None else "changed", written)


@transaction.atomic
def provision_device(
    *,
    site: Site,
    name: str,
    thing_name: str = "",
    source: str | None = None,
    now: dt.datetime,
    by: "User | None",
) -> Outcome:
    """Register a camera at the site under what people call it. Without `thing_name` it is made, with a claim code.

    A spot of this name that has a camera is left as it is. Raises `ValidationError` if another thing name is given for
    it, and `NotAllowed` if `by` is neither an operator nor an owner of the site.
    """
    if by is not None and not site.allows(by, Right.OPERATE):
        raise NotAllowed(f"Only an operator or owner of {site} adds cameras there.")
    spot = names.slug_of(name)
    there = Device.objects.open().filter(site=site, name=spot).select_related("site", "thing").first()
    if there is not None:
        if thing_name and there.thing_name != thing_name:
            raise ValidationError(
                f"{site.slug}/{spot} has the camera {there.thing_name}; to replace it, run"
                f" `manage.py place replace {site.slug}/{spot} {thing_name}`."
            )
        return Outcome("unchanged", there)
    device = services.register_device(site=site, name=spot, thing_name=thing_name or names.new_thing_name(spot), by=by)
    code = "" if thing_name and source is None else make_claim(device=device, source=source or "0", now=now)
    return Outcome("created", device, code)


@transaction.atomic
def provision_member(*, site: Site, user: str, role: str, now: dt.datetime, by: "User | None") -> Outcome:
    """Give the user of this name or e-mail address the role, or invite the address.

    Raises `ValidationError` for an unknown role or user, and `NotAllowed` if the role has more rights than the role of
    `by`.
    """
    if role not in Role:
        raise ValidationError(f"There is no role “{role}”. The roles are {', '.join(Role)}.")
    if by is not None and Role(role) not in members.roles_to_give(site=site, by=by):
        raise NotAllowed(f"Only an owner of {site} may change its members.")
    account = _account(user)
    if account is None:
        return _invite(site, user, role, now, by)
    membership = Membership.objects.filter(site=site, user=account).select_related("user", "site").first()
    if membership is None:
        return Outcome("created", services.add_member(site=site, user=account, role=Role(role)))
    if membership.role == role:
        return Outcome("unchanged", membership)
    members.change_role(membership=membership, role=role, by=by or _anybody())
    return Outcome("changed", membership)


def _invite(site: Site, email: str, role: str, now: dt.datetime, by: "User | None") -> Outcome:
    if "@" not in email:
        raise ValidationError(f"There is no user “{email}”. Give an e-mail address to invite somebody.")
    former = Invitation.objects.filter(site=site, email__iexact=email, role=role, expires_at__gt=now).first()
    if former is not None:
        return Outcome("unchanged", former)
    invitation, token = members.invite(site=site, role=role, email=email, by=by or _anybody(), now=now)
    return Outcome("created", invitation, token)


def _account(name: str) -> "User | None":
    """Return the active user of this name or e-mail address. Raises `ValidationError` if several have the address."""
    users = list(get_user_model().objects.filter(Q(username=name) | Q(email__iexact=name), is_active=True)[:2])
    if len(users) > 1:
        raise ValidationError(f"Several users have the address {name}; give a user name.")
    return users[0] if users else None


def _anybody() -> "User":
    """Return an administrator in whose name the command on the server acts. Raises `ValidationError`."""
    administrator = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if administrator is None:
        raise ValidationError("Create an administrator first: manage.py createsuperuser")
    return administrator
