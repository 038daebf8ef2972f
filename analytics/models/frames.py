"""Frames, their detections, the reviews of detections, and the software of the devices.

What hangs on a frame carries the frame's device and time, and refers to its frame by both and the id. So each statement
finds a row in one month of one device, and PostgreSQL can keep each month in a table of its own (`partitioned_by`) and
each device on a machine of its own. For Django the key is `id`. PostgreSQL's primary keys begin with the device; see
docs/scaling.md. So a query that groups rows must not group by the id, which Django takes for the key of all columns.
The database checks no reference to a frame or a detection: `manage.py check_facts` does.
"""

from django.conf import settings
from django.db import models

from devices.models import Device
from devices.storage.querysets import DeviceScopedQuerySet

FACE = "face"
"""The label of faces among the detections, and of occupied spells among the episodes."""


class Frame(models.Model):
    """A frame of a camera, as the device reported it, also a frame without faces."""

    partitioned_by = "taken_at"

    # The unique constraint serves queries by device; a second index would only slow the intake down. The database need
    # not check the foreign key: the quarter's tally, written in the same transaction, has a checked one.
    device = models.ForeignKey(
        Device, on_delete=models.CASCADE, related_name="frames", db_index=False, db_constraint=False
    )
    taken_at = models.DateTimeField(help_text="By the device's clock.")
    received_at = models.DateTimeField(help_text="By the platform's clock.")
    key = models.BigIntegerField(help_text="Hash of the device's message about this frame.")
    faces = models.PositiveSmallIntegerField(null=True, help_text="Empty where the device does not look for faces.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "taken_at", "key"], name="one_frame_once")]

    def __str__(self) -> str:
        return f"{self.device} at {self.taken_at:%Y-%m-%d %H:%M:%S} UTC"


class FramePart(models.Model):
    """A message that told of one face of a frame; kept with its hash as long as the frame, so that it counts once.

    Only `counting/face_parts.py` writes and reads it.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    taken_at = models.DateTimeField(help_text="The message's arrival.")
    key = models.BigIntegerField(help_text="Hash of the message.")
    frame_id = models.BigIntegerField()
    frame_taken_at = models.DateTimeField()
    is_timely = models.BooleanField(help_text="Whether the message arrived when the device sent it.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "taken_at", "key"], name="one_part_of_a_frame_once")]

    def __str__(self) -> str:
        return f"{self.device} at {self.taken_at:%Y-%m-%d %H:%M:%S} UTC"


class Verdict(models.TextChoices):
    """The verdict of a reviewer about a detection."""

    RIGHT = "right"
    WRONG = "wrong"


class Detection(models.Model):
    """A face, an object or a gesture that a device has detected in a frame."""

    partitioned_by = "taken_at"

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    taken_at = models.DateTimeField(help_text="The time of the frame.")
    frame_id = models.BigIntegerField()
    frame = models.ForeignObject(
        Frame,
        on_delete=models.CASCADE,
        from_fields=["device", "taken_at", "frame_id"],
        to_fields=["device", "taken_at", "id"],
        related_name="detections",
    )
    label = models.CharField(max_length=64)
    confidence = models.FloatField(help_text="Probability, 0 to 1.")
    box = models.JSONField(null=True, help_text="[left, top, width, height] in pixels of the original frame.")
    visit = models.CharField(  # noqa: DJ001 - null takes no room in rows of devices that do not tell
        max_length=32, null=True, help_text="Key of the visit of the person; empty where the device does not tell."
    )
    review = models.CharField(  # noqa: DJ001 - null means “not decided”, which is not a verdict
        max_length=5,
        choices=Verdict.choices,
        null=True,
        help_text="What most reviewers say; empty without reviews, and where as many say right as wrong. "
        "A wrong detection counts nowhere.",
    )

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        # PostgreSQL's primary key; it also serves queries by device, and finds the detections of a frame.
        constraints = [models.UniqueConstraint(fields=["device", "taken_at", "id"], name="detections_of_a_device")]
        # For lists of the newest detections of many devices, which would otherwise be sorted as a whole.
        indexes = [models.Index(fields=["taken_at"], name="detections_by_time")]

    def __str__(self) -> str:
        return f"{self.label} ({self.confidence:.0%})"


class Review(models.Model):
    """The verdict of one reviewer about a detection; `Detection.review` is the majority of all reviewers."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    taken_at = models.DateTimeField(help_text="The time of the detection's frame.")
    detection_id = models.BigIntegerField()
    detection = models.ForeignObject(
        Detection,
        on_delete=models.CASCADE,
        from_fields=["device", "taken_at", "detection_id"],
        to_fields=["device", "taken_at", "id"],
        related_name="reviews",
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Empty where the account was deleted; the verdict stays.",
    )
    verdict = models.CharField(max_length=5, choices=Verdict.choices)
    at = models.DateTimeField(help_text="Time of the reviewer's latest verdict, UTC.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "taken_at", "detection_id", "reviewer"], name="one_review_per_reviewer"
            )
        ]

    def __str__(self) -> str:
        return f"{self.detection}: {self.verdict}"


class DeviceSetup(models.Model):
    """The time since which a device has what decides how well it counts people; a DeepLens tells nothing of it."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    since = models.DateTimeField(help_text="By the device's clock, as its frames' times are.")
    setup = models.JSONField(help_text="Software, hashes of camera and models, and settings; see `sink.setup_of`.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "since"], name="one_setup_at_a_time")]

    def __str__(self) -> str:
        return f"{self.device} since {self.since:%Y-%m-%d %H:%M} UTC: {self.setup}"


class DeviceSoftware(models.Model):
    """The time since which a device runs a software version, from its status messages; a DeepLens sends none."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    since = models.DateTimeField(help_text="By the device's clock, as its frames' times are.")
    software = models.CharField(max_length=64)

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "since"], name="one_software_at_a_time")]

    def __str__(self) -> str:
        return f"{self.device} since {self.since:%Y-%m-%d %H:%M} UTC: {self.software}"
