"""The audit, which can only grow until the term of its entries is over."""

import datetime as dt
from typing import TYPE_CHECKING, Any, NoReturn, Self

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from devices.models.sites import Membership, Site
from devices.rules.roles import Right, roles_with
from devices.storage.querysets import SiteScopedQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import User


class AppendOnly(TypeError):
    """Something tried to change or delete an entry of the audit."""

    def __init__(self) -> None:
        super().__init__("An entry of the audit is never changed, and is deleted only when its term is over.")


class AuditQuerySet(SiteScopedQuerySet):
    """Entries of the audit. They can be added and read, and forgotten by `forget_before` alone."""

    def permitted(self, user: "User | AnonymousUser | None", right: Right) -> Self:
        """Return the entries of the sites that the user manages, and those about the accounts of these sites' members.

        No other right than to manage a site shows anything of the audit. A superuser sees every entry.
        """
        if user is None or not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        sites = Membership.objects.filter(user=user.pk, role__in=roles_with(Right.MANAGE)).values("site")
        members = Membership.objects.filter(site__in=sites).values("user")
        return self.filter(Q(site__in=sites) | Q(site=None, about__in=members))

    def of_site(self, site: Site) -> Self:
        """Return the entries of this site, and those about the accounts of its members."""
        return self.filter(Q(site=site) | Q(site=None, about__in=site.memberships.values("user")))

    def forget_before(self, at: dt.datetime) -> int:
        """Delete the entries from before this time, and return how many. Only the task of the term calls this."""
        return models.QuerySet.delete(self.filter(at__lt=at))[0]

    def update(self, **values: Any) -> NoReturn:
        raise AppendOnly

    def delete(self) -> NoReturn:
        raise AppendOnly

    def bulk_update(self, *args: Any, **options: Any) -> NoReturn:
        raise AppendOnly


class Way(models.TextChoices):
    """By which way somebody acted."""

    PAGE = "page"
    API = "api", "API"
    ADMIN = "admin"
    PROGRAM = "program", "a command or a task"


class Action(models.TextChoices):
    """What somebody did."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"
    LOOKED = "looked", "looked at"
    EXPORTED = "exported"
    SIGNED_IN = "signed-in", "signed in"
    REFUSED = "refused", "failed to sign in"
    SIGNED_OUT = "signed-out", "signed out"


class AuditEntry(models.Model):
    """What somebody did, and when. People are named by their numbers only, so that an erasure need not touch it."""

    at = models.DateTimeField(db_index=True)
    # No constraints: an entry outlives its site and the account of who acted, and keeps their numbers.
    site = models.ForeignKey(
        Site, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+", db_index=False
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="+",
        help_text="Who acted. Empty: a command, a task, or somebody who is not known.",
    )
    way = models.CharField(max_length=7, choices=Way.choices)
    action = models.CharField(max_length=10, choices=Action.choices)
    subject = models.CharField(max_length=40, help_text="The kind of what was acted on, such as “device”.")
    number = models.CharField(max_length=40, blank=True, help_text="The key of what was acted on.")
    label = models.CharField(max_length=128, blank=True, help_text="Its name, unless it is a person's.")
    about = models.BigIntegerField(null=True, help_text="The number of the account that this is about.")
    changes = models.JSONField(
        default=dict, encoder=DjangoJSONEncoder, help_text="For each changed field its value before and after."
    )
    once = models.CharField(  # noqa: DJ001 - most entries have none, and these do not collide
        max_length=160, null=True, unique=True, help_text="What makes looks of one person in one hour the same entry."
    )

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["site", "-id"], name="audit_of_a_site")]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.subject} {self.number}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        raise AppendOnly
