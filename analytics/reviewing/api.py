"""Verdicts and precision in the API."""

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.models import Review
from analytics.rest.places import find_place, parse_query
from analytics.rest.serializers import parse_bucket_bounds
from analytics.reviewing import precision
from analytics.reviewing.serializers import PrecisionQuery, PrecisionTableSerializer, VerdictSerializer
from devices.rest.base import ScopedReadOnlyViewSet


class ReviewFilter(filters.FilterSet):  # type: ignore[misc]
    site = filters.CharFilter(field_name="detection__frame__device__site__slug", label="A site's slug.")
    device = filters.CharFilter(field_name="detection__frame__device__name", label="A device's name.")
    label = filters.CharFilter(field_name="detection__label", label="A label, such as thumbs-up, cup or face.")

    class Meta:
        model = Review
        fields = {"verdict": ["exact"], "at": ["gte", "lt"]}


class ReviewViewSet(ScopedReadOnlyViewSet):
    """The verdict of each reviewer on detections, newest first; `review` in `detections/` is the majority."""

    queryset = Review.objects.select_related("detection__frame__device__site", "reviewer")
    serializer_class = VerdictSerializer
    filterset_class = ReviewFilter
    cursor_ordering = ("-at", "-pk")
    exports_whole_list = True


class PrecisionViewSet(ViewSet):
    """The precision of the cameras by reviewers' verdicts."""

    @extend_schema(parameters=[PrecisionQuery], responses=PrecisionTableSerializer)
    def list(self, request: Request) -> Response:
        """Return the precision of the label's decided detections in the period, by default the last seven days.

        It describes the reviewed detections alone: a detector looks worse than it is if people review only doubtful
        detections.
        """
        query = parse_query(PrecisionQuery, request)
        place = find_place(request, query)
        start, end = parse_bucket_bounds({**query, "bucket": "day"}, place.zone, timezone.now())
        table = precision.read_precision(place.devices, label=query["label"], start=start, end=end)
        return Response(PrecisionTableSerializer(table).data)
