"""Pictures and what was recognised in them; people, their consent and their coffees.

Times are UTC. Boxes are `[left, top, width, height]` in pixels of the stored picture.
"""

import datetime as dt
import secrets
import uuid

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from devices.models import Device, Site
from devices.querysets import SiteScopedQuerySet
from faces.models.querysets import (
    CaptureQuerySet,
    CoffeeQuerySet,
    ConsentQuerySet,
    FaceQuerySet,
    SightingQuerySet,
)


class Mode(models.TextChoices):
    """What a site does with faces."""

    OFF = "off", "count faces, recognise nobody"
    ENROLLED = "enrolled", "recognise people with recorded consent"
    EVERYONE = "everyone", "give every stranger a guest profile"


class SitePolicy(models.Model):
    """What a site's owner decided about faces; a site without a row is `off`."""

    site = models.OneToOneField(Site, on_delete=models.CASCADE, primary_key=True, related_name="policy")
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.OFF)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The owner who decided; “everyone” cannot be without.",
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    picture_hours = models.PositiveIntegerField(
        "hours that pictures are kept",
        default=30 * 24,
        validators=[MinValueValidator(1)],
        help_text="From their arrival; what was counted in them stays.",
    )
    unmatched_hours = models.PositiveIntegerField(
        "hours that strangers' faces are kept",
        default=24,
        validators=[MinValueValidator(1)],
        help_text="The same for pictures of a single face in which nobody was recognised.",
    )
    latest_guest = models.PositiveIntegerField(
        default=0, editable=False, help_text="The number that the latest guest got; none is given twice."
    )

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "site policies"
        constraints = [
            models.CheckConstraint(
                condition=~Q(mode="everyone") | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
                name="everyone_needs_the_owners_confirmation",
                violation_error_message="“everyone” needs the owner's recorded confirmation.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.site}: {self.get_mode_display()}"


class State(models.TextChoices):
    """How far the recognition of a capture is."""

    QUEUED = "queued"
    WORKING = "working"
    WAITING = "waiting", "waiting for the recogniser's next month"
    DONE = "done"
    FAILED = "failed"
    LINKED = "linked", "only its address is known"


class Shows(models.TextChoices):
    FRAME = "frame", "whole frame"
    CROP = "crop", "one face"


def picture_name(capture: "Capture", filename: str) -> str:
    """Where a picture lies: by hour of arrival (UTC), so that left-over files can be found, under a random name."""
    return f"captures/{capture.received_at:%Y/%m/%d/%H}/{secrets.token_hex(16)}.jpg"


class Capture(models.Model):
    """A picture that a device took, and the state of its recognition; this row is the only record of that work."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="captures")
    taken_at = models.DateTimeField(help_text="By the device's clock.")
    received_at = models.DateTimeField()
    key = models.BigIntegerField(editable=False, help_text="Hash of what the device sent; unique per device.")
    shows = models.CharField(max_length=5, choices=Shows.choices, default=Shows.FRAME)
    image = models.FileField(upload_to=picture_name, max_length=200, blank=True)
    source_url = models.TextField(blank=True, help_text="Where the device put the picture, if it did not send it.")
    claimed_faces = models.JSONField(default=list, blank=True, help_text="Faces that the device says it shows.")
    area = models.JSONField(
        null=True,
        blank=True,
        help_text="Part of the original frame that it shows, in that frame's pixels; empty if the device did not say.",
    )
    state = models.CharField(max_length=7, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Counted before each attempt begins.")
    next_try_at = models.DateTimeField(
        default=timezone.now, help_text="When the sweep takes it up, unless it is done by then."
    )
    reason = models.TextField(blank=True, help_text="Why the latest attempt did not succeed.")
    recognised_at = models.DateTimeField(null=True, blank=True)
    cups = models.PositiveSmallIntegerField(null=True, blank=True, help_text="How many cups the picture shows.")

    objects = CaptureQuerySet.as_manager()

    class Meta:
        ordering = ["-taken_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["device", "key"], name="one_capture_per_device_and_key")]
        indexes = [
            models.Index(fields=["device", "taken_at"], name="captures_of_a_device"),
            # A bucket's event tells no device.
            models.Index(fields=["key"], name="captures_by_key"),
            models.Index(
                fields=["next_try_at"],
                condition=Q(state__in=("queued", "working", "waiting")),
                name="captures_to_sweep",
            ),
            models.Index(fields=["received_at"], condition=~Q(image=""), name="captures_with_pictures"),
        ]

    def __str__(self) -> str:
        return f"{self.device} at {self.taken_at:%Y-%m-%d %H:%M:%S} UTC"


class Person(models.Model):
    """Somebody a site knows: enrolled with consent, or a numbered guest until named."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="people")
    name = models.CharField(max_length=80)
    line = models.CharField(max_length=120, blank=True, help_text="Said in the greeting, such as a title or a motto.")
    guest_number = models.PositiveIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="Given to strangers, counted per site; stays when one is named.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(fields=["site", "guest_number"], name="one_guest_per_site_and_number"),
            models.CheckConstraint(condition=~Q(name=""), name="a_person_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Method(models.TextChoices):
    """How somebody agreed."""

    PAPER = "paper", "signed on paper"
    ELECTRONIC = "electronic", "signed electronically"
    OWNER = "owner", "by the site owner's confirmation for everyone"


class Consent(models.Model):
    """That somebody agreed to be recognised: to which text, how, when, for how long, and whether it was withdrawn."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="consents")
    text = models.TextField(help_text="What was agreed to, word by word.")
    text_version = models.CharField(max_length=40)
    text_sha256 = models.CharField(max_length=64, editable=False)
    method = models.CharField(max_length=10, choices=Method.choices)
    signed_by = models.CharField(max_length=120, help_text="Name of whoever signed.")
    signed_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="The faces may be used until then.")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

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
        return self.withdrawn_at is None and self.signed_at <= now < self.expires_at


class Face(models.Model):
    """One enrolled picture of a face, as a recogniser knows it.

    It belongs to a consent and through it to a person, so that no face can exist without that person's consent.
    """

    consent = models.ForeignKey(Consent, on_delete=models.CASCADE, related_name="faces")
    provider = models.CharField(max_length=20, help_text="The recogniser that knows it.")
    provider_id = models.CharField(max_length=64, help_text="The recogniser's own name for it.")
    embedding = models.BinaryField(null=True, help_text="Little-endian float32 numbers, for the local recogniser.")
    picture_sha256 = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Of the file it was enrolled from, which is not kept."
    )
    capture = models.ForeignKey(
        Capture,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="enrolled_faces",
        help_text="The capture it was enrolled from, if it was.",
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


class Sighting(models.Model):
    """A face in a capture, and whose it is where that is known and may be known."""

    capture = models.ForeignKey(Capture, on_delete=models.CASCADE, related_name="sightings")
    number = models.PositiveSmallIntegerField(help_text="From left to right in the picture, from 0.")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="sightings")
    box = models.JSONField(null=True, blank=True)
    confidence = models.FloatField(help_text="That it is a face, 0 to 1.")
    similarity = models.FloatField(
        null=True, blank=True, help_text="To the person's face, 0 to 1; the scale is the recogniser's."
    )
    emotions = models.JSONField(default=dict, blank=True, help_text="Confidence by emotion, 0 to 1, where known.")

    objects = SightingQuerySet.as_manager()

    class Meta:
        ordering = ["capture", "number"]
        constraints = [models.UniqueConstraint(fields=["capture", "number"], name="one_sighting_per_number")]

    def __str__(self) -> str:
        return f"{self.person or 'somebody'} in {self.capture}"


class Coffee(models.Model):
    """A cup in somebody's hands, counted once; `person` is empty for an anonymous one."""

    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="coffees")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="coffees")
    taken_at = models.DateTimeField()
    sighting = models.OneToOneField(Sighting, on_delete=models.CASCADE, related_name="coffee")
    voided = models.BooleanField(default=False, help_text="A voided coffee does not count.")
    reviewed_at = models.DateTimeField(null=True, blank=True, help_text="When it was last voided or restored.")
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    review_reason = models.CharField(max_length=200, blank=True)

    objects = CoffeeQuerySet.as_manager()

    class Meta:
        ordering = ["-taken_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(voided=False) | (Q(reviewed_at__isnull=False) & ~Q(review_reason="")),
                name="a_voided_coffee_says_why",
            )
        ]
        indexes = [
            models.Index(fields=["device", "taken_at"], name="coffees_of_a_device"),
            models.Index(fields=["person", "taken_at"], condition=Q(voided=False), name="coffees_of_a_person_counted"),
        ]

    def __str__(self) -> str:
        return f"coffee of {self.person or 'somebody'} at {self.taken_at:%Y-%m-%d %H:%M:%S} UTC"


class Erasure(models.Model):
    """A person's erasure, and its receipt: how much was removed, and hashes that prove what.

    It is under way until `erased_at` is set; each step is written down before it is done, so that it can be resumed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="erasures")
    person_number = models.BigIntegerField(unique=True, help_text="The number that the person's record had.")
    requested_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True, help_text="Empty while something is left to be removed.")
    reason = models.TextField(blank=True, help_text="Why it is not finished yet.")
    erased_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    counts = models.JSONField(help_text="How many faces, consents, pictures, sightings and coffees lost their person.")
    digests = models.JSONField(help_text="SHA-256 of each picture, face and embedding that was removed, sorted.")

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at"]

    def __str__(self) -> str:
        return f"erasure of person {self.person_number} at {self.site}"
