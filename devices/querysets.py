"""Querysets that return only the rows which a user has a right to."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models

from devices.roles import Right, roles_with

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
    def by_thing(self, things: Collection[str] | None = None) -> "dict[str, Device]":
        """Read the devices with these thing names, or all of them, and return them by thing name."""
        devices = self if things is None else self.filter(thing_name__in=things)
        return {device.thing_name: device for device in devices}


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
