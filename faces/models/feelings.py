"""Expressions of faces: an owner's confirmation that they may be read at a site, and their counts. Times are UTC."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from devices.models import Device, Site
from devices.rules.text import LineField
from devices.storage.querysets import DeviceScopedQuerySet, SiteScopedQuerySet


class FeelingsConfirmation(models.Model):
    """An owner's confirmation that expressions may lawfully be read at a site. Without a row none are asked for."""

    site = models.OneToOneField(Site, on_delete=models.CASCADE, primary_key=True, related_name="feelings")
    jurisdiction = LineField(max_length=120, help_text="Whose law applies, such as “Washington, United States”.")
    nobody_at_work_or_school = models.BooleanField(help_text="No employees and no students are seen by the cameras.")
    notice_is_public = models.BooleanField(help_text="A notice that says so hangs where people see it before.")
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(help_text="Pictures that were taken before are not read.")

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(nobody_at_work_or_school=True, notice_is_public=True) & ~Q(jurisdiction=""),
                name="expressions_need_every_confirmation",
            )
        ]

    def __str__(self) -> str:
        return f"expressions at {self.site}"


class ExpressionQuarter(models.Model):
    """How many faces had which expression, at a device in a quarter hour. No row says anything about a person.

    A row with fewer than `SMALLEST_GROUP` people is deleted when its quarter hour is over, and is shown nowhere before.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    start = models.DateTimeField()
    counts = models.JSONField(default=dict, help_text="Number of faces by expression.")
    most_at_once = models.PositiveSmallIntegerField(default=0, help_text="The most faces in one picture.")
    settled = models.BooleanField(default=False, help_text="The quarter hour is over, and had enough people.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "start"], name="one_row_of_expressions_per_quarter")]
        indexes = [models.Index(fields=["start"], condition=Q(settled=False), name="expressions_to_settle")]

    def __str__(self) -> str:
        return f"expressions at {self.device} from {self.start:%Y-%m-%d %H:%M} UTC"
