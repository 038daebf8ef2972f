"""The query parameters and the JSON of detections, episodes and the day so far."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from analytics.models import Detection, Episode
from analytics.numbers.buckets import LENGTHS, day_start
from faces.models import Capture
from faces.pictures import links

DEFAULT_PERIOD = dt.timedelta(days=7)
MAX_BUCKETS = 10_000
"""The most buckets of one response: more than a year of hours, or a hundred days of quarter hours."""
YEARS = range(1970, 9999)
"""The years for which time zones and buckets can be computed."""


MOST_SECONDS = 10 * 366 * 86_400
"""The longest duration in a query: longer than any retention, and within the range of the databases."""


class MomentField(serializers.CharField):
    """A `date`, or a `datetime` with or without an offset."""

    default_error_messages = {
        "invalid": "“{text}” is neither a date such as 2026-11-20 nor a time such as 2026-11-20T09:30 or "
        "2026-11-20T09:30-06:00; a + in an address is written %2B.",
        "year": "“{text}” lies outside the years {first} to {last}.",
    }

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        moment = _parse(text)
        if moment is None:
            self.fail("invalid", text=text)
        if moment.year not in YEARS:
            self.fail("year", text=text, first=YEARS[0], last=YEARS[-1])
        return moment


def _parse(text: str) -> dt.date | dt.datetime | None:
    for parse in (dt.date.fromisoformat, dt.datetime.fromisoformat):
        try:
            return parse(text)
        except ValueError:
            continue
    return None


class PlaceQuery(serializers.Serializer[dict[str, Any]]):
    site = serializers.CharField(required=False, help_text="A site's slug.")
    device = serializers.CharField(
        required=False, help_text="A device's name; add `site` if several of your sites have a device of that name."
    )

    def get_fields(self) -> dict[str, Any]:
        local = "A date, or a date and time, in the site's time zone unless it has an offset"
        return {
            **super().get_fields(),
            "from": MomentField(required=False, help_text=f"{local}."),
            "to": MomentField(required=False, help_text=f"{local}; the period includes the day of a date."),
        }


def hours_field() -> serializers.ChoiceField:
    """Return the field of a query that says which hours count."""
    return serializers.ChoiceField(
        choices=["open", "all"],
        default="open",
        help_text="Only opening hours, of the sites that have some, or all hours. Closed hours have no minutes: they "
        "are in no average, count or coverage.",
    )


class TodayQuery(serializers.Serializer[dict[str, Any]]):
    site = serializers.CharField(required=False, help_text="A site's slug.")


class SpanQuery(PlaceQuery):
    """A site or device, and a period."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("site") and not attrs.get("device"):
            raise serializers.ValidationError({"site": ["Select a place: give site, or device, or both."]})
        return attrs


class DetectionQuery(PlaceQuery):
    label = serializers.CharField(required=False, help_text="A label, such as thumbs-up, cup or face.")  # type: ignore[assignment]
    min_confidence = serializers.FloatField(required=False, min_value=0, max_value=1)


class EpisodeQuery(DetectionQuery):
    label = serializers.CharField(
        required=False, help_text="A label: face for occupied spells, or for example thumbs-up or cup."
    )
    min_seconds = serializers.FloatField(
        required=False,
        min_value=0,
        max_value=MOST_SECONDS,
        help_text="The shortest duration from the first frame to the last.",
    )


def parse_bounds(query: dict[str, Any], zone: ZoneInfo) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return the query's `from` and `to` in UTC. Raises `ValidationError` unless `from` lies before `to`."""
    start = _moment(query["from"], zone) if "from" in query else None
    end = _moment(query["to"], zone, following=True) if "to" in query else None
    if start and end and start >= end:
        raise serializers.ValidationError({"from": ["from must lie before to."]})
    return start, end


