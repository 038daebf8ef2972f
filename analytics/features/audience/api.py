"""The API of visits."""

from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.features.audience.serializers import AudienceSerializer, VisitQuery, VisitSerializer, audience_row
from analytics.models import Visit
from analytics.numbers.reads import read_engagement
from analytics.numbers.visits import first_visits, read_visits
from analytics.rest.bucket_serializers import BucketQuery
from analytics.rest.places import find_place
from analytics.rest.serializers import parse_bounds
from analytics.rest.series import select_series
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.parameters import parse_query


class AudienceViewSet(ViewSet):
    """The people who came, in buckets of time."""

    serializer_class = AudienceSerializer

    @extend_schema(parameters=[BucketQuery], responses=AudienceSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Return visits, viewers, conversion, dwell, attention and attraction for each bucket the period overlaps.

        The period is by default the last seven days. A visit counts where it began. With `align=local`
        each site has its own time series.
        """
        query, now = parse_query(BucketQuery, request), timezone.now()
        if query["align"] == "local":
            query.setdefault("each", "site")
        series = select_series(request, query, now)
        selections = [one.selection for one in series]
        engagement = read_engagement(selections, bucket=query["bucket"], now=now)
        followed_from = first_visits({device for one in selections for device in one.devices})
        visits = read_visits(selections, bucket=query["bucket"], engagement=engagement, followed_from=followed_from)
        return Response(
            [
                {"site": one.site, "device": one.device, **audience_row(each)}
                for one, buckets in zip(series, visits, strict=True)
                for each in buckets
            ]
        )


class VisitViewSet(ScopedReadOnlyViewSet):
    """Visits, newest first, one for each person who came."""

    queryset = Visit.objects.select_related("device__site")
    serializer_class = VisitSerializer
    cursor_ordering = ("-began_at", "-pk")
    exports_whole_list = True

    @extend_schema(parameters=[VisitQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return super().list(request, *args, **kwargs)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.action != "list":
            return queryset
        query = parse_query(VisitQuery, self.request)
        zone = ZoneInfo("UTC")
        if "site" in query or "device" in query:
            place = find_place(self.request, query)
            queryset, zone = queryset.filter(device__in=[d.pk for d in place.devices]), place.zone
        start, end = parse_bounds(query, zone)
        look_ups = {"began_at__gte": start, "began_at__lt": end}
        if "min_seconds" in query:
            queryset = queryset.filter(dwell_ms__gte=round(query["min_seconds"] * 1000))
        return queryset.filter(**{look_up: value for look_up, value in look_ups.items() if value is not None})
