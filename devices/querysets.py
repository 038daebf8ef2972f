"""Reads that are scoped to what a user may see."""

from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models

from devices.roles import Right, roles_with

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import User


class SiteScopedQuerySet(models.QuerySet[Any]):
    """A queryset of things that belong to a site.

    `site_path` is the look-up from the model to its site; the model Site itself uses "".
    """

    site_path = "site"

    def for_user(self, user: "User | AnonymousUser | None") -> Self:
        """What this user may see: everything for a superuser, else the user's own sites' only, and nothing in doubt."""
        if user is None or not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self._at(_memberships(user))

    def permitted(self, user: "User | AnonymousUser | None", right: Right) -> Self:
        """Of what this user may see, the things of sites at which the user has this right; all for a superuser."""
        seen = self.for_user(user)
        if user is None or user.is_superuser:
            return seen
        return seen._at(_memberships(user).filter(role__in=roles_with(right)))

    def _at(self, memberships: models.QuerySet[Any]) -> Self:
        """Those of the sites of these memberships."""
        prefix = f"{self.site_path}__" if self.site_path else ""
        return self.filter(**{f"{prefix}pk__in": memberships.values("site_id")})


class SiteQuerySet(SiteScopedQuerySet):
    site_path = ""


class DeviceScopedQuerySet(SiteScopedQuerySet):
    """A queryset of things that belong to a device."""

    site_path = "device__site"


class ApiTokenQuerySet(models.QuerySet[Any]):
    """Tokens belong to a person, not to a site."""

    def for_user(self, user: "User | AnonymousUser | None") -> Self:
        """The user's own; for a superuser, who may have to revoke them, everybody's."""
        if user is None or not user.is_authenticated or not user.is_active:
            return self.none()
        return self if user.is_superuser else self.filter(user_id=user.pk)


def _memberships(user: Any) -> models.QuerySet[Any]:
    # By its name: the models import this module.
    return apps.get_model("devices", "Membership").objects.filter(user_id=user.pk)
