"""Records of upkeep: merges, notices of erasure, calls of the month, unclaimed faces, unpublished sightings.

Times are UTC.
"""

from django.conf import settings
from django.db import models

from devices.models import Site
from devices.storage.querysets import SiteScopedQuerySet
from faces.models.core import Sighting
from faces.models.people import Person
from faces.models.querysets import ErasureNoticeQuerySet, RecogniserMonthQuerySet


class Merge(models.Model):
    """The merge of two people's rows: `person` took over the rows of the other person, who was deleted.

    Stores what is needed to undo the merge. Once it is undone, the other person's name is removed from it.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="merges")
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="merges", help_text="The person who took the rows over."
    )
    other_number = models.BigIntegerField(help_text="The primary key of the other person's row.")
    other_name = models.CharField(max_length=80, blank=True, help_text="Empty once the merge is undone.")
    other_line = models.CharField(max_length=120, blank=True)
    other_details = models.JSONField(
        db_default={}, help_text="What else described the other person, by the field; empty once the merge is undone."
    )
    taken_over = models.JSONField(
        db_default=[], help_text="The fields that `person` has taken over, because they were empty."
    )
    other_guest_number = models.PositiveIntegerField(null=True, blank=True)
    other_created_at = models.DateTimeField()
    moved = models.JSONField(help_text="Primary keys of the moved rows, by table.")
    voided = models.JSONField(help_text="Coffees that were voided as repetitions, each with its earlier review.")
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
        # Without names, because the admin's history keeps this text when the people are erased.
        return f"merge of person {self.other_number} into person {self.person_id}"


class ErasureNotice(models.Model):
    """The announced erasure of a person whom no camera has seen for the term of their consent."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="erasure_notice")
    last_seen_at = models.DateTimeField(help_text="The latest sighting, or the latest consent if that is later.")
    noticed_at = models.DateTimeField()
    erase_at = models.DateTimeField(help_text="The first nightly run after this erases the person.")
    told_at = models.DateTimeField(null=True, help_text="When it was sent to the person's address; empty: it was not.")
    problem = models.TextField(blank=True, help_text="Why the latest run could not tell or erase the person.")

    objects = ErasureNoticeQuerySet.as_manager()

    class Meta:
        ordering = ["erase_at", "pk"]

    def __str__(self) -> str:
        # Without the name, as in `Merge`.
        return f"notice of erasure for person {self.person_id}"


class RecogniserMonth(models.Model):
    """The number of charged calls to a recogniser in a month of UTC, as Amazon bills them."""

    provider = models.CharField(max_length=20)
    month = models.DateField(help_text="The first day of the month.")
    calls = models.PositiveBigIntegerField(default=0, help_text="Calls are counted before they are made.")

    objects = RecogniserMonthQuerySet.as_manager()

    class Meta:
        ordering = ["-month", "provider"]
        constraints = [models.UniqueConstraint(fields=["provider", "month"], name="one_row_per_recogniser_and_month")]

    def __str__(self) -> str:
        return f"{self.provider} in {self.month:%B %Y}"


class UnclaimedFace(models.Model):
    """A stranger's face that a recogniser is indexing and that belongs to no person yet.

    The transaction that creates the guest deletes the row. A row that stays belongs to an interrupted recognition; its
    face is forgotten again.
    """

    note = models.CharField(max_length=32, primary_key=True, help_text="Stored by the recogniser with the face.")
    provider = models.CharField(max_length=20)
    collection = models.CharField(max_length=64)
    since = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.note


class UntoldSighting(models.Model):
    """A sighting that is not published to the topic yet. Deleted once it is published or given up."""

    sighting = models.OneToOneField(Sighting, on_delete=models.CASCADE, primary_key=True, related_name="+")
    since = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"sighting {self.sighting_id}"
