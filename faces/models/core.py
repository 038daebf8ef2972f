"""Pictures and their recognition, people, consents and coffees.

Times are UTC. Boxes are `[left, top, width, height]` in pixels of the stored picture.
"""

import secrets
import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from devices.models import Device, Site
from devices.rules.text import LineField
from devices.storage.querysets import SiteScopedQuerySet
from faces.models.people import Person
from faces.models.querysets import (
    AnnotationQuerySet,
    CaptureQuerySet,
    CoffeeQuerySet,
    SightingQuerySet,
)


class Mode(models.TextChoices):
    """What a site does with faces."""

    OFF = "off", "detect faces, recognise nobody"
    ENROLLED = "enrolled", "recognise people with recorded consent"
    EVERYONE = "everyone", "give every stranger a guest profile"


MOST_HOURS = 10 * 366 * 24
"""The longest term for which a site may keep pictures: ten years."""


MOST_GUEST_DAYS = 3 * 365
"""Illinois' BIPA (740 ILCS 14/15) allows at most three years."""

MOST_UNSEEN_DAYS = 3 * 365
"""Likewise, from the last time that the person was seen."""

HOURS_IF_NOBODY_IS_RECOGNISED = 12
"""The default term of pictures at a site that recognises nobody: they are needed to count and to check, for a day."""

HOURS_IF_PEOPLE_ARE_RECOGNISED = 30 * 24
"""The default term of pictures at other sites, whose people look at coffees of the last month."""


