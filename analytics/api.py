"""Engagement, counts and detections in the API."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics import reads
from analytics.models import Detection
from analytics.serializers import (
    BucketQuery,
    CountQuery,
    CountSerializer,
    DetectionQuery,
    DetectionSerializer,
    EngagementSerializer,
    PlaceQuery,
    bounds,
    bucket_bounds,
)
from devices.models import Device, Site
from devices.rest import ScopedReadOnlyViewSet


@dataclass(frozen=True, slots=True)
class Place:
    """What a query is about: some devices, and the zone in which their hours and days are meant."""

    devices: Sequence[Device]
    zone: ZoneInfo


class EngagementViewSet(ViewSet):
    """How many people were looking."""

    @extend_schema(parameters=[BucketQuery], responses=EngagementSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Faces per frame, for every bucket that the period (by default the last seven days) touches.

        For a whole site all frames of all its devices weigh the same, so that numbers add up over devices as they do
        over time: `faces_sum / frames` of any buckets together is their common average.
        """
        query = _asked(BucketQuery, request)
        place, now = _place(request, query), timezone.now()
        start, end = bucket_bounds(query, place.zone, now)
        found = reads.engagement(place.devices, zone=place.zone, start=start, end=end, bucket=query["bucket"], now=now)
        return Response(EngagementSerializer(found, many=True).data)


class CountViewSet(ViewSet):
    """How often something was detected."""

    @extend_schema(parameters=[CountQuery], responses=CountSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Detections of a label, for every bucket that the period (by default the last seven days) touches."""
        query = _asked(CountQuery, request)
        place = _place(request, query)
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

    @extend_schema(parameters=[DetectionQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.action != "list":
            return queryset
        query = _asked(DetectionQuery, self.request)
        zone = ZoneInfo("UTC")
        if "site" in query or "device" in query:
            place = _place(self.request, query)
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


def _asked(form: type[PlaceQuery], request: Request) -> dict[str, Any]:
    query = form(data=request.query_params)
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


def _place(request: Request, query: dict[str, Any]) -> Place:
    """The devices that a query names, by their site, their name or both.

    Raises `NotFound` where the user has none such, and `ValidationError` where a name alone may mean several.
    """
    devices = Device.objects.for_user(request.user).select_related("site")
    if "site" in query:
        site = Site.objects.for_user(request.user).filter(slug=query["site"]).first()
        if site is None:
            raise exceptions.NotFound(f"You have no site “{query['site']}”; sites/ lists yours.")
        devices = devices.filter(site=site)
        if "device" not in query:
            return Place(list(devices), site.zone)
    named = list(devices.filter(name=query["device"]))
    if not named:
        raise exceptions.NotFound(f"You have no device “{query['device']}” here; devices/ lists yours.")
    if len(named) > 1:
        sentence = f"Several of your sites have a device “{query['device']}”; say which with site."
        raise exceptions.ValidationError({"device": [sentence]})
    return Place(named, named[0].site.zone)
