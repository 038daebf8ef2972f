"""Tallies: the counts of each device in each quarter hour."""

from django.db import models
from django.db.models import Q

from analytics.models.frames import FACE
from devices.models import Device
from devices.storage.querysets import DeviceScopedQuerySet


class EngagementQuarter(models.Model):
    """The frames and faces of a device in a quarter hour; `ENGAGEMENT_MERGE` defines how quarters add up."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    start = models.DateTimeField()
    frames = models.PositiveIntegerField(help_text="Frames whose number of faces is known.")
    faces_sum = models.PositiveBigIntegerField(help_text="Faces of all these frames together.")
    faces_peak = models.PositiveSmallIntegerField(help_text="The most faces in one frame.")
    minutes_seen = models.PositiveSmallIntegerField(
        help_text="Bit n is set where minute n has any frame or another sign that the camera was on."
    )
    minutes_occupied = models.PositiveSmallIntegerField(help_text="Bit n is set where minute n has a face.")
    minutes_told = models.PositiveSmallIntegerField(help_text="Bit n is set where minute n has any frame.")

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
        indexes = [
            # Most tallies are of faces, and pages show the others. Numbers that change are no part of it, so that
            # PostgreSQL updates rows without touching the index.
            models.Index(fields=["device", "start"], name="labels_but_faces", condition=~Q(label=FACE)),
        ]

    def __str__(self) -> str:
        return f"{self.device} from {self.start:%Y-%m-%d %H:%M} UTC: {self.label}"


class VisitQuarter(models.Model):
    """The visits of a device that began in a quarter hour; all numbers add up.

    Groups are the visits that began in the same minute: people who come together behave alike, and an interval must not
    take them for independent. The sums of the squares and products of durations are of tenths of a second. Those of
    bins (`quarters.duration_bin`, a logarithmic scale) tell how alike people of a group are, for medians.

    A visit that goes on moves from bin to bin, so that rows with negative numbers are added too; no field refuses them.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    start = models.DateTimeField()
    visits = models.IntegerField()
    dwell_ms_sum = models.BigIntegerField(help_text="Of all these visits.")
    told = models.IntegerField(help_text="Visits whose attention is known.")
    viewers = models.IntegerField(help_text="Visits with at least a second of attention.")
    told_dwell_ms_sum = models.BigIntegerField(help_text="Of the visits whose attention is known.")
    attention_ms_sum = models.BigIntegerField()
    groups = models.IntegerField(help_text="Groups with a visit whose attention is known.")
    attention_squares = models.BigIntegerField(help_text="Of the groups' attention.")
    dwell_squares = models.BigIntegerField(help_text="Of the groups' dwell.")
    products = models.BigIntegerField(help_text="Of the groups' attention and dwell.")
    passers_by = models.IntegerField(
        db_default=0, help_text="Visits whose attention is known, of devices that look for bodies, too."
    )
    passing_viewers = models.IntegerField(db_default=0, help_text="The viewers among them.")
    passing_groups = models.IntegerField(db_default=0, help_text="Groups with a passer-by.")
    passer_squares = models.BigIntegerField(db_default=0, help_text="Of the groups' passers-by.")
    passing_viewer_squares = models.BigIntegerField(db_default=0, help_text="Of the groups' viewers among these.")
    passing_products = models.BigIntegerField(db_default=0, help_text="Of the groups' passers-by and viewers.")
    all_groups = models.IntegerField(db_default=0)
    size_squares = models.BigIntegerField(db_default=0, help_text="Of the groups' numbers of visits.")
    dwell_bin_squares = models.BigIntegerField(db_default=0, help_text="Of the groups' sums of the bins of dwell.")
    dwell_bin_products = models.BigIntegerField(db_default=0, help_text="Of these sums and the numbers of visits.")
    told_size_squares = models.BigIntegerField(db_default=0, help_text="As `size_squares`, where attention is known.")
    attention_bin_squares = models.BigIntegerField(db_default=0, help_text="Of the groups' sums of bins of attention.")
    attention_bin_products = models.BigIntegerField(db_default=0, help_text="Of these sums and `told` of the group.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "start"], name="one_visit_tally_per_quarter")]

    def __str__(self) -> str:
        return f"{self.device} from {self.start:%Y-%m-%d %H:%M} UTC: {self.visits} visits"


class DurationQuarter(models.Model):
    """How many visits of a quarter hour have a dwell, or an attention, in one bin of durations."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    start = models.DateTimeField()
    measure = models.CharField(max_length=9, choices=[("dwell", "dwell"), ("attention", "attention")])
    bin = models.PositiveSmallIntegerField(help_text="See quarters.duration_bin.")
    visits = models.IntegerField()

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "start", "measure", "bin"], name="one_tally_per_quarter_measure_and_bin"
            )
        ]

    def __str__(self) -> str:
        return f"{self.device} from {self.start:%Y-%m-%d %H:%M} UTC: {self.measure} bin {self.bin}"


class SettledDay(models.Model):
    """A UTC day of a device of which frames are deleted, so that its tallies cannot be computed again.

    They stay as they are. Frames of the day that an import brings later are added to them.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "day"], name="one_settled_day_once")]

    def __str__(self) -> str:
        return f"{self.device} on {self.day}"
