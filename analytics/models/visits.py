"""Visits: one person each, from coming to leaving, as devices report them that follow people."""

from django.db import models

from devices.models import Device
from devices.storage.querysets import DeviceScopedQuerySet


class Visit(models.Model):
    """The visit of one person to a display, as far as it has been reported; kept as long as frames.

    No face is remembered for it: the key is a random text that ended with the visit.
    """

    partitioned_by = "began_at"

    device = models.ForeignKey(
        Device, on_delete=models.CASCADE, related_name="visits", db_index=False, db_constraint=False
    )
    began_at = models.DateTimeField(help_text="By the device's clock.")
    key = models.CharField(max_length=32, help_text="Random text by which the device names the visit.")
    dwell_ms = models.PositiveIntegerField(help_text="How long the person has been seen, in milliseconds.")
    attention_ms = models.PositiveIntegerField(
        null=True,
        help_text="How long of it the face was turned to the display; empty where the device does not tell.",
    )
    nearest_m = models.FloatField(
        null=True, help_text="Distance from the camera at the nearest, in metres; empty where it is unknown."
    )
    bodies = models.BooleanField(
        db_default=False,
        help_text="Whether the device looks for bodies, too: then whoever passes without a glance has a visit.",
    )
    ended = models.BooleanField(help_text="Whether the end has been reported; otherwise the visit may have gone on.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "began_at", "key"], name="one_visit_once")]
        # For lists of the newest visits of many devices, as with frames.
        indexes = [models.Index(fields=["-began_at"], name="visits_by_time")]

    def __str__(self) -> str:
        return f"{self.device} from {self.began_at:%Y-%m-%d %H:%M:%S} UTC: {self.dwell_ms / 1000:g} s"