class SitePolicy(models.Model):
    """A site owner's decisions about faces and pictures. A site without a row has the mode `off`."""

    site = models.OneToOneField(Site, on_delete=models.CASCADE, primary_key=True, related_name="policy")
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.OFF)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The owner who confirmed the mode; required for “everyone”.",
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    picture_hours = models.PositiveIntegerField(
        "hours that pictures are kept",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_HOURS)],
        help_text=f"Counted from arrival. Empty: {HOURS_IF_NOBODY_IS_RECOGNISED} hours while nobody is recognised, "
        f"otherwise {HOURS_IF_PEOPLE_ARE_RECOGNISED}. Counts from removed pictures stay.",
    )
    unmatched_hours = models.PositiveIntegerField(
        "hours that strangers' faces are kept",
        default=24,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_HOURS)],
        help_text="Counted likewise, for pictures of a single face in which nobody was recognised.",
    )
    guest_days = models.PositiveIntegerField(
        "days that a guest who has given no consent is known",
        default=365,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_GUEST_DAYS)],
        help_text="Counted from the guest's first picture. Then the guest is erased.",
    )
    unseen_days = models.PositiveIntegerField(
        "days after which people are erased whom no camera has seen",
        default=MOST_UNSEEN_DAYS,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_UNSEEN_DAYS)],
        help_text="Or sooner, after the term of their consent. It is announced a week before.",
    )
    contact = LineField(
        "whom people ask",
        max_length=200,
        blank=True,
        help_text="Such as “the front desk, privacy@example.com”; stands on the notice of each display.",
    )
    latest_guest = models.PositiveIntegerField(
        default=0, editable=False, help_text="The number of the latest guest; no number is used twice."
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

    @property
    def kept_hours(self) -> int:
        """How many hours pictures are kept: the site's own number, or the default for the site's mode."""
        if self.picture_hours is not None:
            return self.picture_hours
        return HOURS_IF_NOBODY_IS_RECOGNISED if self.mode == Mode.OFF else HOURS_IF_PEOPLE_ARE_RECOGNISED


class State(models.TextChoices):
    """The state of a capture's recognition."""

    QUEUED = "queued"
    WORKING = "working"
    WAITING = "waiting", "waiting for the recogniser's next month"
    DONE = "done"
    FAILED = "failed"
    LINKED = "linked", "only the URL is known"


class Shows(models.TextChoices):
    """What part of the camera's frame a picture shows."""

    FRAME = "frame", "whole frame"
    CROP = "crop", "one face"


def picture_name(capture: "Capture", filename: str) -> str:
    """Return a random name in a folder for the hour of arrival (UTC), by which left-over files are found."""
    return f"captures/{capture.received_at:%Y/%m/%d/%H}/{secrets.token_hex(16)}.jpg"


class Capture(models.Model):
    """A picture that a device took, and the state of its recognition, which is recorded nowhere else."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="captures")
    taken_at = models.DateTimeField(help_text="By the device's clock.")
    received_at = models.DateTimeField()
    key = models.BigIntegerField(
        editable=False, help_text="Hash of the content that the device sent; unique per device."
    )
    shows = models.CharField(max_length=5, choices=Shows.choices, default=Shows.FRAME)
    image = models.FileField(upload_to=picture_name, max_length=200, blank=True)
    source_url = models.TextField(
        blank=True, help_text="URL of the picture's original, if the device did not send the picture."
    )
    claimed_faces = models.JSONField(
        default=list, blank=True, help_text="Faces that the device detected in the picture."
    )
    looks = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="Looks at the claimed faces in earlier frames: index and JPEG as base64. Deleted by the recognition.",
    )
    area = models.JSONField(
        null=True,
        blank=True,
        help_text="Part of the original frame that the picture shows, in the frame's pixels; empty if unknown.",
    )
    state = models.CharField(max_length=7, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Attempts to recognise the picture, including an unfinished one."
    )
    next_try_at = models.DateTimeField(
        default=timezone.now, help_text="When the sweep enqueues the capture again, unless it is done by then."
    )
    reason = models.TextField(blank=True, help_text="Why the latest attempt failed.")
    recognised_at = models.DateTimeField(null=True, blank=True)
    cups = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Number of cups in the picture.")

    objects = CaptureQuerySet.as_manager()

    class Meta:
        ordering = ["-taken_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["device", "key"], name="one_capture_per_device_and_key")]
        indexes = [
            models.Index(fields=["device", "taken_at"], name="captures_of_a_device"),
            # For lists of the newest captures of many devices; for coffees likewise.
            models.Index(fields=["-taken_at"], name="captures_by_time"),
            # The event of a bucket contains no device.
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


class Annotation(models.Model):
    """The boxes and labels that somebody has drawn on a picture for training, as an archive has brought them.

    They count nothing. A data set can be made from them.
    """

    capture = models.OneToOneField(Capture, on_delete=models.CASCADE, related_name="annotation")
    width = models.PositiveIntegerField(help_text="Pixels of the annotated picture; the stored one may be larger.")
    height = models.PositiveIntegerField()
    boxes = models.JSONField(
        default=list, help_text='A list of {"label": …, "box": [left, top, width, height]} in pixels of that picture.'
    )
    source = models.TextField(help_text="Name of the object in the archive.")
    imported_at = models.DateTimeField()

    objects = AnnotationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{len(self.boxes)} boxes on {self.capture}"


class Sighting(models.Model):
    """A detected face in a capture, and its person if the face was identified."""

    capture = models.ForeignKey(Capture, on_delete=models.CASCADE, related_name="sightings")
    number = models.PositiveSmallIntegerField(
        help_text="Position of the face from left to right in the picture, from 0."
    )
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="sightings")
    box = models.JSONField(null=True, blank=True)
    confidence = models.FloatField(help_text="Confidence of the face detection, 0 to 1.")
    similarity = models.FloatField(
        null=True,
        blank=True,
        help_text="Similarity to the person's enrolled face, 0 to 1; its scale depends on the recogniser.",
    )

    objects = SightingQuerySet.as_manager()

    class Meta:
        ordering = ["capture", "number"]
        constraints = [models.UniqueConstraint(fields=["capture", "number"], name="one_sighting_per_number")]

    def __str__(self) -> str:
        return f"{self.person or 'somebody'} in {self.capture}"


class Coffee(models.Model):
    """A cup in somebody's hand, counted once. `person` is empty for an anonymous coffee."""

    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="coffees")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="coffees")
    taken_at = models.DateTimeField()
    sighting = models.OneToOneField(Sighting, on_delete=models.CASCADE, related_name="coffee")
    voided = models.BooleanField(default=False, help_text="A voided coffee does not count.")
    reviewed_at = models.DateTimeField(null=True, blank=True, help_text="When the coffee was last voided or restored.")
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    review_reason = LineField(max_length=200, blank=True)

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
            models.Index(fields=["-taken_at"], name="coffees_by_time"),
            models.Index(fields=["person", "taken_at"], condition=Q(voided=False), name="coffees_of_a_person_counted"),
        ]

    def __str__(self) -> str:
        return f"coffee of {self.person or 'somebody'} at {self.taken_at:%Y-%m-%d %H:%M:%S} UTC"


class Erasure(models.Model):
    """The erasure of a person, and its receipt with counts and hashes of what was removed.

    It is under way until `erased_at` is set. Each step is recorded before it is carried out, so that it can be resumed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="erasures")
    person_number = models.BigIntegerField(unique=True, help_text="The primary key of the person's row.")
    requested_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True, help_text="Empty while the erasure is not finished.")
    reason = models.TextField(blank=True, help_text="Why the erasure is not finished yet.")
    erased_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    counts = models.JSONField(
        help_text="Numbers of removed faces, consents and pictures, and of anonymised sightings and coffees."
    )
    digests = models.JSONField(help_text="SHA-256 of each removed picture, face and embedding, sorted.")

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at"]

    def __str__(self) -> str:
        return f"erasure of person {self.person_number} at {self.site}"
