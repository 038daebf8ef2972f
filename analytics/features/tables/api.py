"""The API of tables of detections."""

from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.features.tables.reads import COLUMNS, read_table
from analytics.numbers.buckets import LENGTHS, Bucket
from analytics.rest.places import find_place
from analytics.rest.serializers import MAX_BUCKETS, PlaceQuery, hours_field, parse_bucket_bounds
from devices.models import Device
from devices.rest.parameters import parse_query
from devices.storage.querysets import spots_of


class TableQuery(PlaceQuery):
    """Some devices, by default all of yours, and a period of whole days of each site."""

    by = serializers.CharField(
        default="device,label",
        help_text=f"What the rows are grouped by, separated by commas: some of {', '.join(COLUMNS)}. Empty: one row.",
        allow_blank=True,
    )
    label = serializers.CharField(required=False, max_length=64, help_text="One label alone, such as thumbs-up.")  # type: ignore[assignment]
    hours = hours_field()

    def validate_by(self, text: str) -> list[str]:
        chosen = [name.strip() for name in text.split(",") if name.strip()]
        unknown = [name for name in chosen if name not in COLUMNS]
        if unknown or len(set(chosen)) < len(chosen):
            raise serializers.ValidationError(f"Group by some of {', '.join(COLUMNS)}, each once.")
        return [column for column in COLUMNS if column in chosen]


class TableRowSerializer(serializers.Serializer[Any]):
    """The detections of one group; the columns that are not grouped by are null."""

    site = serializers.CharField(allow_null=True)
    device = serializers.CharField(allow_null=True)
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    day = serializers.DateField(allow_null=True, help_text="The local day of the site.")
    hour = serializers.IntegerField(allow_null=True, help_text="The local hour, 0 to 23.")
    raw = serializers.IntegerField(help_text="Detections in single frames, without the rejected ones.")
    distinct = serializers.IntegerField(help_text="Each gesture or object counted once, however long it was shown.")
    mean_confidence = serializers.FloatField(allow_null=True, help_text="Of the raw detections, 0 to 1.")


class DetectionTableViewSet(ViewSet):
    """Detections, raw and distinct, with their mean confidence, by device, label, day and hour."""

    serializer_class = TableRowSerializer

    @extend_schema(parameters=[TableQuery], responses=TableRowSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Return a row for each group that has a detection, sorted by the columns; by default of the last seven days.

        Two rows can be added up: `raw` and `distinct` are sums, and mean confidences are weighted by `raw`.
        """
        query, now = parse_query(TableQuery, request), timezone.now()
        if "site" in query or "device" in query:
            devices = find_place(request, query).devices
        else:
            devices = list(Device.objects.for_user(request.user).select_related("site"))
        columns = query["by"]
        bucket: Bucket = "hour" if "hour" in columns else "day"

        def span(device: Device) -> tuple[Any, Any]:
            zone: ZoneInfo = device.site.zone
            return parse_bucket_bounds({**query, "bucket": bucket}, zone, now)

        spots = spots_of(devices)
        buckets = sum((end - start) // LENGTHS[bucket] for start, end in (span(spot.latest) for spot in spots))
        if buckets > MAX_BUCKETS:
            sentence = (
                f"The request selects {buckets:,} {bucket}s of devices; the limit is {MAX_BUCKETS:,}. Select less."
            )
            raise serializers.ValidationError({"from": [sentence]})
        table = read_table(devices, span, hours=query["hours"], label=query.get("label"), by_hour=bucket == "hour")
        rows = [
            {
                **dict.fromkeys(COLUMNS),
                **dict(zip(columns, key, strict=True)),
                "raw": sums.raw,
                "distinct": sums.distinct,
                "mean_confidence": sums.mean_confidence,
            }
            for key, sums in table.by(*columns).items()
        ]
        return Response(rows)
