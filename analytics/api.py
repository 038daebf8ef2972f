"""Engagement, counts and detections in the API."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics import reads
from analytics.models import Detection
from analytics.places import asked, place_of
from analytics.serializers import (
    BucketQuery,
    CountQuery,
    CountSerializer,
    DetectionQuery,
    DetectionSerializer,
    EngagementSerializer,
    bounds,
    bucket_bounds,
)
from devices.rest import ScopedReadOnlyViewSet


class EngagementViewSet(ViewSet):
    """How many people were looking."""

    @extend_schema(parameters=[BucketQuery], responses=EngagementSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Faces per frame, for every bucket that the period (by default the last seven days) touches.

        For a whole site all frames of all its devices weigh the same, so that numbers add up over devices as they do
        over time: `faces_sum / frames` of any buckets together is their common average.
        """
        query = asked(BucketQuery, request)
        place, now = place_of(request, query), timezone.now()
        start, end = bucket_bounds(query, place.zone, now)
        found = reads.engagement(place.devices, zone=place.zone, start=start, end=end, bucket=query["bucket"], now=now)
        return Response(EngagementSerializer(found, many=True).data)


class CountViewSet(ViewSet):
    """How often something was detected."""

    @extend_schema(parameters=[CountQuery], responses=CountSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Detections of a label, for every bucket that the period (by default the last seven days) touches."""
        query = asked(CountQuery, request)
        place = place_of(request, query)
        start, end = bucket_bounds(query, place.zone, timezone.now())
        found = reads.counts(
            place.devices, label=query["label"], zone=place.zone, start=start, end=end, bucket=query["bucket"]
        )
        return Response(CountSerializer(found, many=True).data)


class DetectionViewSet(ScopedReadOnlyViewSet):
    """Faces, objects and gestures that your devices found in single frames, newest first."""

    queryset = Detection.objects.select_related("frame__device__site").annotate(taken_at=F("frame__taken_at"))
    serializer_class = DetectionSerializer
    cursor_ordering = ("-taken_at", "-pk")
    export_columns = {
        "id": "pk",
        "site": "frame__device__site__slug",
        "device": "frame__device__name",
        "taken_at": "frame__taken_at",
        "label": "label",
        "confidence": "confidence",
        "box": "box",
        "review": "review",
    }

    @extend_schema(parameters=[DetectionQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return super().list(request, *args, **kwargs)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.action != "list":
            return queryset
        query = asked(DetectionQuery, self.request)
        zone = ZoneInfo("UTC")
        if "site" in query or "device" in query:
            place = place_of(self.request, query)
            queryset, zone = queryset.filter(frame__device__in=[d.pk for d in place.devices]), place.zone
        start, end = bounds(query, zone)
        return queryset.filter(**_given(query, start, end))


def _given(query: dict[str, Any], start: dt.datetime | None, end: dt.datetime | None) -> dict[str, Any]:
    look_ups = {
        "label": query.get("label"),
        "confidence__gte": query.get("min_confidence"),
        "frame__taken_at__gte": start,
        "frame__taken_at__lt": end,
    }
    return {look_up: value for look_up, value in look_ups.items() if value is not None}
