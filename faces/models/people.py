"""People, what they agreed to, and their enrolled faces. Times are UTC."""

import datetime as dt

from django.conf import settings
from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from devices.models import Site
from devices.rules.text import LineField, validate_lines
from devices.storage.querysets import SiteScopedQuerySet
from faces.models.querysets import ConsentQuerySet, FaceQuerySet

LONGEST_PROFILE = 1_000
"""Characters of a person's profile: some ten sentences."""


class Person(models.Model):
    """A person of a site: enrolled with consent, or a numbered guest."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="people")
    name = LineField(max_length=80)
    line = LineField(max_length=120, blank=True, help_text="Added to the greeting, such as a title or a motto.")
    external_id = models.CharField(
        "external id",
        max_length=255,
        blank=True,
        validators=[
            RegexValidator(
                r"\A[a-zA-Z0-9_.\-:]*\Z",
                "An external id consists of the letters a to z, digits, “_”, “.”, “-” and “:”.",
            )
        ],
        help_text="The person's name in another system, such as a number of staff; unique at the site. Its characters "
        "are those that Amazon Rekognition takes for its ExternalImageId.",
    )
    profile = models.TextField(
        blank=True,
        validators=[MaxLengthValidator(LONGEST_PROFILE), validate_lines],
        help_text="Some sentences about the person, sent with the greeting.",
    )
    email = models.EmailField(
        "address", blank=True, help_text="Where the person is told before they are erased because no camera saw them."
    )
    guest_number = models.PositiveIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="Number of a guest, counted per site; kept when the guest is named.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(fields=["site", "guest_number"], name="one_guest_per_site_and_number"),
            models.UniqueConstraint(
                fields=["site", "external_id"],
                condition=~Q(external_id=""),
                name="one_person_per_site_and_external_id",
                violation_error_message="Another person of the site has this external id.",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="a_person_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_unnamed_guest(self) -> bool:
        """Whether this is a guest to whom nobody has given a name."""
        return self.guest_number is not None and self.name == guest_name(self.guest_number)


def guest_name(number: int) -> str:
    """Return the name of the guest with this number until somebody gives another."""
    return f"Guest {number}"


class Method(models.TextChoices):
    """How a person has agreed."""

    PAPER = "paper", "signed on paper"
    ELECTRONIC = "electronic", "signed electronically"
    OWNER = "owner", "by the site owner's confirmation for everyone"


class Consent(models.Model):
    """A person's agreement to be recognised: its text, form and term, and whether it was withdrawn."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="consents")
    text = models.TextField(help_text="The text that was agreed to, word for word.")
    text_version = LineField(max_length=40)
    text_sha256 = models.CharField(max_length=64, editable=False)
    method = models.CharField(max_length=10, choices=Method.choices)
    signed_by = LineField(max_length=120, help_text="Name of the person who signed.")
    signed_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="The faces may be used until this time.")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    template = models.ForeignKey(
        "ConsentTemplate",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="consents",
        help_text="The site's text that was shown; empty if the text came from elsewhere.",
    )
    strokes = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="The drawn signature: a list of strokes, each a list of x, y, x, y … on a pad of 600 by 200.",
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        help_text="Who recorded the consent, or gave the link by which the person recorded it.",
    )
    recorded_at = models.DateTimeField(null=True, editable=False)
    reminded_at = models.DateTimeField(
        null=True, editable=False, help_text="When the person was told that the consent ends soon."
    )
    on_own_device = models.BooleanField(
        default=False, editable=False, help_text="Whether the person recorded it alone, by a link."
    )

    objects = ConsentQuerySet.as_manager()

    class Meta:
        ordering = ["-signed_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(text="") & ~Q(text_version="") & ~Q(text_sha256="") & ~Q(method="") & ~Q(signed_by=""),
                name="a_consent_says_who_agreed_to_what",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("signed_at")), name="a_consent_has_a_term"),
        ]

    def __str__(self) -> str:
        return f"{self.text_version}, signed by {self.signed_by} on {self.signed_at:%Y-%m-%d}"

    def is_valid(self, now: dt.datetime) -> bool:
        """Whether the consent is in force at this time: signed, not withdrawn, and not expired."""
        return self.withdrawn_at is None and self.signed_at <= now < self.expires_at


class Face(models.Model):
    """A face that one recogniser has indexed from one picture.

    It belongs to a consent, and through the consent to a person, so that no face exists without consent.
    """

    consent = models.ForeignKey(Consent, on_delete=models.CASCADE, related_name="faces")
    provider = models.CharField(max_length=20, help_text="The recogniser that has indexed the face.")
    provider_id = models.CharField(max_length=64, help_text="The recogniser's name for the face.")
    embedding = models.BinaryField(null=True, help_text="Little-endian float32 numbers; only for the local recogniser.")
    picture_sha256 = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="SHA-256 of the file that was enrolled, which is not stored.",
    )
    capture = models.ForeignKey(
        "Capture",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="enrolled_faces",
        help_text="The capture that the face was enrolled from, if any.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FaceQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "provider_id"], name="one_face_per_provider_id"),
            models.CheckConstraint(condition=~Q(provider_id=""), name="a_face_is_known_to_its_provider"),
        ]

    def __str__(self) -> str:
        return f"face {self.pk} of {self.person}"

    @property
    def person(self) -> Person:
        return self.consent.person
