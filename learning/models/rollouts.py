"""Which device runs which model, and since when."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from devices.models import Device
from devices.storage.querysets import DeviceScopedQuerySet
from learning.models.runs import Run


class Rollout(models.Model):
    """A model on a device for a stretch of time. The past stays, so that verdicts are told of the right model."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="rollouts")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="rollouts")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True, help_text="Empty while the device shall run the model.")
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["device", "-since", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "run"], condition=Q(until=None), name="one_rollout_of_a_model_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=F("since")), name="a_rollout_ends_after_it_began"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run} on {self.device}"
