"""The query parameters of `engagement/` and `counts/`, and the JSON of their buckets.

The functions of this module return plain dicts. The serializers only describe them in the API's schema: serialising
with them would take several times as long as the read.
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
from analytics.rest.serializers import LocalTimeField, PlaceQuery, hours_field

WEEKDAY_HOUR = "weekday_hour"
PERIOD = "period"
BucketRow = dict[str, Any]
"""The JSON of a bucket."""


class BucketQuery(PlaceQuery):
    """Some devices, and a period in buckets; without `site` and `device` all of your devices."""

    bucket = serializers.ChoiceField(
        choices=list(LENGTHS),
        default="hour",
        help_text="Length of the buckets: quarter hours, hours, days, weeks from Monday on, or months.",
    )
    each = serializers.ChoiceField(
        choices=["device", "site"],
        required=False,
        help_text="One time series for each device or site, instead of one for all together.",
    )
    align = serializers.ChoiceField(
        choices=["instant", "local"],
        default="instant",
        help_text="How buckets of sites in different time zones are aligned: by instant, in `zone`, or by the local "
        "time of each site.",
    )
    zone = serializers.CharField(
        required=False,
        help_text="IANA time zone of the buckets; by default the sites' time zone, or UTC if they have several.",
    )

    hours = hours_field()

    def validate_zone(self, name: str) -> zoneinfo.ZoneInfo:
        if name not in zoneinfo.available_timezones():
            raise serializers.ValidationError(f"“{name}” is not an IANA time zone, such as America/Chicago.")
        return zoneinfo.ZoneInfo(name)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "zone" in attrs and attrs["align"] == "local":
            raise serializers.ValidationError(
                {"zone": ["With align=local each site has its own time zone; leave zone out."]}
            )
        return attrs


class EngagementQuery(BucketQuery):
    bucket = serializers.ChoiceField(
        choices=[*LENGTHS, WEEKDAY_HOUR, PERIOD],
        default="hour",
        help_text="Length of the buckets: quarter hours, hours, days, weeks or months; the hours of a typical week, "
        "added up over the period; or the whole period in full hours.",
    )


class CountQuery(BucketQuery):
    label = serializers.CharField(help_text="A label, such as thumbs-up, cup or face.")  # type: ignore[assignment]
    threshold = serializers.FloatField(
        default=0.0, help_text="The lowest confidence to count: 0 to 1, in steps of 0.05."
    )
    histogram = serializers.BooleanField(
        default=False, help_text="Also return the histogram of confidences of each bucket."
    )

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
    """A local time, without an offset where it is common to several time zones; OpenAPI's `date-time` has one."""


class _RowSerializer(serializers.Serializer[Any]):
    site = serializers.CharField(allow_null=True, help_text="The site's slug; null for several sites.")
    device = serializers.CharField(allow_null=True, help_text="The device's name; null for several devices.")


class EngagementSerializer(_RowSerializer):
    start = ClockTimeField(
        allow_null=True,
        help_text="Local time with its offset; without an offset where sites of several time zones are added up by "
        "local time; null for the hours of a typical week.",
    )
    end = LocalTimeField(allow_null=True, help_text="Null where `start` has no offset.")
    weekday = serializers.IntegerField(help_text="Local weekday of the start; 0 is Monday.")
    hour = serializers.IntegerField(help_text="Local hour of the start, 0 to 23.")
    average_faces = serializers.FloatField(
        allow_null=True, help_text="Faces per frame; null where no frame has a number of faces."
    )
    peak_faces = serializers.IntegerField(
        allow_null=True, help_text="The most faces in one frame; null where no frame has a number of faces."
    )
    faces_sum = serializers.IntegerField(
        help_text="Sum of the faces in all frames; divide by `frames` for the average of several buckets."
    )
    frames = serializers.IntegerField(help_text="The number of frames that have a number of faces.")
    coverage = serializers.FloatField(
        help_text="Share of the devices' minutes that have any frame, 0 to 1; 0 means “camera off”."
    )
    occupied_share = serializers.FloatField(
        allow_null=True, help_text="Share of the covered minutes that have a face, 0 to 1."
    )
    occupied_spells = serializers.IntegerField(
        allow_null=True,
        help_text="Occupied spells that began: runs of frames with faces, no gap above 20 s; null if no camera was on.",
    )
    mean_spell_seconds = serializers.FloatField(allow_null=True, help_text="Null where no spell began.")
    median_spell_seconds = serializers.FloatField(allow_null=True, help_text="Null where no spell began.")


class CountSerializer(_RowSerializer):
    start = LocalTimeField(help_text="Local time with its offset.")
    end = LocalTimeField()
    count = serializers.IntegerField(
        allow_null=True,
        help_text="Detections in single frames, without rejected detections; null if no camera was on.",
    )
    distinct = serializers.IntegerField(
        allow_null=True,
        help_text="Episodes that began: runs of frames with the label, no gap above 3 s (faces: 20 s), with a "
        "detection at or above the threshold. Where the device follows people, each person has gestures and objects of "
        "their own; elsewhere all people together have one at a time. Null if no camera was on.",
    )
    mean_confidence = serializers.FloatField(allow_null=True, help_text="0 to 1; null without a detection.")
    histogram = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        help_text="Only with `histogram` in the query: detections by confidence in 20 steps of 5 %, independent of the "
        "threshold; the last step includes 100 %.",
    )


def engagement_row(engagement: EngagementBucket, spells: EpisodeBucket) -> BucketRow:
    """Return the JSON of a bucket of `engagement/`."""
    start = engagement.start
    times = {"start": _time(start), "end": _time(engagement.end), **_local_hour(start)}
    return {**times, **_engagement(engagement, spells)}


def local_row(bucket: LocalBucket) -> BucketRow:
    """Return the JSON of a bucket that sites of several time zones have in common by local time."""
    start = {"start": _time(bucket.start), "end": None}
    return {**start, **_local_hour(bucket.start), **_engagement(bucket.engagement, bucket.spells)}


def week_row(cell: WeekHour) -> BucketRow:
    """Return the JSON of an hour of a typical week."""
    hour = {"start": None, "end": None, "weekday": cell.weekday, "hour": cell.hour}
    return {**hour, **_engagement(cell.engagement, cell.spells)}


def count_row(count: CountBucket, distinct: EpisodeBucket, histogram: ConfidenceBucket | None) -> BucketRow:
    """Return the JSON of a bucket of `counts/`, with a histogram unless it is None."""
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


def _local_hour(start: dt.datetime) -> BucketRow:
    return {"weekday": start.weekday(), "hour": start.hour}


def _engagement(engagement: EngagementBucket | EngagementTotal, spells: EpisodeBucket | EpisodeTotal) -> BucketRow:
    return {
        "average_faces": engagement.average_faces,
        "peak_faces": engagement.known_peak,
        "faces_sum": engagement.faces_sum,
        "frames": engagement.frames,
        "coverage": engagement.coverage,
        "occupied_share": engagement.occupied_share,
        "occupied_spells": spells.known_count,
        "mean_spell_seconds": spells.mean_seconds,
        "median_spell_seconds": spells.median_seconds,
    }
