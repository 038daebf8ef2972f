"""Episodes: occupied spells, and showings of a gesture or object, each counted once however many frames it lasts."""

from django.db import models
from django.db.models import Q

from devices.models import Device
from devices.storage.querysets import DeviceScopedQuerySet

VISIT = "Key of the visit of the person who shows it; empty where the device does not tell, and for occupied spells."


class ReportedGesture(models.Model):
    """A gesture that a device has reported as one; kept as long as frames, because episodes are made from both."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    began_at = models.DateTimeField(help_text="By the device's clock.")
    label = models.CharField(max_length=64)
    ended_at = models.DateTimeField(help_text="The last frame that shows it, as far as known.")
    confidence = models.FloatField(help_text="The best of its frames so far: a probability, 0 to 1.")
    visit = models.CharField(max_length=32, db_default="", help_text=VISIT)

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "began_at", "label", "visit"], name="one_reported_gesture_of_a_visit_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.device} at {self.began_at:%Y-%m-%d %H:%M:%S} UTC"


class Episode(models.Model):
    """One occupied spell (label `FACE`), or one showing of a gesture or object; `counting/episodes.py` defines both."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    label = models.CharField(max_length=64)
    started = models.DateTimeField(help_text="The first frame that shows it.")
    ended = models.DateTimeField(help_text="The last frame that shows it.")
    peak = models.PositiveSmallIntegerField(help_text="The most faces, or the most objects of the label, in one frame.")
    confidence = models.FloatField(help_text="The best of its detections; probability, 0 to 1.")
    visit = models.CharField(max_length=32, db_default="", help_text=VISIT)

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "label", "started", "visit"], name="one_episode_of_a_visit_at_a_time"
            )
        ]
        indexes = [
            # For lists of the newest episodes of many devices, as with frames.
            models.Index(fields=["-started"], name="episodes_by_time"),
            # To find a person's earlier showing; the unique key would lead through those of everybody since.
            models.Index(
                fields=["device", "visit", "label", "started"], name="episodes_of_visits", condition=~Q(visit="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.device} from {self.started:%Y-%m-%d %H:%M:%S} UTC"
