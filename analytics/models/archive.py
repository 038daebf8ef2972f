"""Files with the facts of months that PostgreSQL no longer has; `features/archiving` writes and reads them."""

from django.db import models


class FactKind(models.TextChoices):
    """The facts whose old months are archived."""

    FRAMES = "frames"
    DETECTIONS = "detections"
    VISITS = "visits"


class ArchivedFile(models.Model):
    """A Parquet file with the frames, detections or visits of all devices of one UTC day; deleted after the retention.

    A day has several files if facts of it were imported after it was archived.
    """

    kind = models.CharField(max_length=10, choices=FactKind.choices)
    day = models.DateField(help_text="In UTC.")
    file = models.FileField(max_length=200)
    rows = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64, help_text="Of the rows as the database had them, in any order.")
    is_complete = models.BooleanField(
        default=False, help_text="Whether the database has these rows no longer, so that they are read from the file."
    )

    class Meta:
        ordering = ["day", "kind", "pk"]
        constraints = [models.UniqueConstraint(fields=["kind", "day", "digest"], name="one_file_of_the_same_facts")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.day}"
