"""The consent desk: the texts that a site has people agree to, links for own phones, and photographs under way.

Times are UTC.
"""

import datetime as dt
import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from devices.models import Site
from devices.rules.text import LineField
from devices.storage.querysets import SiteScopedQuerySet
from faces.models.people import Method, Person
from faces.models.querysets import EnrolmentPhotoQuerySet

MOST_TERM = dt.timedelta(days=3 * 366)
"""The longest term of a consent: three years, after which Illinois' BIPA (740 ILCS 14/15) has faces destroyed."""

SIGNED_BY_PEOPLE = [(method.value, method.label) for method in (Method.ELECTRONIC, Method.PAPER)]


class ConsentTemplate(models.Model):
    """One version of a text that people of a site agree to. It is never changed; a change is a new version."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="consent_templates")
    name = LineField(max_length=30, help_text="Such as “Coffee corner”. A text of the same name is its next version.")
    number = models.PositiveIntegerField(editable=False, help_text="The version, from 1.")
    purpose = LineField(max_length=200, help_text="What the faces are recognised for, in one sentence.")
    text = models.TextField(help_text="What people agree to, word for word.")
    method = models.CharField(max_length=10, choices=SIGNED_BY_PEOPLE, default=Method.ELECTRONIC)
    term_days = models.PositiveIntegerField(
        "days that a consent lasts",
        default=365,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_TERM.days)],
        help_text="Three years at most.",
    )
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    retired_at = models.DateTimeField(
        null=True, blank=True, help_text="Nobody agrees to this version any more; earlier consents stay as they are."
    )

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["site", "name", "number"], name="one_consent_text_per_version"),
            models.UniqueConstraint(
                fields=["site", "name"], condition=Q(retired_at=None), name="one_version_of_a_consent_text_in_force"
            ),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(text="") & ~Q(purpose=""), name="a_consent_text_says_what_for"
            ),
        ]

    def __str__(self) -> str:
        return self.version

    @property
    def version(self) -> str:
        """The version as consents hold it: “Coffee corner 3”."""
        return f"{self.name} {self.number}"


class DeskLink(models.Model):
    """A link with a code that opens one page without an account. Only a digest of the code is stored.

    With a person, it opens what is kept about them. Without, it lets people enrol themselves by the template.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="desk_links")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, blank=True, related_name="links")
    template = models.ForeignKey(ConsentTemplate, on_delete=models.CASCADE, null=True, blank=True, related_name="links")
    code_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    uses_left = models.PositiveSmallIntegerField(help_text="How many people may still enrol themselves by the link.")

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(person__isnull=True, template__isnull=False)
                | Q(person__isnull=False, template__isnull=True),
                name="a_desk_link_opens_one_page",
            )
        ]

    def __str__(self) -> str:
        # Without the person's name, as in `Merge`.
        return f"link of person {self.person_id}" if self.person_id else f"link to enrol by {self.template}"


class EnrolmentDraft(models.Model):
    """An enrolment under way: it keeps the photographs until the rest is complete, so that no error loses them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(
        Person,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="drafts",
        help_text="Who gets the pictures, if the person exists already.",
    )
    link = models.ForeignKey(DeskLink, on_delete=models.CASCADE, null=True, blank=True, related_name="drafts")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_index=True)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(link__isnull=True, created_by__isnull=False)
                | Q(link__isnull=False, created_by__isnull=True),
                name="a_draft_is_a_users_or_a_links",
            )
        ]

    def __str__(self) -> str:
        return f"draft {self.pk}"


class EnrolmentPhoto(models.Model):
    """A photograph of a draft. It is deleted with its draft: when the person is enrolled, or after a day."""

    draft = models.ForeignKey(EnrolmentDraft, on_delete=models.CASCADE, related_name="photos")
    jpeg = models.BinaryField(help_text="The photograph, encoded anew and without its notes.")
    sha256 = models.CharField(max_length=64, help_text="SHA-256 of the file as it came.")
    refused = models.TextField(blank=True, help_text="Why it cannot be enrolled, in one sentence.")
    rival = models.ForeignKey(
        Person,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The person of the site whom the face matches.",
    )
    added_at = models.DateTimeField()

    objects = EnrolmentPhotoQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["draft", "sha256"], name="one_photo_per_draft_and_file"),
        ]

    def __str__(self) -> str:
        return f"photograph {self.pk}"
