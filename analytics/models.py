"""What was seen: frames, what was detected in them, and the tallies of each quarter hour.

Unique keys begin with the device, so that a database that spans machines can be distributed by device. Quarters
are quarter hours of UTC: as every zone's offset is a multiple of 15 minutes, they add up to hours and days anywhere.
"""

from django.conf import settings
from django.db import models

from analytics.galaxy.models import Snapshot as Snapshot
from analytics.galaxy.models import WallToken as WallToken
from analytics.groundtruth.models import GroundTruthCount as GroundTruthCount
from analytics.groundtruth.models import GroundTruthSession as GroundTruthSession
from analytics.home_assistant.models import AnnouncedTopic as AnnouncedTopic
from analytics.querysets import DetectionQuerySet, ReviewQuerySet
from analytics.questions.models import Question as Question
from devices.models import Device
from devices.querysets import DeviceScopedQuerySet

FACE = "face"
"""The label under which a frame's faces are kept as detections, and visits as episodes."""


class Frame(models.Model):
    """One frame of a camera, as the device reported it; frames without faces are here too."""

    # The unique constraint serves look-ups by device; a second index would only slow the intake down. And the database
    # need not look each frame's device up: in the same transaction goes its quarter's tally, whose device is checked.
    device = models.ForeignKey(
        Device, on_delete=models.CASCADE, related_name="frames", db_index=False, db_constraint=False
    )
    taken_at = models.DateTimeField(help_text="By the device's clock.")
    received_at = models.DateTimeField(help_text="By the platform's clock.")
    key = models.BigIntegerField(help_text="Hash of what the device said about this frame.")
    faces = models.PositiveSmallIntegerField(null=True, help_text="Empty where the device does not look for faces.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "taken_at", "key"], name="one_frame_once")]
        # For the newest of many devices; without it their lists would be sorted as a whole.
        indexes = [models.Index(fields=["-taken_at"], name="frames_by_time")]

    def __str__(self) -> str:
        return f"{self.device} at {self.taken_at:%Y-%m-%d %H:%M:%S} UTC"


class Verdict(models.TextChoices):
    """What a reviewer said of a detection."""

    RIGHT = "right"
    WRONG = "wrong"


class Detection(models.Model):
    """A face, an object or a gesture found in a frame."""

    # The database need not check what cannot be otherwise: a frame comes in one transaction with its detections, and
    # goes with them. Looking each one's frame up again would take a quarter of the time that PostgreSQL has for them.
    frame = models.ForeignKey(Frame, on_delete=models.CASCADE, related_name="detections", db_constraint=False)
    label = models.CharField(max_length=64)
    confidence = models.FloatField(help_text="Probability, 0 to 1.")
    box = models.JSONField(null=True, help_text="[left, top, width, height] in pixels of the original frame.")
    review = models.CharField(  # noqa: DJ001 - null is “not decided”, which no verdict is
        max_length=5,
        choices=Verdict.choices,
        null=True,
        help_text="What most reviewers say; empty without reviews, and where as many say right as wrong. "
        "A wrong detection counts nowhere.",
    )

    objects = DetectionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.label} ({self.confidence:.0%})"


class Review(models.Model):
    """What one reviewer says of a detection; `Detection.review` is what all of them together say."""

    detection = models.ForeignKey(Detection, on_delete=models.CASCADE, related_name="reviews", db_index=False)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Empty where the account is gone; its verdict stays.",
    )
    verdict = models.CharField(max_length=5, choices=Verdict.choices)
    at = models.DateTimeField(help_text="When the reviewer said so last, UTC.")

    objects = ReviewQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["detection", "reviewer"], name="one_review_per_reviewer")]

    def __str__(self) -> str:
        return f"{self.detection}: {self.verdict}"


class DeviceSoftware(models.Model):
    """Since when a device runs which software, as its status messages say; a DeepLens says nothing."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    since = models.DateTimeField(help_text="By the device's clock, as its frames' times are.")
    software = models.CharField(max_length=64)

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "since"], name="one_software_at_a_time")]

    def __str__(self) -> str:
        return f"{self.device} since {self.since:%Y-%m-%d %H:%M} UTC: {self.software}"


class EngagementQuarter(models.Model):
    """A device's quarter hour. All numbers add up, in any order; see `analytics/tallies.py`."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    start = models.DateTimeField()
    frames = models.PositiveIntegerField(help_text="Frames whose number of faces is known.")
    faces_sum = models.PositiveBigIntegerField(help_text="Faces of all these frames together.")
    faces_peak = models.PositiveSmallIntegerField(help_text="Faces of the frame that showed most.")
    minutes_seen = models.PositiveSmallIntegerField(help_text="Bit n is set where minute n has any frame.")
    minutes_occupied = models.PositiveSmallIntegerField(help_text="Bit n is set where minute n has a face.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "start"], name="one_engagement_per_quarter")]

    def __str__(self) -> str:
        return f"{self.device} from {self.start:%Y-%m-%d %H:%M} UTC"


class LabelQuarter(models.Model):
    """A device's detections of a label in a quarter hour, by confidence. All numbers add up, in any order."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    start = models.DateTimeField()
    label = models.CharField(max_length=64)
    confidence_bin = models.PositiveSmallIntegerField(help_text="0 is below 5 %, 19 is 95 % and above.")
    count = models.PositiveIntegerField(help_text="Detections, the rejected ones included.")
    rejected = models.PositiveIntegerField(help_text="Those that a reviewer called wrong.")
    confidence_millionths_sum = models.BigIntegerField(
        help_text="Of the detections that are not rejected; whole millionths, so that the order changes no digit."
    )

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "start", "label", "confidence_bin"], name="one_tally_per_quarter_label_and_bin"
            )
        ]

    def __str__(self) -> str:
        return f"{self.device} from {self.start:%Y-%m-%d %H:%M} UTC: {self.label}"


class ReportedGesture(models.Model):
    """A gesture held up once, as its device told it; kept as long as frames are, since episodes are made of both."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    began_at = models.DateTimeField(help_text="By the device's clock.")
    label = models.CharField(max_length=64)
    ended_at = models.DateTimeField(help_text="The last frame that is known to show it.")
    confidence = models.FloatField(help_text="The best of its frames so far; probability, 0 to 1.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "began_at", "label"], name="one_reported_gesture_once")
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.device} at {self.began_at:%Y-%m-%d %H:%M:%S} UTC"


class Episode(models.Model):
    """One visit (`FACE`), or one gesture or object shown once, however many frames show it; `analytics/episodes.py`."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    label = models.CharField(max_length=64)
    started = models.DateTimeField(help_text="The first frame that shows it.")
    ended = models.DateTimeField(help_text="The last frame that shows it.")
    peak = models.PositiveSmallIntegerField(help_text="Of the frame that shows most of it.")
    confidence = models.FloatField(help_text="The best of its detections; probability, 0 to 1.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "label", "started"], name="one_episode_at_a_time")]
        # For the newest of many devices, as with frames.
        indexes = [models.Index(fields=["-started"], name="episodes_by_time")]

    def __str__(self) -> str:
        return f"{self.label} of {self.device} from {self.started:%Y-%m-%d %H:%M:%S} UTC"
