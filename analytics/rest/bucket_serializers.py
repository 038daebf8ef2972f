"""What may be asked of `engagement/` and `counts/`, and what a bucket looks like in the API.

The rows are made as plain dicts: the serializers that describe them would take several times as long as the reads.
"""

import datetime as dt
import zoneinfo
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from analytics.numbers.buckets import LENGTHS
from analytics.numbers.measures import (
    ConfidenceBucket,
    CountBucket,
    EngagementBucket,
    EngagementTotal,
    EpisodeBucket,
    EpisodeTotal,
    LocalBucket,
    WeekHour,
    threshold_bin,
)
from analytics.rest.serializers import LocalTimeField, PlaceQuery

WEEKDAY_HOUR = "weekday_hour"
PERIOD = "period"
Row = dict[str, Any]


class BucketQuery(PlaceQuery):
    """Some devices, and a period in buckets. Without `site` and `device` it is about all that is yours."""

    bucket = serializers.ChoiceField(choices=list(LENGTHS), default="hour", help_text="Quarter hours, hours or days.")
    each = serializers.ChoiceField(
        choices=["device", "site"], required=False, help_text="A series for each, instead of one for all together."
    )
    align = serializers.ChoiceField(
        choices=["instant", "local"],
        default="instant",
        help_text="How buckets of sites in different zones lie beside each other: by the same instants, in `zone`, or "
        "by what each site's own clocks show.",
    )
    zone = serializers.CharField(
        required=False, help_text="IANA zone of the buckets; by default the sites' own, or UTC where they have several."
    )

    def validate_zone(self, name: str) -> zoneinfo.ZoneInfo:
        if name not in zoneinfo.available_timezones():
            raise serializers.ValidationError(f"“{name}” is not an IANA time zone, such as America/Chicago.")
        return zoneinfo.ZoneInfo(name)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "zone" in attrs and attrs["align"] == "local":
            raise serializers.ValidationError({"zone": ["With align=local every site has its own; leave zone out."]})
        return attrs


class EngagementQuery(BucketQuery):
    bucket = serializers.ChoiceField(
        choices=[*LENGTHS, WEEKDAY_HOUR, PERIOD],
        default="hour",
        help_text="Quarter hours, hours or days; the hours of a typical week, all of the period added up; or the whole "
        "period, from its first full hour to its last.",
    )


class CountQuery(BucketQuery):
    label = serializers.CharField(help_text="Such as thumbs-up, cup or face.")  # type: ignore[assignment]
    threshold = serializers.FloatField(
        default=0.0, help_text="Count what has at least this confidence: 0 to 1, in steps of 0.05."
    )
    histogram = serializers.BooleanField(default=False, help_text="Answer the confidences of each bucket, too.")

    def validate_threshold(self, threshold: float) -> float:
        try:
            threshold_bin(threshold)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None
        return threshold


@extend_schema_field(
    {
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"},
        ]
    }
)
class ClockTimeField(LocalTimeField):
    """A local time, which has no offset where it is that of several zones' clocks; OpenAPI's `date-time` needs one."""


class _RowSerializer(serializers.Serializer[Any]):
    site = serializers.CharField(allow_null=True, help_text="Its slug; null for several.")
    device = serializers.CharField(allow_null=True, help_text="Its name; null for several.")


class EngagementSerializer(_RowSerializer):
    start = ClockTimeField(
        allow_null=True,
        help_text="Local time with its offset; without one where sites of several zones are together by their own "
        "clocks; null for the hours of a typical week.",
    )
    end = LocalTimeField(allow_null=True, help_text="Null where `start` has no offset.")
    weekday = serializers.IntegerField(help_text="Of the start, local; 0 is Monday.")
    hour = serializers.IntegerField(help_text="Of the start, local; 0 to 23.")
    average_faces = serializers.FloatField(
        allow_null=True, help_text="Faces per frame; null where no frame tells the number of faces."
    )
    peak_faces = serializers.IntegerField(
        allow_null=True, help_text="Faces in the frame that showed most; null where no frame tells their number."
    )
    faces_sum = serializers.IntegerField(help_text="Faces of all frames together; adds up, as do the frames.")
    frames = serializers.IntegerField(help_text="Frames whose number of faces is known.")
    coverage = serializers.FloatField(help_text="Share of the devices' minutes with any frame: 0 is “camera off”.")
    occupied_share = serializers.FloatField(allow_null=True, help_text="Share of the seen minutes with a face.")
    visits = serializers.IntegerField(
        allow_null=True, help_text="That began: runs of frames with faces, no gap above 20 s; null if no camera was on."
    )
    mean_visit_seconds = serializers.FloatField(allow_null=True, help_text="Null where none began.")
    median_visit_seconds = serializers.FloatField(allow_null=True, help_text="Null where none began.")


class CountSerializer(_RowSerializer):
    start = LocalTimeField(help_text="Local time with its offset.")
    end = LocalTimeField()
    count = serializers.IntegerField(
        allow_null=True,
        help_text="Detections in single frames, without those that a reviewer called wrong; null if no camera was on.",
    )
    distinct = serializers.IntegerField(
        allow_null=True,
        help_text="Episodes that began: runs of frames that show the label, no gap above 3 s (faces: 20 s), of which "
        "one reaches the threshold; null if no camera was on.",
    )
    mean_confidence = serializers.FloatField(allow_null=True, help_text="0 to 1; null where nothing was detected.")
    histogram = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        help_text="If asked for: detections by confidence in 20 steps of 5 %, whatever the threshold; the last "
        "includes 100 %.",
    )


def engagement_row(seen: EngagementBucket, visits: EpisodeBucket) -> Row:
    return {"start": _time(seen.start), "end": _time(seen.end), **_clock(seen.start), **_engaged(seen, visits)}


def local_row(bucket: LocalBucket) -> Row:
    start = {"start": _time(bucket.start), "end": None}
    return {**start, **_clock(bucket.start), **_engaged(bucket.engagement, bucket.visits)}


def week_row(cell: WeekHour) -> Row:
    hour = {"start": None, "end": None, "weekday": cell.weekday, "hour": cell.hour}
    return {**hour, **_engaged(cell.engagement, cell.visits)}


def count_row(count: CountBucket, distinct: EpisodeBucket, histogram: ConfidenceBucket | None) -> Row:
    row = {
        "start": _time(count.start),
        "end": _time(count.end),
        "count": count.known_count,
        "distinct": distinct.known_count,
        "mean_confidence": count.mean_confidence,
    }
    return row if histogram is None else {**row, "histogram": list(histogram.bins)}


def _time(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _clock(start: dt.datetime) -> Row:
    return {"weekday": start.weekday(), "hour": start.hour}


def _engaged(seen: EngagementBucket | EngagementTotal, visits: EpisodeBucket | EpisodeTotal) -> Row:
    return {
        "average_faces": seen.average_faces,
        "peak_faces": seen.known_peak,
        "faces_sum": seen.faces_sum,
        "frames": seen.frames,
        "coverage": seen.coverage,
        "occupied_share": seen.occupied_share,
        "visits": visits.known_count,
        "mean_visit_seconds": visits.mean_seconds,
        "median_visit_seconds": visits.median_seconds,
    }
