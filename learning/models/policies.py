"""An owner's permission to keep pictures of the site's cameras for training."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from devices.models import Site
from devices.storage.querysets import SiteScopedQuerySet

LONGEST_DAYS = 3 * 366
"""The longest term of pictures for training: three years."""


class TrainingPolicy(models.Model):
    """What a site's owner allows. A site without a row keeps no picture of its cameras for training."""

    site = models.OneToOneField(Site, on_delete=models.CASCADE, primary_key=True, related_name="training_policy")
    is_on = models.BooleanField("keep pictures of the cameras for training", default=False)
    keep_days = models.PositiveIntegerField(
        "days that such pictures are kept",
        default=90,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_DAYS)],
        help_text="Counted from the day on which a picture was added. Models that learned from it stay.",
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "training policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(is_on=False) | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
                name="pictures_for_training_need_the_owners_confirmation",
            )
        ]

    def __str__(self) -> str:
        return f"{self.site}: {'keeps' if self.is_on else 'keeps no'} pictures for training"
