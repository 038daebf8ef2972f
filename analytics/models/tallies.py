"""Tallies: the counts of each device in each quarter hour."""

from django.db import models

from devices.models import Device
from devices.querysets import DeviceScopedQuerySet


class EngagementQuarter(models.Model):
    """The frames and faces of a device in a quarter hour; `ENGAGEMENT_MERGE` defines how quarters add up."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    start = models.DateTimeField()
    frames = models.PositiveIntegerField(help_text="Frames whose number of faces is known.")
    faces_sum = models.PositiveBigIntegerField(help_text="Faces of all these frames together.")
    faces_peak = models.PositiveSmallIntegerField(help_text="The most faces in one frame.")
    minutes_seen = models.PositiveSmallIntegerField(help_text="Bit n is set where minute n has any frame.")
    minutes_occupied = models.PositiveSmallIntegerField(help_text="Bit n is set where minute n has a face.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "start"], name="one_engagement_per_quarter")]

    def __str__(self) -> str:
        return f"{self.device} from {self.start:%Y-%m-%d %H:%M} UTC"


class SignOfLifeQuarter(models.Model):
    """The minutes of a quarter hour in which a device said that it was on, without a frame; kept as long as frames."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    start = models.DateTimeField()
    minutes = models.PositiveSmallIntegerField(help_text="Bit n is set for minute n.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "start"], name="one_sign_of_life_per_quarter")]

    def __str__(self) -> str:
        return f"{self.device} from {self.start:%Y-%m-%d %H:%M} UTC"


class LabelQuarter(models.Model):
    """The detections of a label by a device in a quarter hour and a confidence bin; all numbers add up."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    start = models.DateTimeField()
    label = models.CharField(max_length=64)
    confidence_bin = models.PositiveSmallIntegerField(help_text="0 is below 5 %, 19 is 95 % and above.")
    count = models.PositiveIntegerField(help_text="Detections, the rejected ones included.")
    rejected = models.PositiveIntegerField(help_text="Rejected by reviewers.")
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
