"""The JSON of ground truth."""

from typing import Any

from rest_framework import serializers

from analytics.models.groundtruth import GroundTruthCount, GroundTruthSession
from devices.rest.items import EachField, RefusedSerializer

MOST_COUNTS = 1_000
"""The most counts of one request; a page with more counts sends several requests."""

MOST_PEOPLE = 1_000
"""The largest number of people that a person may count."""


MOST_ARRIVALS = 100_000
"""The most people who may come in one session."""


def people(**options: Any) -> serializers.IntegerField:
    """Return a field for a number of people."""
    return serializers.IntegerField(min_value=0, max_value=MOST_PEOPLE, **options)


class GroundTruthSerializer(serializers.ModelSerializer[GroundTruthSession]):
    site = serializers.CharField(source="device.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", read_only=True)
    counted_by = serializers.CharField(source="counted_by.username", default=None, allow_null=True, read_only=True)

    class Meta:
        model = GroundTruthSession
        fields = ["id", "site", "device", "counted_by", "started_at", "heard_at", "ended_at", "counts_arrivals"]
        read_only_fields = fields


class WhereQuery(serializers.Serializer[dict[str, Any]]):
    """The site or the device that a request selects."""

    site = serializers.CharField(required=False, help_text="A site's slug.")
    device = serializers.CharField(
        required=False, help_text="A device's name; add `site` if several of your sites have a device of that name."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"site": ["Select a place: give site, or device, or both."]})
        return attrs


class NewSessionSerializer(serializers.Serializer[dict[str, Any]]):
    """The device of a new session, and the number of people at its start."""

    device = serializers.CharField(
        help_text="A device's name; add `site` if several of your sites have a device of that name."
    )
    site = serializers.CharField(required=False, help_text="A site's slug.")
    people = people(default=0)
    counts_arrivals = serializers.BooleanField(
        default=False, help_text="Whether everybody who comes is counted, too, in `came`."
    )


class NotedCountSerializer(serializers.Serializer[dict[str, Any]]):
    key = serializers.UUIDField(
        help_text="A UUID that the client generates; a count that is sent twice is stored once."
    )
    at = serializers.DateTimeField(help_text="The time of the count by the client's clock.")
    people = people(
        allow_null=True, help_text="The number of people from that time on; null where nobody was counting."
    )
    came = serializers.IntegerField(
        min_value=0,
        max_value=MOST_ARRIVALS,
        default=None,
        allow_null=True,
        help_text="The number of people who have come since the session began; kept if the session counts arrivals.",
    )


class NotedSerializer(serializers.Serializer[dict[str, Any]]):
    """The counts since the client's last request. An empty list reports that the person is still counting.

    Each count stands for itself: `refused` of the response names those that are not stored.
    """

    sent_at = serializers.DateTimeField(
        help_text="The time of the request by the client's clock; it corrects the times of the counts."
    )
    counts = EachField(child=NotedCountSerializer(), max_length=MOST_COUNTS)
    ended_at = serializers.DateTimeField(
        default=None,
        allow_null=True,
        help_text="The end of the session by the client's clock; null while it is running.",
    )


class StoredCountsSerializer(GroundTruthSerializer):
    """The session, and the counts of the request that are not stored."""

    refused = RefusedSerializer(many=True, read_only=True)

    class Meta(GroundTruthSerializer.Meta):
        fields = [*GroundTruthSerializer.Meta.fields, "refused"]
        read_only_fields = fields


VISITS = (
    "The camera's visits compared with the people who came, a minute; null where nobody counted these, or the device "
    "does not follow people."
)


class ComparisonSerializer(serializers.Serializer[Any]):
    """A `comparison.Comparison`."""

    minutes = serializers.IntegerField(help_text="Full minutes in which the person counted and the camera was on.")
    minutes_off = serializers.IntegerField(
        help_text="Counted minutes in which the camera was off; they are not compared."
    )
    person = serializers.FloatField(allow_null=True, help_text="Average number of people by the person's counts.")
    camera = serializers.FloatField(allow_null=True, help_text="Average number of people by the camera.")
    bias = serializers.FloatField(allow_null=True, help_text="The camera's average minus the person's.")
    bias_low = serializers.FloatField(
        source="bias_interval.low", default=None, allow_null=True, help_text="The 95 % interval of the bias."
    )
    bias_high = serializers.FloatField(source="bias_interval.high", default=None, allow_null=True)
    absolute_error = serializers.FloatField(allow_null=True, help_text="Mean absolute difference of the minutes.")
    share = serializers.FloatField(allow_null=True, help_text="The camera's average divided by the person's.")
    share_low = serializers.FloatField(
        source="share_interval.low", default=None, allow_null=True, help_text="The 95 % interval of the share."
    )
    share_high = serializers.FloatField(source="share_interval.high", default=None, allow_null=True)


class MinuteSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField(help_text="UTC.")
    person = serializers.FloatField(help_text="Average number of people by the person's counts.")
    camera = serializers.FloatField(allow_null=True, help_text="Faces per frame; null means “camera off”.")


class CountedSerializer(serializers.ModelSerializer[GroundTruthCount]):
    class Meta:
        model = GroundTruthCount
        fields = ["at", "people", "came"]
        read_only_fields = fields


class SessionResultSerializer(serializers.Serializer[Any]):
    """A `reads.SessionResult`."""

    session = GroundTruthSerializer()
    average = serializers.FloatField(
        allow_null=True, help_text="Average of the person's counts over the whole session."
    )
    comparison = ComparisonSerializer()
    visits = ComparisonSerializer(allow_null=True, help_text=VISITS)
    minutes = MinuteSerializer(many=True)
    arrivals = MinuteSerializer(
        many=True, allow_null=True, help_text="For each minute the people who came, and the camera's visits."
    )
    counts = CountedSerializer(source="session.counts", many=True)


class ChangeSerializer(serializers.Serializer[Any]):
    """A `setups.Change`."""

    at = serializers.DateTimeField(help_text="UTC.")
    what = serializers.CharField(help_text="What was changed, such as “accuracy and software”.")


class AccuracySerializer(serializers.Serializer[Any]):
    """A `reads.Accuracy`: the calibration of a device."""

    site = serializers.CharField(source="device.site.slug")
    device = serializers.CharField(source="device.name")
    sessions = serializers.IntegerField(
        source="compared", help_text="The number of compared sessions during which nothing was changed at the camera."
    )
    counted_at = serializers.DateTimeField(allow_null=True, help_text="Start of the latest of these sessions, UTC.")
    comparison = ComparisonSerializer(help_text="The people present.")
    visits = ComparisonSerializer(allow_null=True, help_text=VISITS)
    ended = ChangeSerializer(
        allow_null=True,
        help_text="What has ended the calibration; null while it holds: until camera, models or settings are changed.",
    )
    new_software = ChangeSerializer(
        allow_null=True,
        help_text="The latest new software since the count. It does not end the calibration, but may change what is "
        "counted; null without one.",
    )
