"""The JSON of data sets and their pictures."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from devices.rest.fields import SiteField
from learning.datasets.formats.boxes import MOST_BOXES
from learning.models import Annotation, DataSet, Kind, Picture, Review, Rollout, Run
from learning.rollout.services import GROUPS


class DataSetSerializer(serializers.ModelSerializer[DataSet]):
    site = SiteField(help_text="A site's slug; cannot be changed later.")
    labels: Any = serializers.SlugRelatedField(
        slug_field="name", many=True, read_only=True, help_text="The names of its labels, by class_id."
    )

    class Meta:
        model = DataSet
        fields = [
            *("id", "site", "name", "licence", "consent", "split_by", "split_seed", "validation_share"),
            *("labels", "created_at"),
        ]
        read_only_fields = ["created_at"]
        validators: list[Any] = []  # the service validates, with its own sentence

    def get_fields(self) -> Any:
        fields = super().get_fields()
        fields["site"].read_only = isinstance(self.instance, DataSet)
        return fields


class BoxSerializer(serializers.ModelSerializer[Annotation]):
    label = serializers.CharField(max_length=64)  # type: ignore[assignment]

    class Meta:
        model = Annotation
        fields = ["label", "left", "top", "width", "height"]


class TrainingPictureSerializer(serializers.ModelSerializer[Picture]):
    site = serializers.CharField(source="data_set.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", default=None, allow_null=True, read_only=True)
    boxes = BoxSerializer(source="annotations", many=True, read_only=True)

    class Meta:
        model = Picture
        fields = [
            *("id", "site", "data_set", "name", "width", "height", "recording", "origin", "device", "taken_at"),
            *("review", "added_at", "boxes"),
        ]


class BoxesSerializer(serializers.Serializer[Any]):
    """All boxes of a picture."""

    boxes = serializers.ListField(child=BoxSerializer(), max_length=MOST_BOXES)
    review = serializers.ChoiceField(choices=Review.choices, default=Review.KEPT)


class UploadSerializer(serializers.Serializer[Any]):
    """Pictures, annotations, or one ZIP archive of both."""

    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True), min_length=1, max_length=100)
    recording = serializers.CharField(
        max_length=120, required=False, default="", help_text="The recording of pictures whose folder tells none."
    )


class ProblemSerializer(serializers.Serializer[Any]):
    where = serializers.CharField()
    what = serializers.CharField()


class ImportReportSerializer(serializers.Serializer[Any]):
    added = serializers.IntegerField(help_text="New pictures.")
    known = serializers.IntegerField(help_text="Pictures that the data set had already.")
    annotated = serializers.IntegerField(help_text="Pictures whose boxes were set.")
    boxes = serializers.IntegerField()
    without_annotation = serializers.IntegerField(help_text="New pictures that no annotation describes.")
    problems = ProblemSerializer(many=True, help_text="The items that were left out or changed, and why.")
    further_problems = serializers.IntegerField(help_text="Problems beyond the listed ones.")


class SplitSerializer(serializers.Serializer[Any]):
    train = serializers.IntegerField(help_text="Pictures to learn from.")
    validation = serializers.IntegerField(help_text="Pictures to evaluate with.")
    recordings = serializers.DictField(child=serializers.CharField(), help_text="The part of each recording.")
    warnings = serializers.ListField(child=serializers.CharField())


class RunSerializer(serializers.ModelSerializer[Run]):
    site = serializers.CharField(source="data_set.site.slug", read_only=True)
    job = serializers.DictField(
        read_only=True, help_text="For the kind `sagemaker`: the job's name, status, billed seconds and cost."
    )

    class Meta:
        model = Run
        fields = [
            *("id", "site", "data_set", "number", "kind", "note", "parameters", "state", "progress", "step", "reason"),
            *("created_at", "finished_at", "seconds", "labels", "silent", "threshold", "trained_pictures", "split"),
            *("warnings", "figures", "curve", "not_found", "model_sha256", "model_bytes", "job"),
        ]


class FiguresSerializer(serializers.Serializer[Any]):
    """The figures of a training elsewhere."""

    expected = serializers.IntegerField(min_value=0, max_value=10**9)
    true = serializers.IntegerField(min_value=0, max_value=10**9)
    false = serializers.IntegerField(min_value=0, max_value=10**9)
    mean_true = serializers.FloatField(min_value=0, max_value=1, allow_null=True, required=False)
    mean_false = serializers.FloatField(min_value=0, max_value=1, allow_null=True, required=False)
    seconds = serializers.FloatField(min_value=0, max_value=10**9, allow_null=True, required=False)


class NewRunSerializer(serializers.Serializer[Any]):
    data_set = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="The number of a data set.")
    kind = serializers.ChoiceField(choices=Kind.choices)
    parameters = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        default=dict,
        help_text="Hyper-parameters; defaults where missing.",
    )
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    figures = FiguresSerializer(required=False, help_text="For the kind `entered`.")


class IntervalSerializer(serializers.Serializer[Any]):
    low = serializers.FloatField()
    high = serializers.FloatField()


class TableSerializer(serializers.Serializer[Any]):
    expected = serializers.IntegerField(help_text="Annotated boxes.")
    true = serializers.IntegerField()
    false = serializers.IntegerField()
    missed = serializers.IntegerField()
    mean_true = serializers.FloatField(allow_null=True, help_text="Mean confidence of the true predictions.")
    mean_false = serializers.FloatField(allow_null=True)
    recall = serializers.FloatField(allow_null=True)
    recall_interval = IntervalSerializer(allow_null=True, help_text="Wilson's 95 % interval.")
    precision = serializers.FloatField(allow_null=True)
    precision_interval = IntervalSerializer(allow_null=True)


class ConfusionSerializer(serializers.Serializer[Any]):
    labels = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()), help_text="A row for each true label."
    )


class EvaluationSerializer(serializers.Serializer[Any]):
    threshold = serializers.FloatField()
    table = TableSerializer()
    labels = serializers.DictField(child=TableSerializer())
    recordings = serializers.DictField(child=TableSerializer())
    confusion = ConfusionSerializer()


class WantedModelSerializer(serializers.Serializer[Any]):
    sha256 = serializers.CharField(help_text="SHA-256 of the whole file; the last part of its address.")
    bytes = serializers.IntegerField()
    name = serializers.CharField()


class TrainingRuleSerializer(serializers.Serializer[Any]):
    every = serializers.IntegerField(help_text="At most one frame in so many detections.")
    megabytes = serializers.FloatField(help_text="At most so many in a day, UTC.")
    labels = serializers.ListField(child=serializers.CharField(), help_text="Labels that count; empty for all.")


@extend_schema_serializer(many=False)
class WantedModelsSerializer(serializers.Serializer[Any]):
    models = WantedModelSerializer(many=True)
    training = TrainingRuleSerializer(
        allow_null=True, help_text="Frames to send for training; null where the site's owner lets cameras send none."
    )


class ModelRolloutSerializer(serializers.ModelSerializer[Rollout]):
    site = serializers.CharField(source="device.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", read_only=True)
    model = serializers.CharField(source="run.model_sha256", read_only=True, help_text="SHA-256 of the model's file.")
    reported = serializers.JSONField(
        source="device.thing.known_state.reported_models",
        allow_null=True,
        default=None,
        read_only=True,
        help_text="What the device says of the models that it runs or refused; null if it has said nothing.",
    )

    class Meta:
        model = Rollout
        fields = ["id", "site", "device", "run", "model", "since", "until", "reported"]


class NewModelRolloutSerializer(serializers.Serializer[Any]):
    run = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    devices = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        default=list,
        max_length=1000,
        help_text="Names of the site's devices.",
    )
    group = serializers.ChoiceField(
        choices=list(GROUPS.items()), required=False, default="", help_text="Or a group of its devices."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the values. Raises `ValidationError` unless there are devices or a group."""
        if bool(attrs["devices"]) == bool(attrs["group"]):
            raise serializers.ValidationError({"devices": ["Give the names of devices, or a group."]})
        return attrs
