"""Reads that are scoped to what a user may see."""

from typing import TYPE_CHECKING, Any, Self

from django.db import models

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import Device, User


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
        prefix = f"{self.site_path}__" if self.site_path else ""
        return self.filter(**{f"{prefix}pk__in": _sites_of(user)})


class SiteQuerySet(SiteScopedQuerySet):
    site_path = ""

    def operated_by(self, user: "User | AnonymousUser | None") -> Self:
        """The sites that this user runs, as operator or owner; all of them for a superuser."""
        from devices.models import Role

        seen = self.for_user(user)
        if user is None or user.is_superuser:
            return seen
        return seen.filter(pk__in=_sites_of(user).filter(role__in=[Role.OPERATOR, Role.OWNER]))


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


def quarantined_counts(messages: models.QuerySet[Any]) -> list[tuple[str | None, str, int]]:
    """Of these quarantined messages, how many wait for a replay: by device's name (None: unknown) and reason code."""
    waiting = messages.filter(replayed_at=None).order_by()
    counts = waiting.values("device__name", "reason").annotate(messages=models.Count("pk"))
    return [(row["device__name"], row["reason"], row["messages"]) for row in counts.order_by("device__name", "reason")]


def devices_to_be_told() -> list["Device"]:
    """The devices whose settings the broker has not been told, and those that are online without having taken them.

    A broker that lost its disk has forgotten what it retained. A device that said why it does not take its settings
    need not be told again.
    """
    from devices.models import Device

    unsent = models.Q(config_unsent_since__isnull=False)
    may_differ = models.Q(state__online=True, state__config_error="", state__reported_config__isnull=False)
    devices = Device.objects.filter(unsent | may_differ).select_related("state").order_by("config_unsent_since", "pk")
    return [device for device in devices if device.config_unsent_since is not None or _differs(device)]


def _differs(device: "Device") -> bool:
    reported = device.state.reported_config or {}
    return any(reported.get(name) != value for name, value in device.desired_config.items())


def _sites_of(user: Any) -> Any:
    from devices.models import Membership

    return Membership.objects.filter(user_id=user.pk).values("site_id")
