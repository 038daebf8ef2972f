"""What may be asked about what was seen, and how the answers look in the API."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import serializers

from analytics.models import Detection, Episode
from analytics.numbers.buckets import LENGTHS, day_start

DEFAULT_PERIOD = dt.timedelta(days=7)
MAX_BUCKETS = 10_000
"""More than a year of hours, or a hundred days of quarters, in one answer."""
YEARS = range(1970, 9999)
"""What the arithmetic of zones and buckets is sure to manage."""


MOST_SECONDS = 10 * 366 * 86_400
"""Longer than anything is kept, and shorter than what databases take."""


class MomentField(serializers.CharField):
    """A `date`, or a `datetime` that may lack an offset."""

    default_error_messages = {
        "invalid": "“{text}” is neither a date such as 2026-11-20 nor a time such as 2026-11-20T09:30 or "
        "2026-11-20T09:30-06:00; a + in an address is written %2B.",
        "year": "“{text}” lies outside the years {first} to {last}.",
    }

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        moment = _parsed(text)
        if moment is None:
            self.fail("invalid", text=text)
        if moment.year not in YEARS:
            self.fail("year", text=text, first=YEARS[0], last=YEARS[-1])
        return moment


def _parsed(text: str) -> dt.date | dt.datetime | None:
    for parse in (dt.date.fromisoformat, dt.datetime.fromisoformat):
        try:
            return parse(text)
        except ValueError:
            continue
    return None


class PlaceQuery(serializers.Serializer[dict[str, Any]]):
    site = serializers.CharField(required=False, help_text="A site's slug.")
    device = serializers.CharField(required=False, help_text="A device's name; with `site` where several sites use it.")

    def get_fields(self) -> dict[str, Any]:
        local = "A date, or a date and time, of the site's own zone unless it says its offset"
        return {
            **super().get_fields(),
            "from": MomentField(required=False, help_text=f"{local}."),
            "to": MomentField(required=False, help_text=f"{local}; a date's day is still part of the period."),
        }


class SpanQuery(PlaceQuery):
    """A site or device, and a period."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("site") and not attrs.get("device"):
            raise serializers.ValidationError({"site": ["Say which: give site, or device, or both."]})
        return attrs


class DetectionQuery(PlaceQuery):
    label = serializers.CharField(required=False, help_text="Such as thumbs-up, cup or face.")  # type: ignore[assignment]
    min_confidence = serializers.FloatField(required=False, min_value=0, max_value=1)


class EpisodeQuery(DetectionQuery):
    label = serializers.CharField(required=False, help_text="face for visits, or such as thumbs-up or cup.")
    min_seconds = serializers.FloatField(
        required=False, min_value=0, max_value=MOST_SECONDS, help_text="From the first frame to the last."
    )


def bounds(query: dict[str, Any], zone: ZoneInfo) -> tuple[dt.datetime | None, dt.datetime | None]:
    """The query's `from` and `to` as moments. Raises `ValidationError` where the one is not before the other."""
    start = _moment(query["from"], zone) if "from" in query else None
    end = _moment(query["to"], zone, following=True) if "to" in query else None
    if start and end and start >= end:
        raise serializers.ValidationError({"from": ["from must lie before to."]})
    return start, end


def bucket_bounds(query: dict[str, Any], zone: ZoneInfo, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """The query's period, up to `now` and of `DEFAULT_PERIOD` unless it says otherwise.

    Raises `ValidationError` where it is empty or has too many buckets.
    """
    start, end = bounds(query, zone)
    end = end or now
    start = start or end - DEFAULT_PERIOD
    if start >= end:
        raise serializers.ValidationError({"from": ["from lies in the future; say how far with to."]})
    buckets = (end - start) // LENGTHS[query["bucket"]]
    if buckets > MAX_BUCKETS:
        sentence = f"That would be {buckets:,} buckets; the limit is {MAX_BUCKETS:,}. Ask for less or larger ones."
        raise serializers.ValidationError({"bucket": [sentence]})
    return start, end


def _moment(given: dt.date | dt.datetime, zone: ZoneInfo, *, following: bool = False) -> dt.datetime:
    """A time as it is, and a date's first moment or (`following`) that of the day after, in UTC."""
    if isinstance(given, dt.datetime):
        return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(dt.UTC)
    return day_start(given + dt.timedelta(days=following), zone)


class LocalTimeField(serializers.DateTimeField):
    """Keeps the offset that the time has, which REST framework would turn into UTC's."""

    def enforce_timezone(self, value: dt.datetime) -> dt.datetime:
        return value


class DetectionSerializer(serializers.ModelSerializer[Detection]):
    site = serializers.CharField(source="frame.device.site.slug", read_only=True)
    device = serializers.CharField(source="frame.device.name", read_only=True)
    taken_at = serializers.DateTimeField(source="frame.taken_at", read_only=True, help_text="UTC.")
    box = serializers.ListField(
        child=serializers.IntegerField(),
        allow_null=True,
        read_only=True,
        help_text="[left, top, width, height] in pixels of the original frame.",
    )

    class Meta:
        model = Detection
        fields = ["id", "site", "device", "taken_at", "label", "confidence", "box", "review"]


class EpisodeSerializer(serializers.ModelSerializer[Episode]):
    site = serializers.CharField(source="device.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", read_only=True)
    seconds = serializers.SerializerMethodField(help_text="From the first frame to the last; 0 where there is one.")

    def get_seconds(self, episode: Episode) -> float:
        return (episode.ended - episode.started).total_seconds()

    class Meta:
        model = Episode
        fields = ["id", "site", "device", "label", "started", "ended", "seconds", "peak", "confidence"]


class TodaySerializer(serializers.Serializer[Any]):
    """Of an `overview.DeviceToday`."""

    site = serializers.CharField(source="device.site.slug", help_text="The site's slug.")
    device = serializers.CharField(source="device.name")
    start = LocalTimeField(source="today.start", help_text="The site's midnight, with its offset.")
    live = serializers.BooleanField(source="is_live", help_text="Whether it was heard of within two minutes.")
    average_faces = serializers.FloatField(source="today.average_faces", allow_null=True, help_text="Faces per frame.")
    peak_faces = serializers.IntegerField(source="today.faces_peak", help_text="Faces in the frame that showed most.")
    occupied_share = serializers.FloatField(
        source="today.occupied_share", allow_null=True, help_text="Share of the seen minutes with a face."
    )
    coverage = serializers.FloatField(source="today.coverage", help_text="Share of the minutes with any frame.")
    thumbs_up = serializers.IntegerField(
        allow_null=True, help_text="Distinct ones, held up once however long; null if no camera was on."
    )
    coffees = serializers.IntegerField()
