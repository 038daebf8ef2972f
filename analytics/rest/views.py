"""Engagement, counts, episodes and detections in the API."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, starmap
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.models import FACE, Detection, Episode
from analytics.numbers import reads
from analytics.numbers.buckets import Bucket
from analytics.numbers.measures import (
    ConfidenceBucket,
    EngagementBucket,
    EpisodeBucket,
    add_up_by_local_time,
    merge_engagement,
    merge_episodes,
    merge_local_buckets,
    typical_week,
)
from analytics.pages.overview import sites_today
from analytics.rest.bucket_serializers import (
    PERIOD,
    WEEKDAY_HOUR,
    CountQuery,
    CountSerializer,
    EngagementQuery,
    EngagementSerializer,
    Row,
    count_row,
    engagement_row,
    local_row,
    week_row,
)
from analytics.rest.places import asked, place_of
from analytics.rest.serializers import (
    DetectionQuery,
    DetectionSerializer,
    EpisodeQuery,
    EpisodeSerializer,
    TodaySerializer,
    bounds,
)
from analytics.rest.series import series_of
from devices.rest.base import ScopedReadOnlyViewSet

if TYPE_CHECKING:
    from devices.models import User


class TodayViewSet(ViewSet):
    """The overview in numbers."""

    @extend_schema(responses=TodaySerializer(many=True))
    def list(self, request: Request) -> Response:
        """Each of your devices with its site's day so far, by site and name."""
        sites = sites_today(cast("User", request.user), now=timezone.now())
        devices = [device for site in sites for device in site.devices]
        return Response(TodaySerializer(devices, many=True).data)


class EngagementViewSet(ViewSet):
    """How many people were looking."""

    serializer_class = EngagementSerializer

    @extend_schema(parameters=[EngagementQuery], responses=EngagementSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Faces per frame and visits, for every bucket that the period (by default the last seven days) touches.

        For several devices all their frames weigh the same, so that numbers add up over devices as they do over time:
        `faces_sum / frames` of any buckets together is their common average. Where nobody was there numbers are 0;
        where no camera was on they are null.
        """
        query, now = asked(EngagementQuery, request), timezone.now()
        bucket: Bucket = "hour" if query["bucket"] in (WEEKDAY_HOUR, PERIOD) else query["bucket"]
        series = series_of(request, {**query, "bucket": bucket}, now)
        questions = [each.asked for each in series]
        seen = reads.read_engagement(questions, bucket=bucket, now=now)
        visits = reads.read_episodes(questions, label=FACE, bucket=bucket, engagement=seen)
        if "each" not in query:
            series, seen, visits = series[:1], [list(chain(*seen))], [list(chain(*visits))]
        rows = _shape(query)
        return Response(
            [
                {"site": each.site, "device": each.device, **row}
                for each, engaged, visited in zip(series, seen, visits, strict=True)
                for row in rows(engaged, visited)
            ]
        )


def _shape(query: dict[str, Any]) -> Callable[[Sequence[EngagementBucket], Sequence[EpisodeBucket]], Iterator[Row]]:
    if query["bucket"] == WEEKDAY_HOUR:
        return lambda seen, visits: map(week_row, chain(*typical_week(seen, visits)))
    if query["align"] == "local" and "each" not in query:
        if query["bucket"] == PERIOD:
            return lambda seen, visits: map(local_row, [merge_local_buckets(add_up_by_local_time([seen], [visits]))])
        return lambda seen, visits: map(local_row, add_up_by_local_time([seen], [visits]))
    if query["bucket"] == PERIOD:
        return lambda seen, visits: map(engagement_row, [merge_engagement(seen)], [merge_episodes(visits)])
    return lambda seen, visits: map(engagement_row, seen, visits)


class CountViewSet(ViewSet):
    """How often something was detected."""

    serializer_class = CountSerializer

    @extend_schema(parameters=[CountQuery], responses=CountSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Detections of a label, and distinct showings of it, for every bucket that the period touches.

        The period is the last seven days unless it is given. With `align=local` the sites are told apart.
        """
        query, now = asked(CountQuery, request), timezone.now()
        if query["align"] == "local":
            query.setdefault("each", "site")
        series = series_of(request, query, now)
        what: dict[str, Any] = {"label": query["label"], "bucket": query["bucket"]}
        questions = [each.asked for each in series]
        counts = reads.read_counts(questions, **what, threshold=query["threshold"])
        distinct = reads.read_episodes(questions, **what, threshold=query["threshold"])
        histograms: Sequence[Sequence[ConfidenceBucket | None]] = [[None] * len(buckets) for buckets in counts]
        if query["histogram"]:
            histograms = reads.read_confidences(questions, **what)
        return Response(
            [
                {"site": each.site, "device": each.device, **row}
                for each, *parts in zip(series, counts, distinct, histograms, strict=True)
                for row in starmap(count_row, zip(*parts, strict=True))
            ]
        )


class EpisodeViewSet(ScopedReadOnlyViewSet):
    """Visits (label `face`), and gestures and objects shown once however many frames show them, newest first."""

    queryset = Episode.objects.select_related("device__site")
    serializer_class = EpisodeSerializer
    cursor_ordering = ("-started", "-pk")
    exports_whole_list = True

    @extend_schema(parameters=[EpisodeQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return super().list(request, *args, **kwargs)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.action != "list":
            return queryset
        query = asked(EpisodeQuery, self.request)
        zone = ZoneInfo("UTC")
        if "site" in query or "device" in query:
            place = place_of(self.request, query)
            queryset, zone = queryset.filter(device__in=[d.pk for d in place.devices]), place.zone
        if "min_seconds" in query:
            queryset = queryset.filter(ended__gte=F("started") + dt.timedelta(seconds=query["min_seconds"]))
        start, end = bounds(query, zone)
        look_ups = {
            "label": query.get("label"),
            "confidence__gte": query.get("min_confidence"),
            "started__gte": start,
            "started__lt": end,
        }
        return queryset.filter(**_given(look_ups))


class DetectionViewSet(ScopedReadOnlyViewSet):
    """Faces, objects and gestures that your devices found in single frames, newest first."""

    queryset = Detection.objects.select_related("frame__device__site").annotate(taken_at=F("frame__taken_at"))
    serializer_class = DetectionSerializer
    cursor_ordering = ("-taken_at", "-pk")
    exports_whole_list = True

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
        look_ups = {
            "label": query.get("label"),
            "confidence__gte": query.get("min_confidence"),
            "frame__taken_at__gte": start,
            "frame__taken_at__lt": end,
        }
        return queryset.filter(**_given(look_ups))


def _given(look_ups: dict[str, Any]) -> dict[str, Any]:
    return {look_up: value for look_up, value in look_ups.items() if value is not None}