def parse_bucket_bounds(query: dict[str, Any], zone: ZoneInfo, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Return the query's period in UTC, by default the `DEFAULT_PERIOD` up to `now`.

    Raises `ValidationError` where the period is empty or has too many buckets.
    """
    start, end = parse_bounds(query, zone)
    end = end or now
    start = start or end - DEFAULT_PERIOD
    if start >= end:
        raise serializers.ValidationError({"from": ["from lies in the future; add to as the end of the period."]})
    buckets = (end - start) // LENGTHS[query["bucket"]]
    if buckets > MAX_BUCKETS:
        sentence = (
            f"The request selects {buckets:,} buckets; the limit is {MAX_BUCKETS:,}. Select fewer or larger buckets."
        )
        raise serializers.ValidationError({"bucket": [sentence]})
    return start, end


def _moment(given: dt.date | dt.datetime, zone: ZoneInfo, *, following: bool = False) -> dt.datetime:
    """Return the time in UTC; for a date the start of its day or, with `following`, of the day after."""
    if isinstance(given, dt.datetime):
        return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(dt.UTC)
    return day_start(given + dt.timedelta(days=following), zone)


class LocalTimeField(serializers.DateTimeField):
    """A time that keeps its offset; the field of REST framework would convert it to UTC."""

    def enforce_timezone(self, value: dt.datetime) -> dt.datetime:
        return value


class PictureSerializer(serializers.Serializer[Any]):
    """A `faces.models.Capture`."""

    capture = serializers.UUIDField(source="pk", help_text="The id of the capture in `captures/`.")
    taken_at = serializers.DateTimeField(help_text="UTC; at most two seconds from the frame.")
    image = serializers.SerializerMethodField(help_text="URL of the picture; valid for you only, for some minutes.")

    def get_image(self, capture: Capture) -> str:
        request = self.context["request"]
        return str(request.build_absolute_uri(links.address(request, capture.pk, view="capture-picture")))


class DetectionSerializer(serializers.ModelSerializer[Detection]):
    site = serializers.CharField(source="device.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", read_only=True)
    taken_at = serializers.DateTimeField(read_only=True, help_text="UTC.")
    box = serializers.ListField(
        child=serializers.IntegerField(),
        allow_null=True,
        read_only=True,
        help_text="The box [left, top, width, height] in pixels of the original frame.",
    )
    picture = serializers.SerializerMethodField(help_text="The picture nearest in time to the frame; null without one.")

    class Meta:
        model = Detection
        fields = ["id", "site", "device", "taken_at", "label", "confidence", "box", "visit", "review", "picture"]

    @extend_schema_field(PictureSerializer(allow_null=True))
    def get_picture(self, detection: Detection) -> dict[str, Any] | None:
        picture = self.context["pictures"].get(detection.pk)
        return None if picture is None else PictureSerializer(picture, context=self.context).data


class EpisodeSerializer(serializers.ModelSerializer[Episode]):
    site = serializers.CharField(source="device.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", read_only=True)
    seconds = serializers.SerializerMethodField(
        help_text="Seconds from the first frame to the last; 0 for a single frame."
    )

    visit = serializers.SerializerMethodField(
        help_text="The visit of the person who shows it, as in `visits/`; null for occupied spells and where the "
        "device does not follow people: there, all people together have one episode at a time."
    )

    def get_seconds(self, episode: Episode) -> float:
        return (episode.ended - episode.started).total_seconds()

    def get_visit(self, episode: Episode) -> str | None:
        return episode.visit or None

    class Meta:
        model = Episode
        fields = ["id", "site", "device", "label", "started", "ended", "seconds", "peak", "confidence", "visit"]


class TodaySerializer(serializers.Serializer[Any]):
    """A device's day so far, an `overview.DeviceToday`."""

    site = serializers.CharField(source="device.site.slug", help_text="The site's slug.")
    device = serializers.CharField(source="device.name")
    start = LocalTimeField(source="today.start", help_text="The site's midnight, with its offset.")
    live = serializers.BooleanField(
        source="is_live", help_text="Whether the device sent a message within the last two minutes."
    )
    average_faces = serializers.FloatField(source="today.average_faces", allow_null=True, help_text="Faces per frame.")
    peak_faces = serializers.IntegerField(source="today.faces_peak", help_text="The most faces in one frame.")
    occupied_share = serializers.FloatField(
        source="today.occupied_share",
        allow_null=True,
        help_text="Share of the covered minutes that have a face, 0 to 1.",
    )
    coverage = serializers.FloatField(
        source="today.coverage", help_text="Share of the minutes that have any frame, 0 to 1."
    )
    thumbs_up = serializers.IntegerField(
        allow_null=True,
        help_text="Thumbs-up gestures, each counted once however long it was shown, and for each person where the "
        "device follows people; null if no camera was on.",
    )
    coffees = serializers.IntegerField()
