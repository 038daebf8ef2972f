"""How verdicts and the precision that they tell look in the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from analytics.models import Review
from analytics.rest.serializers import SpanQuery
from edge_agent.vision.gestures import THUMBS_UP


class PrecisionQuery(SpanQuery):
    label = serializers.CharField(default=THUMBS_UP, help_text="Such as thumbs-up, cup or face.")  # type: ignore[assignment]


class PrecisionSerializer(serializers.Serializer[Any]):
    """Of a `precision.Precision`."""

    right = serializers.IntegerField(help_text="Detections that most reviewers call right.")
    wrong = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True, help_text="Of right ones, 0 to 1; null where nothing is decided.")
    share_low = serializers.FloatField(
        source="interval.low", default=None, allow_null=True, help_text="Wilson's 95 % interval of the share."
    )
    share_high = serializers.FloatField(source="interval.high", default=None, allow_null=True)


class DevicePrecisionSerializer(serializers.Serializer[Any]):
    device = serializers.CharField()
    software = serializers.CharField(help_text="That found them; “not told” where the device never said.")
    precision = PrecisionSerializer()


class ThresholdPrecisionSerializer(serializers.Serializer[Any]):
    threshold = serializers.FloatField(help_text="Of detections with at least this confidence, 0 to 1.")
    precision = PrecisionSerializer()


@extend_schema_serializer(many=False)
class PrecisionTableSerializer(serializers.Serializer[Any]):
    """Of a `precision.Table`."""

    precision = PrecisionSerializer(source="whole")
    disputed = serializers.IntegerField(help_text="Of which as many reviewers say right as wrong.")
    devices = DevicePrecisionSerializer(source="by_device", many=True, help_text="With each of their softwares.")
    thresholds = ThresholdPrecisionSerializer(
        source="by_threshold", many=True, help_text="Ascending; those that change nothing are left out."
    )


class VerdictSerializer(serializers.ModelSerializer[Review]):
    site = serializers.CharField(source="detection.frame.device.site.slug", read_only=True)
    device = serializers.CharField(source="detection.frame.device.name", read_only=True)
    label = serializers.CharField(source="detection.label", read_only=True)  # type: ignore[assignment]
    reviewer = serializers.CharField(
        source="reviewer.username", default=None, allow_null=True, read_only=True, help_text="Null: has left."
    )

    class Meta:
        model = Review
        fields = ["id", "site", "device", "detection", "label", "verdict", "reviewer", "at"]
