"""Data sets: pictures with labelled boxes, and where the pictures are from.

Boxes are left, top, width and height in pixels of the stored picture. Times are UTC.
"""

import secrets

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from devices.models import Device, Site
from devices.rules.text import LineField
from devices.storage.querysets import SiteScopedQuerySet
from faces.models import Capture
from learning.models.querysets import OfDataSetQuerySet, OfPictureQuerySet


class SplitBy(models.TextChoices):
    """How pictures are divided into those to learn from and those to evaluate with."""

    RECORDING = "recording", "whole recordings"
    FOLDER = "folder", "as imported, by the folders train and validation"
    RANDOM = "random", "single pictures at random"


class DataSet(models.Model):
    """Pictures of a site with labelled boxes, from which models are trained."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="data_sets")
    name = LineField(max_length=80)
    licence = LineField(
        max_length=200, blank=True, help_text="The licence of pictures that were not taken at the site."
    )
    consent = LineField(
        max_length=200, blank=True, help_text="How the people in the pictures agreed, such as “signed form of 3 May”."
    )
    split_by = models.CharField(max_length=9, choices=SplitBy.choices, default=SplitBy.RECORDING)
    split_seed = models.PositiveIntegerField(default=1, help_text="The same number always makes the same split.")
    validation_share = models.FloatField(
        default=0.3,
        validators=[MinValueValidator(0.05), MaxValueValidator(0.95)],
        help_text="Share of the pictures to evaluate with, 0.05 to 0.95.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["site__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "name"],
                name="one_data_set_per_name",
                violation_error_message="The site has a data set of this name.",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="a_data_set_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("data-set", args=[self.pk])


class Label(models.Model):
    """A class of a data set, such as “thumbs-up” or “our blue mug”."""

    data_set = models.ForeignKey(DataSet, on_delete=models.CASCADE, related_name="labels")
    name = LineField(max_length=64)
    key = models.CharField(
        max_length=64, editable=False, help_text="The spelling in which devices report the label and pages count it."
    )
    number = models.PositiveSmallIntegerField(help_text="The class_id in exported files, from 0.")

    objects = OfDataSetQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["data_set", "key"], name="one_label_per_spelling"),
            models.UniqueConstraint(fields=["data_set", "number"], name="one_label_per_number"),
        ]

    def __str__(self) -> str:
        return self.name


class Origin(models.TextChoices):
    """Where a picture is from."""

    UPLOAD = "upload", "uploaded"
    CAPTURE = "capture", "a capture of a camera"
    FIELD = "field", "sent by a camera for training"


class Review(models.TextChoices):
    """Whether a picture is used."""

    OPEN = "open", "to annotate"
    KEPT = "kept"
    DISCARDED = "discarded"


def picture_file_name(picture: "Picture", filename: str) -> str:
    """Return a random name in the folder of the data set."""
    return f"learning/{picture.data_set_id}/{secrets.token_hex(16)}.jpg"


class Picture(models.Model):
    """A picture of a data set. Its boxes are complete once the picture is kept."""

    data_set = models.ForeignKey(DataSet, on_delete=models.CASCADE, related_name="pictures")
    name = LineField(max_length=200, help_text="The file's path in exports, such as lobby/thumb-001.jpg.")
    image = models.FileField(upload_to=picture_file_name, max_length=200)
    sha256 = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the file as it came.")
    bytes = models.PositiveIntegerField(default=0, help_text="Of a picture that a camera sent; else 0.")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    recording = LineField(
        max_length=120, help_text="Pictures of one recording are nearly the same, so a split keeps them together."
    )
    folder = models.CharField(
        max_length=10, blank=True, help_text="train or validation, as imported; empty if neither."
    )
    origin = models.CharField(max_length=7, choices=Origin.choices, default=Origin.UPLOAD)
    capture = models.ForeignKey(Capture, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    device = models.ForeignKey(Device, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    taken_at = models.DateTimeField(null=True, blank=True)
    review = models.CharField(max_length=9, choices=Review.choices, default=Review.OPEN)
    uncertainty = models.FloatField(
        default=0.0, help_text="How unsure a model was, 0 to 1; the most uncertain pictures are annotated first."
    )
    hands = models.JSONField(
        null=True, editable=False, help_text="Landmarks of the hands that were found; empty until they are looked for."
    )
    added_at = models.DateTimeField(auto_now_add=True)

    objects = OfDataSetQuerySet.as_manager()

    class Meta:
        ordering = ["data_set", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["data_set", "name"], name="one_picture_per_name"),
            models.UniqueConstraint(fields=["data_set", "sha256"], name="one_picture_per_content"),
        ]
        indexes = [models.Index(fields=["data_set", "review", "id"], name="pictures_to_annotate")]

    def __str__(self) -> str:
        return self.name


class Annotation(models.Model):
    """A labelled box of a picture."""

    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="annotations")
    label = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="annotations")
    left = models.IntegerField()
    top = models.IntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    objects = OfPictureQuerySet.as_manager()

    class Meta:
        ordering = ["picture", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(left__gte=0, top__gte=0, width__gte=1, height__gte=1), name="a_box_has_an_area"
            )
        ]

    def __str__(self) -> str:
        return f"{self.label} in {self.picture}"

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.width, self.height


class Opinion(models.Model):
    """The boxes that one annotator saved last for a picture, so that two annotators can be compared."""

    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="opinions")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    boxes = models.JSONField(help_text="Each box as [label, left, top, width, height].")
    at = models.DateTimeField()

    objects = OfPictureQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["picture", "annotator"], name="one_opinion_per_annotator")]

    def __str__(self) -> str:
        return f"{self.annotator} about {self.picture}"
