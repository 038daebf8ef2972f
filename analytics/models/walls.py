"""Tokens that open a wall without an account."""

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models

from devices.models import Site
from devices.rules.roles import Right
from devices.rules.text import LineField
from devices.storage.querysets import SiteScopedQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import User


class WallTokenQuerySet(SiteScopedQuerySet):
    site_path = "sites"

    def permitted(self, user: "User | AnonymousUser | None", right: Right) -> Self:
        """Return the tokens at all of whose sites the user has this right."""
        other_sites: Any = Site.objects.exclude(pk__in=Site.objects.all().permitted(user, right))
        return super().permitted(user, right).exclude(sites__in=other_sites).distinct()


class WallToken(models.Model):
    """A token in the addresses of a wall, which may read the numbers of some sites and nothing else."""

    name = LineField(max_length=80, help_text="Where it is used, such as “Lobby wall”.")
    sites = models.ManyToManyField(Site, related_name="+", help_text="The wall shows these sites only.")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )

    expires_at = models.DateTimeField(null=True, blank=True, help_text="When the token stops working; empty: never.")
    used_at = models.DateTimeField(null=True, editable=False, help_text="When the token was last used, to the hour.")

    objects = WallTokenQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name
