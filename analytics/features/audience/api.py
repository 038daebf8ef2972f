"""The API of visits."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.features.audience.serializers import AudienceSerializer, VisitQuery, VisitSerializer, audience_row
from analytics.models import Visit
from analytics.models.archive import FactKind
from analytics.numbers.reads import read_engagement
from analytics.numbers.visits import first_visits, read_visits
from analytics.rest.bucket_serializers import BucketQuery
from analytics.rest.facts import FactViewSet
from analytics.rest.series import select_series
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


class VisitViewSet(FactViewSet):
    """Visits, newest first, one for each person who came."""

    queryset = Visit.objects.select_related("device__site")
    serializer_class = VisitSerializer
    cursor_ordering = ("-began_at", "-pk")
    export_instead: Mapping[str, str] = {"dwell_seconds": "dwell_ms", "attention_seconds": "attention_ms"}
    kind = FactKind.VISITS
    query_class = VisitQuery

    @extend_schema(parameters=[VisitQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return super().list(request, *args, **kwargs)

    def look_ups(self, query: Mapping[str, Any]) -> dict[str, Any]:
        least = query.get("min_seconds")
        return {"dwell_ms__gte": None if least is None else round(least * 1000)}
