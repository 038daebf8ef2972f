"""How ground truth looks in the API."""

from typing import Any

from rest_framework import serializers

from analytics.models.groundtruth import GroundTruthCount, GroundTruthSession

MOST_COUNTS = 1_000
"""In one request; a page that has more sends them one after the other."""

MOST_PEOPLE = 1_000
"""That anybody can count before a display."""


def people(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=MOST_PEOPLE, **options)


class GroundTruthSerializer(serializers.ModelSerializer[GroundTruthSession]):
    site = serializers.CharField(source="device.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", read_only=True)
    counted_by = serializers.CharField(source="counted_by.username", default=None, read_only=True)

    class Meta:
        model = GroundTruthSession
        fields = ["id", "site", "device", "counted_by", "started_at", "heard_at", "ended_at"]
        read_only_fields = fields


class WhereQuery(serializers.Serializer[dict[str, Any]]):
    """A site, or a device."""

    site = serializers.CharField(required=False, help_text="A site's slug.")
    device = serializers.CharField(required=False, help_text="A device's name; with `site` where several sites use it.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"site": ["Select a place: give site, or device, or both."]})
        return attrs


class NewSessionSerializer(serializers.Serializer[dict[str, Any]]):
    """Where to count, and how many people are there already."""

    device = serializers.CharField(help_text="A device's name; with `site` where several sites use it.")
    site = serializers.CharField(required=False, help_text="A site's slug.")
    people = people(default=0)


class NotedCountSerializer(serializers.Serializer[dict[str, Any]]):
    key = serializers.UUIDField(help_text="Of your own making: a count that is sent twice is kept once.")
    at = serializers.DateTimeField(help_text="By your clock.")
    people = people(allow_null=True, help_text="From then on; null: nobody was counting any more.")


class NotedSerializer(serializers.Serializer[dict[str, Any]]):
    """What a page has noted since it was last heard. An empty list of counts says that somebody is still counting."""

    sent_at = serializers.DateTimeField(help_text="By your clock; how far it is wrong is found by it.")
    counts = serializers.ListField(child=NotedCountSerializer(), max_length=MOST_COUNTS)
    ended_at = serializers.DateTimeField(default=None, allow_null=True, help_text="By your clock; ends the session.")


class ComparisonSerializer(serializers.Serializer[Any]):
    """Of a `comparison.Comparison`."""

    minutes = serializers.IntegerField(help_text="Whole minutes in which both looked.")
    minutes_off = serializers.IntegerField(help_text="Minutes counted while the camera was off; not compared.")
    person = serializers.FloatField(allow_null=True, help_text="People on average, as the person counted.")
    camera = serializers.FloatField(allow_null=True, help_text="As the camera did.")
    bias = serializers.FloatField(allow_null=True, help_text="The camera's average less the person's.")
    bias_low = serializers.FloatField(
        source="bias_interval.low", default=None, allow_null=True, help_text="95 % interval."
    )
    bias_high = serializers.FloatField(source="bias_interval.high", default=None, allow_null=True)
    absolute_error = serializers.FloatField(allow_null=True, help_text="Mean over the minutes.")
    share = serializers.FloatField(allow_null=True, help_text="Of what a person sees, what the camera measures.")
    share_low = serializers.FloatField(
        source="share_interval.low", default=None, allow_null=True, help_text="95 % interval."
    )
    share_high = serializers.FloatField(source="share_interval.high", default=None, allow_null=True)


class MinuteSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField(help_text="UTC.")
    person = serializers.FloatField()
    camera = serializers.FloatField(allow_null=True, help_text="Faces per frame; null is “camera off”.")


class CountedSerializer(serializers.ModelSerializer[GroundTruthCount]):
    class Meta:
        model = GroundTruthCount
        fields = ["at", "people"]
        read_only_fields = fields


class SessionResultSerializer(serializers.Serializer[Any]):
    """Of a `reads.SessionResult`."""

    session = GroundTruthSerializer()
    average = serializers.FloatField(allow_null=True, help_text="The person's, over the whole session.")
    comparison = ComparisonSerializer()
    minutes = MinuteSerializer(many=True)
    counts = CountedSerializer(source="session.counts", many=True)


class AccuracySerializer(serializers.Serializer[Any]):
    """Of a `reads.Accuracy`."""

    site = serializers.CharField(source="device.site.slug")
    device = serializers.CharField(source="device.name")
    sessions = serializers.IntegerField(source="compared", help_text="That have a minute to compare.")
    comparison = ComparisonSerializer()
