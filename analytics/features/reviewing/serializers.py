"""The JSON of verdicts and of precision."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from analytics.models import Review, Verdict
from analytics.rest.serializers import SpanQuery
from devices.rest.items import EachField, RefusedSerializer
from edge_agent.vision.gestures import THUMBS_UP

MOST_AT_ONCE = 100
"""The most detections of one request; all their tallies are corrected in one transaction."""


class PrecisionQuery(SpanQuery):
    label = serializers.CharField(default=THUMBS_UP, help_text="A label, such as thumbs-up, cup or face.")  # type: ignore[assignment]


class PrecisionSerializer(serializers.Serializer[Any]):
    """A `precision.Precision`."""

    right = serializers.IntegerField(help_text="Detections that most reviewers call right.")
    wrong = serializers.IntegerField(help_text="Detections that most reviewers call wrong.")
    share = serializers.FloatField(
        allow_null=True,
        help_text="Share of right detections among the decided ones, 0 to 1; null where nothing is decided.",
    )
    share_low = serializers.FloatField(
        source="interval.low", default=None, allow_null=True, help_text="Wilson's 95 % interval of the share."
    )
    share_high = serializers.FloatField(source="interval.high", default=None, allow_null=True)


class DevicePrecisionSerializer(serializers.Serializer[Any]):
    device = serializers.CharField()
    software = serializers.CharField(
        help_text="The software that the device ran; “not told” where it never reported it."
    )
    precision = PrecisionSerializer()


class ThresholdPrecisionSerializer(serializers.Serializer[Any]):
    threshold = serializers.FloatField(help_text="The lowest confidence of the detections, 0 to 1.")
    precision = PrecisionSerializer()


@extend_schema_serializer(many=False)
class PrecisionTableSerializer(serializers.Serializer[Any]):
    """A `precision.PrecisionTable`."""

    precision = PrecisionSerializer(source="total")
    disputed = serializers.IntegerField(help_text="Detections of which as many reviewers say right as wrong.")
    devices = DevicePrecisionSerializer(
        source="by_device", many=True, help_text="The precision of each device with each software."
    )
    thresholds = ThresholdPrecisionSerializer(
        source="by_threshold",
        many=True,
        help_text="Ascending; a threshold that selects the same detections as the next one is left out.",
    )


class NewVerdictsSerializer(serializers.Serializer[Any]):
    """One verdict about some detections, each of which stands for itself: `refused` names those without a verdict."""

    detections = EachField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        min_length=1,
        max_length=MOST_AT_ONCE,
        help_text="Ids of detections.",
    )
    verdict = serializers.ChoiceField(
        choices=Verdict.choices, allow_null=True, help_text="Null withdraws your verdicts about these detections."
    )


@extend_schema_serializer(many=False)
class NewVerdictsResultSerializer(serializers.Serializer[Any]):
    changes = serializers.ListField(
        child=serializers.CharField(), help_text="For each day, a sentence with the numbers that changed."
    )
    detections = serializers.ListField(
        child=serializers.DictField(), help_text="The `id` and the `review` of each detection: what most reviewers say."
    )
    refused = RefusedSerializer(many=True, help_text="The items of `detections` that have no verdict now.")


class VerdictSerializer(serializers.ModelSerializer[Review]):
    site = serializers.CharField(source="device.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", read_only=True)
    detection = serializers.IntegerField(source="detection_id", read_only=True, help_text="Id of the detection.")
    label = serializers.CharField(source="detection.label", read_only=True)  # type: ignore[assignment]
    reviewer = serializers.CharField(
        source="reviewer.username",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="Null where the user was deleted.",
    )

    class Meta:
        model = Review
        fields = ["id", "site", "device", "detection", "label", "verdict", "reviewer", "at"]
