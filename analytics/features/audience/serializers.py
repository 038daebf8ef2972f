"""The JSON of visits, and of their buckets."""

from typing import Any

from rest_framework import serializers

from analytics.models import Visit
from analytics.numbers.intervals import Interval
from analytics.numbers.visits import VisitBucket
from analytics.rest.serializers import MOST_SECONDS, LocalTimeField, PlaceQuery

UNKNOWN_BODIES = "Null where the devices look for faces only, so that nobody knows who passed by without a glance."
INTERVAL = "The 95 % interval; people who came in the same minute count as one group."


def _seconds(help_text: str) -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=help_text)


class VisitQuery(PlaceQuery):
    min_seconds = serializers.FloatField(
        required=False, min_value=0, max_value=MOST_SECONDS, help_text="The shortest dwell."
    )


class VisitSerializer(serializers.ModelSerializer[Visit]):
    site = serializers.CharField(source="device.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", read_only=True)
    visit = serializers.CharField(
        source="key",
        read_only=True,
        help_text="Random text that names the visit, also in `detections/` and `episodes/`.",
    )
    dwell_seconds = serializers.SerializerMethodField(
        help_text="Seconds for which the person was seen if `bodies` is true, otherwise for which the face was."
    )
    attention_seconds = serializers.SerializerMethodField(
        help_text="Seconds of it in which the face was turned to the display; null where the device does not tell."
    )

    def get_dwell_seconds(self, visit: Visit) -> float:
        return visit.dwell_ms / 1000

    def get_attention_seconds(self, visit: Visit) -> float | None:
        return None if visit.attention_ms is None else visit.attention_ms / 1000

    class Meta:
        model = Visit
        fields = [
            *("id", "site", "device", "visit", "began_at", "dwell_seconds", "attention_seconds"),
            *("nearest_m", "bodies", "ended"),
        ]


class AudienceSerializer(serializers.Serializer[Any]):
    """A bucket of `audience/`. The view returns plain dicts; this class only describes them in the schema."""

    site = serializers.CharField(allow_null=True, help_text="The site's slug; null for several sites.")
    device = serializers.CharField(allow_null=True, help_text="The device's name; null for several devices.")
    start = LocalTimeField(help_text="Local time with its offset.")
    end = LocalTimeField()
    coverage = serializers.FloatField(
        help_text="Share of the devices' minutes that have any frame, 0 to 1; 0 means “camera off”."
    )
    visits = serializers.IntegerField(
        allow_null=True,
        help_text="Visits that began, one for each person; null if no camera was on, or no device follows people.",
    )
    viewers = serializers.IntegerField(
        allow_null=True, help_text="Visits with at least a second of attention; null where the devices do not tell."
    )
    passers_by = serializers.IntegerField(allow_null=True, help_text=UNKNOWN_BODIES)
    conversion = serializers.FloatField(
        allow_null=True, help_text=f"Viewers as a share of passers-by, 0 to 1. {UNKNOWN_BODIES}"
    )
    conversion_low = serializers.FloatField(allow_null=True, help_text=INTERVAL)
    conversion_high = serializers.FloatField(allow_null=True)
    median_dwell_seconds = _seconds("Dwell: while the person was seen, or the face only; null without a visit.")
    median_dwell_low = _seconds(INTERVAL)
    median_dwell_high = _seconds("")
    p90_dwell_seconds = _seconds("Nine of ten visits are at most so long.")
    p90_dwell_low = _seconds(INTERVAL)
    p90_dwell_high = _seconds("")
    median_attention_seconds = _seconds("Null where it is unknown.")
    median_attention_low = _seconds(INTERVAL)
    median_attention_high = _seconds("")
    attraction = serializers.FloatField(allow_null=True, help_text="Attention as a share of dwell, 0 to 1.")
    attraction_low = serializers.FloatField(allow_null=True, help_text=INTERVAL)
    attraction_high = serializers.FloatField(allow_null=True)


def audience_row(each: VisitBucket) -> dict[str, Any]:
    """Return the JSON of a bucket of `audience/`."""
    return {
        "start": each.engagement.start.isoformat().replace("+00:00", "Z"),
        "end": each.engagement.end.isoformat().replace("+00:00", "Z"),
        "coverage": each.engagement.coverage,
        "visits": each.known_visits,
        "viewers": each.known_viewers,
        "passers_by": each.known_passers_by,
        "conversion": each.conversion,
        **_ends("conversion", each.conversion_interval),
        "median_dwell_seconds": each.median_dwell_seconds,
        **_ends("median_dwell", each.dwell_interval(0.5)),
        "p90_dwell_seconds": each.p90_dwell_seconds,
        **_ends("p90_dwell", each.dwell_interval(0.9)),
        "median_attention_seconds": each.median_attention_seconds,
        **_ends("median_attention", each.attention_interval(0.5)),
        "attraction": each.attraction,
        **_ends("attraction", each.attraction_interval),
    }


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    ends = (interval.low, interval.high) if interval else (None, None)
    return dict(zip((f"{name}_low", f"{name}_high"), ends, strict=True))
