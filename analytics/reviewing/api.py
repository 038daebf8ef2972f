"""Verdicts and precision in the API."""

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.models import Review
from analytics.rest.places import asked, place_of
from analytics.rest.serializers import bucket_bounds
from analytics.reviewing import precision
from analytics.reviewing.serializers import PrecisionQuery, PrecisionTableSerializer, VerdictSerializer
from devices.rest.base import ScopedReadOnlyViewSet


class ReviewFilter(filters.FilterSet):  # type: ignore[misc]
    site = filters.CharFilter(field_name="detection__frame__device__site__slug", label="A site's slug.")
    device = filters.CharFilter(field_name="detection__frame__device__name", label="A device's name.")
    label = filters.CharFilter(field_name="detection__label", label="Such as thumbs-up, cup or face.")

    class Meta:
        model = Review
        fields = {"verdict": ["exact"], "at": ["gte", "lt"]}


class ReviewViewSet(ScopedReadOnlyViewSet):
    """What each reviewer said of detections, newest first; `review` in `detections/` is what most of them say."""

    queryset = Review.objects.select_related("detection__frame__device__site", "reviewer")
    serializer_class = VerdictSerializer
    filterset_class = ReviewFilter
    cursor_ordering = ("-at", "-pk")
    exports_whole_list = True


class PrecisionViewSet(ViewSet):
    """How often the cameras are right."""

    @extend_schema(parameters=[PrecisionQuery], responses=PrecisionTableSerializer)
    def list(self, request: Request) -> Response:
        """Of the label's detections in the period (by default the last seven days), as far as reviewers decided.

        It speaks for what was reviewed: who reviews the doubtful ones only makes a detector look worse than it is.
        """
        query = asked(PrecisionQuery, request)
        place = place_of(request, query)
        start, end = bucket_bounds({**query, "bucket": "day"}, place.zone, timezone.now())
        table = precision.table(place.devices, label=query["label"], start=start, end=end)
        return Response(PrecisionTableSerializer(table).data)
