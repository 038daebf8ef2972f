"""Verdicts and precision in the API."""

from typing import TYPE_CHECKING, cast

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.features.reviewing import precision
from analytics.features.reviewing.effects import review_and_describe
from analytics.features.reviewing.serializers import (
    NewVerdictsResultSerializer,
    NewVerdictsSerializer,
    PrecisionQuery,
    PrecisionTableSerializer,
    VerdictSerializer,
)
from analytics.models import Detection, Review, Verdict
from analytics.rest.places import find_place
from analytics.rest.serializers import parse_bucket_bounds
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.filters import OfDeviceFilter
from devices.rest.items import MOST_NAMED, Items
from devices.rest.parameters import parse_query

if TYPE_CHECKING:
    from devices.models import User


class ReviewFilter(OfDeviceFilter):
    label = filters.CharFilter(field_name="detection__label", label="A label, such as thumbs-up, cup or face.")

    class Meta:
        model = Review
        fields = {"verdict": ["exact"], "at": ["gte", "lt"]}


class ReviewViewSet(ScopedReadOnlyViewSet):
    """The verdict of each reviewer on detections, newest first; `review` in `detections/` is the majority."""

    queryset = Review.objects.select_related("device__site", "detection", "reviewer")
    serializer_class = VerdictSerializer
    filterset_class = ReviewFilter
    cursor_ordering = ("-at", "-pk")
    exports_whole_list = True

    @extend_schema(request=NewVerdictsSerializer, responses={200: NewVerdictsResultSerializer})
    def create(self, request: Request) -> Response:
        """Call detections right or wrong, as on the review page, or withdraw your verdicts. For operators of the site.

        A new verdict replaces your former one about the detection. An id that is none of your detections is refused
        alone; if all are refused, the status is 400 or 404.
        """
        serializer = NewVerdictsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        name, items = serializer.validated_data["verdict"], cast("Items", serializer.validated_data["detections"])
        visible = Detection.objects.all().for_user(request.user).filter(pk__in=set(items.valid.values()))
        detections = list(visible.select_related("device__site").order_by("pk"))
        found = {detection.pk for detection in detections}
        missing = {number: key for number, key in items.valid.items() if key not in found}
        if missing and not found:
            raise NotFound(f"Your sites have no detection {min(missing.values())}.")
        items.refused |= {number: f"Your sites have no detection {key}." for number, key in missing.items()}
        if not found:
            raise ValidationError({"detections": list(items.refused.values())[:MOST_NAMED]})
        verdicts = dict.fromkeys(detections, None if name is None else Verdict(name))
        changes = review_and_describe(verdicts=verdicts, by=cast("User", request.user), now=timezone.now())
        reviewed = [{"id": detection.pk, "review": detection.review} for detection in detections]
        return Response({"changes": changes, "detections": reviewed, "refused": items.as_refused()})


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
