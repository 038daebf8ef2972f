"""Querysets that return only the rows which a user has a right to."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models

from devices.rules.roles import Right, roles_with

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import Device, User


class SiteScopedQuerySet(models.QuerySet[Any]):
    """A queryset of rows that belong to a site.

    `site_path` is the look-up from the model to its site; the model Site itself uses "".
    """

    site_path = "site"

    def for_user(self, user: "User | AnonymousUser | None") -> Self:
        """Return the rows that this user may see."""
        return self.permitted(user, Right.SEE)

    def permitted(self, user: "User | AnonymousUser | None", right: Right) -> Self:
        """Return the rows of the sites at which a role of this user gives this right.

        A superuser has every right everywhere. Nobody, an anonymous user and an inactive user have none.
        """
        if user is None or not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        # The model by its name, because the models import this module.
        memberships = apps.get_model("devices", "Membership").objects.filter(user=user.pk, role__in=roles_with(right))
        prefix = f"{self.site_path}__" if self.site_path else ""
        return self.filter(**{f"{prefix}pk__in": memberships.values("site_id")})


class SiteQuerySet(SiteScopedQuerySet):
    site_path = ""


class DeviceQuerySet(SiteScopedQuerySet):
    def open(self) -> Self:
        """Return the devices that are still at their place."""
        return self.filter(until=None)

    def of_spot(self, device: "Device") -> Self:
        """Return every stretch of the device's spot: all devices that its site has ever had under its name."""
        return self.filter(site_id=device.site_id, name=device.name)

    def spots(self) -> "list[Spot]":
        """Return the devices by spot, in the order of the first device of each."""
        return spots_of(self)


@dataclass(frozen=True, slots=True)
class Spot:
    """A spot, which is a site and a name there, with the devices that it has and had."""

    devices: "Sequence[Device]"
    """The latest one first."""

    @property
    def latest(self) -> "Device":
        """The device that is there, or else the one that was there last."""
        return self.devices[0]


def spots_of(devices: "Iterable[Device]") -> list[Spot]:
    """Return these devices by spot, in the order of the first device of each."""
    found: dict[tuple[int, str], list[Device]] = {}
    for device in devices:
        found.setdefault((device.site_id, device.name), []).append(device)
    return [Spot(sorted(each, key=_left_at, reverse=True)) for each in found.values()]


def _left_at(device: "Device") -> dt.datetime:
    return device.until or dt.datetime.max.replace(tzinfo=dt.UTC)


class DeviceScopedQuerySet(SiteScopedQuerySet):
    """A queryset of rows that belong to a device."""

    site_path = "device__site"


class ApiTokenQuerySet(models.QuerySet[Any]):
    """A queryset of API tokens, which belong to a user and not to a site."""

    def for_user(self, user: "User | AnonymousUser | None") -> Self:
        """Return the user's own tokens; for a superuser, who may have to revoke them, everybody's."""
        if user is None or not user.is_authenticated or not user.is_active:
            return self.none()
        return self if user.is_superuser else self.filter(user_id=user.pk)
