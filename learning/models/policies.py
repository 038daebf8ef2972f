"""An owner's permission to keep pictures of the site's cameras for training."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from devices.models import Site
from devices.storage.querysets import SiteScopedQuerySet
from learning.models.datasets import DataSet

MOST_EVERY, MOST_MEGABYTES = 1_000_000, 1_000

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
    from_cameras = models.BooleanField(
        "let the cameras send pictures for training",
        default=False,
        help_text="A camera with a device token then sends some of its frames into the data set below.",
    )
    every = models.PositiveIntegerField(
        "detections for each picture",
        default=50,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_EVERY)],
        help_text="A camera sends at most one frame in so many detections, the one of which it was least sure.",
    )
    megabytes = models.PositiveIntegerField(
        "megabytes a day for each camera",
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_MEGABYTES)],
        help_text="A picture has some 90 kilobytes.",
    )
    data_set = models.ForeignKey(
        DataSet,
        verbose_name="data set for the cameras’ pictures",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Its labels choose the detections that count; without a label, all do.",
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
            ),
            models.CheckConstraint(
                condition=Q(from_cameras=False) | Q(is_on=True),
                name="cameras_send_pictures_only_where_they_may_be_kept",
                violation_error_message="Cameras send pictures only where pictures of the cameras are kept.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site}: {'keeps' if self.is_on else 'keeps no'} pictures for training"

    def clean(self) -> None:
        """Raises `ValidationError` for a data set that is missing, or that is another site's."""
        if self.from_cameras and self.data_set is None:
            raise ValidationError({"data_set": "Choose the data set into which the cameras' pictures go."})
        if self.data_set is not None and self.data_set.site_id != self.site_id:
            raise ValidationError({"data_set": f"{self.data_set} is no data set of {self.site}."})
