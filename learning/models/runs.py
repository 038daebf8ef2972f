"""Training runs, their evaluation, and what was predicted for each picture."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from devices.rules.text import LineField
from learning.models.datasets import DataSet, Picture
from learning.models.querysets import OfDataSetQuerySet, OfRunQuerySet


class Kind(models.TextChoices):
    """What a run trains, or where its figures are from."""

    GESTURE = "gesture", "gestures from hand landmarks"
    THING = "thing", "things by the shipped detector's features"
    RIGID = "rigid", "a rigid thing by its outlines (HOG)"
    SAGEMAKER = "sagemaker", "things by SageMaker's object detection"
    ENTERED = "entered", "figures entered by hand"


class State(models.TextChoices):
    """The state of a run, which is recorded nowhere else."""

    QUEUED = "queued"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


OPEN_STATES = (State.QUEUED, State.WORKING)

ON_CAMERAS = frozenset({Kind.GESTURE, Kind.THING, Kind.RIGID})
"""What camera boxes run. They have no MXNet, which a model of SageMaker needs."""


def model_file_name(run: "Run", filename: str) -> str:
    return f"models/{run.model_sha256}.model"


class Run(models.Model):
    """One training of a data set with its hyper-parameters, its evaluation and its model."""

    data_set = models.ForeignKey(DataSet, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField(help_text="The version of the model, counted per data set.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    note = LineField(max_length=200, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Attempts since the latest progress, including an unfinished one."
    )
    next_try_at = models.DateTimeField(default=timezone.now)
    stop_requested = models.BooleanField(default=False)
    progress = models.FloatField(default=0.0, help_text="0 to 1.")
    step = models.CharField(max_length=200, blank=True, help_text="What the run is doing.")
    reason = models.TextField(blank=True, help_text="Why the run failed, or is tried again.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True, help_text="Time of training and evaluation.")
    labels = models.JSONField(
        default=list, blank=True, help_text="The labels that the model reports, as devices report them."
    )
    silent = models.JSONField(
        default=list, blank=True, help_text="Labels that the model has learned but never reports."
    )
    threshold = models.FloatField(default=0.5)
    trained_pictures = models.JSONField(default=dict, blank=True, help_text="Boxes to learn from, by label.")
    split = models.JSONField(default=dict, blank=True, help_text="The part of each recording.")
    warnings = models.JSONField(default=list, blank=True)
    figures = models.JSONField(
        default=dict,
        blank=True,
        help_text="Entered figures of the evaluation; empty for a run that was evaluated here.",
    )
    curve = models.JSONField(
        default=list, blank=True, help_text="The learning curve: pictures a label, and the share found."
    )
    not_found = models.JSONField(
        default=dict, blank=True, help_text="Annotated hands, and how many were not found, by part."
    )
    model_file = models.FileField(upload_to=model_file_name, max_length=200, blank=True)
    model_sha256 = models.CharField(max_length=64, blank=True)
    model_bytes = models.PositiveBigIntegerField(default=0)
    job = models.JSONField(
        default=dict, blank=True, editable=False, help_text="What Headcount knows of the run's job at SageMaker."
    )
    is_elsewhere = models.BooleanField(
        default=False,
        editable=False,
        help_text="Whether pictures, a job or an endpoint of the run may be at SageMaker.",
    )

    objects = OfDataSetQuerySet.as_manager()

    class Meta:
        ordering = ["data_set", "-number"]
        constraints = [models.UniqueConstraint(fields=["data_set", "number"], name="one_run_per_number")]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(state__in=("queued", "working")), name="runs_to_sweep"),
            models.Index(fields=["id"], condition=Q(is_elsewhere=True), name="runs_with_things_elsewhere"),
        ]

    def __str__(self) -> str:
        return f"{self.data_set.name} {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("run", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def has_model(self) -> bool:
        return bool(self.model_file)

    @property
    def model_suffix(self) -> str:
        """How the name of the model's file ends, such as .model or .tar.gz."""
        return "." + str(self.model_file).partition(".")[2]

    @property
    def is_evaluated(self) -> bool:
        return self.has_model and self.state == State.DONE

    @property
    def runs_on_cameras(self) -> bool:
        """Whether a camera can run the model."""
        return self.is_evaluated and self.kind in ON_CAMERAS

    def parameter(self, name: str, default: Any = None) -> Any:
        return self.parameters.get(name, default)


class Prediction(models.Model):
    """What the model of a run says of one thing in a picture of the evaluation, or that it finds nothing there."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="predictions")
    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="+")
    recording = models.CharField(max_length=120)
    truth = models.CharField(max_length=64, blank=True, help_text="The label of the annotated box; empty without one.")
    truth_box = models.JSONField(null=True)
    label = models.CharField(max_length=64, blank=True, help_text="The predicted label; empty where nothing was found.")
    confidence = models.FloatField(default=0.0)
    box = models.JSONField(null=True)

    objects = OfRunQuerySet.as_manager()

    class Meta:
        ordering = ["run", "pk"]

    def __str__(self) -> str:
        return f"{self.truth or 'nothing'} predicted as {self.label or 'nothing'}"
