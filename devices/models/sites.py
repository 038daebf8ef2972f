"""Sites, their members and invitations, and the API tokens of users."""

import zoneinfo
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from devices.rules.roles import Right, Role, rights_of_role
from devices.rules.text import LineField, validate_site_slug
from devices.storage.querysets import ApiTokenQuerySet, SiteQuerySet, SiteScopedQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.contrib.auth.models import User as User


def validate_timezone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"“{name}” is not an IANA time zone, such as America/Chicago.")


class Site(models.Model):
    """A place with displays: an office, a lobby, a showroom."""

    name = LineField(max_length=80, unique=True)
    slug = models.SlugField(
        max_length=80, unique=True, help_text="Part of the site's addresses, such as /sites/seattle/."
    )
    timezone = models.CharField(
        max_length=64,
        validators=[validate_timezone],
        help_text="IANA name, such as America/Chicago. Hours and days in plots are in this time zone.",
    )
    address = LineField(
        max_length=200, blank=True, help_text="Where the site is, such as 2100 Westlake Ave N, Seattle."
    )
    latitude = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)], help_text="Degrees north."
    )
    longitude = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)], help_text="Degrees east."
    )

    objects = SiteQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            validate_site_slug(self.slug)
        except ValidationError as error:
            raise ValidationError({"slug": error.messages}) from None

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)

    def allows(self, user: "User | AnonymousUser | None", right: Right) -> bool:
        """Whether this user has this right at the site; superusers have every right. One query."""
        return right in self.rights_of(user)

    def rights_of(self, user: "User | AnonymousUser | None") -> frozenset[Right]:
        """Return the rights of this user at the site; superusers have every right. One query."""
        if user is None or not user.is_authenticated or not user.is_active:
            return frozenset()
        if user.is_superuser:
            return frozenset(Right)
        role = Membership.objects.filter(site=self, user=user.pk).values_list("role", flat=True).first()
        return rights_of_role(role)


class Membership(models.Model):
    """A user's role at a site. `devices/rules/roles.py` lists the rights of each role."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "site"], name="one_role_per_user_and_site")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.site}"


class Invitation(models.Model):
    """An offer of a role at a site to whoever opens its link. It can be accepted once, before it expires."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role.choices)
    email = models.EmailField(
        blank=True, help_text="The address that the link was sent to; empty if it was handed over."
    )
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"invitation to {self.site} as {self.role}"


class ApiToken(models.Model):
    """A user's key to the API for one program, which may do whatever the user may, or only read."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = LineField(max_length=80, help_text="The program that uses the token, such as “Grafana”.")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    only_reads = models.BooleanField(
        default=False, help_text="Whether the token is refused wherever it would change something."
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When the token stops working; empty: never.")
    used_at = models.DateTimeField(null=True, editable=False, help_text="When the token was last used, to the hour.")

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name
