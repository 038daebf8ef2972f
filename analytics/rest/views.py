"""Engagement, counts, episodes and detections in the API."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, starmap
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from analytics.models import FACE, Detection, Episode
from analytics.models.archive import FactKind
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
from analytics.numbers.pictures import read_pictures
from analytics.pages.overview import devices_of_today, devices_today
from analytics.rest.bucket_serializers import (
    PERIOD,
    WEEKDAY_HOUR,
    BucketRow,
    CountQuery,
    CountSerializer,
    EngagementQuery,
    EngagementSerializer,
    count_row,
    engagement_row,
    local_row,
    week_row,
)
from analytics.rest.facts import FactViewSet
from analytics.rest.places import find_place
from analytics.rest.serializers import (
    DetectionQuery,
    DetectionSerializer,
    EpisodeQuery,
    EpisodeSerializer,
    TodayQuery,
    TodaySerializer,
    parse_bounds,
)
from analytics.rest.series import select_series
from devices.models import Device
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.filters import of_devices
from devices.rest.parameters import parse_query

if TYPE_CHECKING:
    from devices.models import User


class TodayViewSet(GenericViewSet[Device]):
    """The numbers of the overview."""

    queryset = Device.objects.all()
    serializer_class = TodaySerializer
    cursor_ordering = ("site_name", "name", "pk")

    @extend_schema(parameters=[TodayQuery], responses=TodaySerializer(many=True))
    def list(self, request: Request) -> Response:
        """Return each of your devices with its numbers since its site's midnight, ordered by site and name."""
        slug, now = parse_query(TodayQuery, request).get("site"), timezone.now()
        devices = devices_of_today(cast("User", request.user), now=now)
        if slug is not None:
            devices = devices.filter(site__slug=slug)
        page = self.paginate_queryset(devices.select_related("site").annotate(site_name=F("site__name"))) or []
        return self.get_paginated_response(TodaySerializer(devices_today(page, now=now), many=True).data)


class EngagementViewSet(ViewSet):
    """The number of people facing the displays."""

    serializer_class = EngagementSerializer

    @extend_schema(parameters=[EngagementQuery], responses=EngagementSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Return faces per frame and occupied spells for each bucket that the period overlaps.

        The period is by default the last seven days. `audience/` returns spells.

        All frames of several devices have the same weight, so that numbers add up over devices as they do over time:
        the average of several buckets is the sum of their `faces_sum` divided by the sum of their `frames`. Numbers
        are 0 where nobody was there, and null where no camera was on.
        """
        query, now = parse_query(EngagementQuery, request), timezone.now()
        bucket: Bucket = "hour" if query["bucket"] in (WEEKDAY_HOUR, PERIOD) else query["bucket"]
        series = select_series(request, {**query, "bucket": bucket}, now)
        selections = [one.selection for one in series]
        engagement = reads.read_engagement(selections, bucket=bucket, now=now)
        spells = reads.read_episodes(selections, label=FACE, bucket=bucket, engagement=engagement)
        if "each" not in query:
            series, engagement, spells = series[:1], [list(chain(*engagement))], [list(chain(*spells))]
        rows = _row_maker(query)
        return Response(
            [
                {"site": one.site, "device": one.device, **row}
                for one, of_engagement, of_spells in zip(series, engagement, spells, strict=True)
                for row in rows(of_engagement, of_spells)
            ]
        )


def _row_maker(
    query: dict[str, Any],
) -> Callable[[Sequence[EngagementBucket], Sequence[EpisodeBucket]], Iterator[BucketRow]]:
    if query["bucket"] == WEEKDAY_HOUR:
        return lambda engagement, spells: map(week_row, chain(*typical_week(engagement, spells)))
    if query["align"] == "local" and "each" not in query:
        if query["bucket"] == PERIOD:
            return lambda engagement, spells: map(
                local_row, [merge_local_buckets(add_up_by_local_time([engagement], [spells]))]
            )
        return lambda engagement, spells: map(local_row, add_up_by_local_time([engagement], [spells]))
    if query["bucket"] == PERIOD:
        return lambda engagement, spells: map(engagement_row, [merge_engagement(engagement)], [merge_episodes(spells)])
    return lambda engagement, spells: map(engagement_row, engagement, spells)


class CountViewSet(ViewSet):
    """How many detections a label has, and how many episodes."""

    serializer_class = CountSerializer

    @extend_schema(parameters=[CountQuery], responses=CountSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Return the detections and the episodes of a label for each bucket that the period overlaps.

        The period is by default the last seven days. With `align=local` each site has its own time series.
        """
        query, now = parse_query(CountQuery, request), timezone.now()
        if query["align"] == "local":
            query.setdefault("each", "site")
        series = select_series(request, query, now)
        common: dict[str, Any] = {"label": query["label"], "bucket": query["bucket"]}
        selections = [one.selection for one in series]
        counts = reads.read_counts(selections, **common, threshold=query["threshold"])
        distinct = reads.read_episodes(selections, **common, threshold=query["threshold"])
        histograms: Sequence[Sequence[ConfidenceBucket | None]] = [[None] * len(buckets) for buckets in counts]
        if query["histogram"]:
            histograms = reads.read_confidences(selections, **common)
        return Response(
            [
                {"site": one.site, "device": one.device, **row}
                for one, *parts in zip(series, counts, distinct, histograms, strict=True)
                for row in starmap(count_row, zip(*parts, strict=True))
            ]
        )


class EpisodeViewSet(ScopedReadOnlyViewSet):
    """Episodes, newest first: occupied spells (label `face`), gestures and objects, each counted once."""

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
        query = parse_query(EpisodeQuery, self.request)
        zone = ZoneInfo("UTC")
        if "site" in query or "device" in query:
            place = find_place(self.request, query)
            queryset, zone = queryset.filter(device__in=[d.pk for d in place.devices]), place.zone
        else:
            queryset = of_devices(queryset, self.request.user)
        if "min_seconds" in query:
            queryset = queryset.filter(ended__gte=F("started") + dt.timedelta(seconds=query["min_seconds"]))
        start, end = parse_bounds(query, zone)
        look_ups = {
            "label": query.get("label"),
            "confidence__gte": query.get("min_confidence"),
            "started__gte": start,
            "started__lt": end,
        }
        return queryset.filter(**_without_none(look_ups))


class DetectionViewSet(FactViewSet):
    """Faces, objects and gestures that your devices detected in single frames, newest first."""

    queryset = Detection.objects.select_related("device__site")
    serializer_class = DetectionSerializer
    cursor_ordering = ("-taken_at", "-pk")
    kind = FactKind.DETECTIONS
    query_class = DetectionQuery

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        if args:
            detections = list(args[0]) if kwargs.get("many") else [args[0]]
            kwargs["context"] = {**self.get_serializer_context(), "pictures": read_pictures(detections)}
        return super().get_serializer(*args, **kwargs)

    @extend_schema(parameters=[DetectionQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return super().list(request, *args, **kwargs)

    def look_ups(self, query: Mapping[str, Any]) -> dict[str, Any]:
        return {"label": query.get("label"), "confidence__gte": query.get("min_confidence")}


def _without_none(look_ups: dict[str, Any]) -> dict[str, Any]:
    return {look_up: value for look_up, value in look_ups.items() if value is not None}
