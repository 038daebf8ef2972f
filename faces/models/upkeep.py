"""What is kept about people and recognition besides the facts: merges, notices of erasure, the month's calls, and more.

Times are UTC.
"""

from django.conf import settings
from django.db import models

from devices.models import Site
from devices.querysets import SiteScopedQuerySet
from faces.models.core import Person, Sighting
from faces.models.querysets import ErasureNoticeQuerySet, RecogniserMonthQuerySet


class Merge(models.Model):
    """Two records turned out to be one person: one of them took over everything of the other, which is gone.

    Holds what is needed to undo it, and nothing that says who the other was once it is undone.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="merges")
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="merges", help_text="Who took everything over."
    )
    other_number = models.BigIntegerField(help_text="The number that the other record had.")
    other_name = models.CharField(max_length=80, blank=True, help_text="Empty once it is undone.")
    other_line = models.CharField(max_length=120, blank=True)
    other_guest_number = models.PositiveIntegerField(null=True, blank=True)
    other_created_at = models.DateTimeField()
    moved = models.JSONField(help_text="Numbers of the rows that changed hands, by table.")
    voided = models.JSONField(help_text="Coffees that became one with another, each with its review before.")
    merged_at = models.DateTimeField()
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-merged_at", "-pk"]

    def __str__(self) -> str:
        # Without names: the admin's history keeps this sentence when the people are erased.
        return f"merge of person {self.other_number} into person {self.person_id}"


class ErasureNotice(models.Model):
    """Somebody whom no camera has seen for the term of their consent; erased when the notice has run out."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="erasure_notice")
    last_seen_at = models.DateTimeField(help_text="The latest sighting, or the latest consent where that is later.")
    noticed_at = models.DateTimeField()
    erase_at = models.DateTimeField(help_text="The first nightly run after this erases the person.")
    problem = models.TextField(blank=True, help_text="Why the latest run could not erase the person.")

    objects = ErasureNoticeQuerySet.as_manager()

    class Meta:
        ordering = ["erase_at", "pk"]

    def __str__(self) -> str:
        # Without the name, as `Merge`.
        return f"notice of erasure for person {self.person_id}"


class RecogniserMonth(models.Model):
    """How many charged calls were made to a recogniser in a month, by UTC as the bill is."""

    provider = models.CharField(max_length=20)
    month = models.DateField(help_text="Its first day.")
    calls = models.PositiveBigIntegerField(default=0, help_text="Each is counted before it is made.")

    objects = RecogniserMonthQuerySet.as_manager()

    class Meta:
        ordering = ["-month", "provider"]
        constraints = [models.UniqueConstraint(fields=["provider", "month"], name="one_row_per_recogniser_and_month")]

    def __str__(self) -> str:
        return f"{self.provider} in {self.month:%B %Y}"


class UnclaimedFace(models.Model):
    """A face that a recogniser is told to know and that is nobody's yet.

    Goes with the transaction that makes it somebody's; what stays was interrupted, and is forgotten again.
    """

    note = models.CharField(max_length=32, primary_key=True, help_text="Kept by the recogniser with the face.")
    provider = models.CharField(max_length=20)
    collection = models.CharField(max_length=64)
    since = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.note


class UntoldSighting(models.Model):
    """Somebody was recognised, and the topic is not told of it yet; goes once it is, or is given up."""

    sighting = models.OneToOneField(Sighting, on_delete=models.CASCADE, primary_key=True, related_name="+")
    since = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"sighting {self.sighting_id}"
