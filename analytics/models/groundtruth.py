"""Ground truth: counts by a person who watched the same display as a camera."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from devices.models import Device
from devices.storage.querysets import DeviceScopedQuerySet, SiteScopedQuerySet


class GroundTruthCountQuerySet(SiteScopedQuerySet):
    site_path = "session__device__site"


class GroundTruthSession(models.Model):
    """A period in which a person counted the people facing a display."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="ground_truth", db_index=False)
    counted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    started_at = models.DateTimeField()
    heard_at = models.DateTimeField(
        help_text="Time of the page's latest request; a session without an end is known up to here."
    )
    ended_at = models.DateTimeField(null=True)
    counts_arrivals = models.BooleanField(
        db_default=False, help_text="Whether the person also counts everybody who comes."
    )
    clock_offset = models.DurationField(
        null=True, help_text="The platform's clock minus the page's; empty before the page's first request."
    )

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-pk"]
        indexes = [
            models.Index(fields=["device", "started_at"], name="ground_truth_of_a_device"),
            # The deletion of a user looks up the sessions of the user.
            models.Index(fields=["counted_by"], name="ground_truth_by_user"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")), name="a_session_ends_after_it_starts"
            )
        ]

    def __str__(self) -> str:
        return f"{self.device} from {self.started_at:%Y-%m-%d %H:%M} UTC"

    def get_absolute_url(self) -> str:
        return reverse("ground-truth-session", args=[self.pk])


class GroundTruthCount(models.Model):
    """The number of people facing the display from a time on, and of those who came so far."""

    session = models.ForeignKey(GroundTruthSession, on_delete=models.CASCADE, related_name="counts", db_index=False)
    key = models.UUIDField(help_text="Made by the page, so that a count that is sent twice is kept once.")
    at = models.DateTimeField(help_text="By the platform's clock.")
    people = models.PositiveSmallIntegerField(null=True, help_text="Empty where the person stopped counting.")
    came = models.PositiveIntegerField(
        null=True, help_text="How many people have come since the session began; empty where nobody counts them."
    )

    objects = GroundTruthCountQuerySet.as_manager()

    class Meta:
        ordering = ["at", "pk"]
        constraints = [models.UniqueConstraint(fields=["session", "key"], name="one_ground_truth_count_once")]

    def __str__(self) -> str:
        return f"{self.people} at {self.at:%Y-%m-%d %H:%M:%S} UTC"
