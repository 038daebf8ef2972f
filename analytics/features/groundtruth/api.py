"""The API of ground truth; the counting page for phones uses it too."""

from typing import TYPE_CHECKING, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.features.groundtruth import reads, services
from analytics.features.groundtruth.serializers import (
    AccuracySerializer,
    GroundTruthSerializer,
    NewSessionSerializer,
    NotedSerializer,
    SessionResultSerializer,
    StoredCountsSerializer,
    WhereQuery,
)
from analytics.models.groundtruth import GroundTruthSession
from analytics.rest.places import find_place
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.filters import OfDeviceFilter
from devices.rest.items import Items
from devices.rest.parameters import parse_query
from devices.storage.querysets import spots_of

if TYPE_CHECKING:
    from devices.models import User


class GroundTruthFilter(OfDeviceFilter):
    class Meta:
        model = GroundTruthSession
        fields: dict[str, list[str]] = {}


class GroundTruthViewSet(mixins.DestroyModelMixin, ScopedReadOnlyViewSet):
    """Sessions in which a person counted the people facing a display, newest first."""

    queryset = GroundTruthSession.objects.select_related("device__site", "counted_by")
    serializer_class = GroundTruthSerializer
    filterset_class = GroundTruthFilter
    cursor_ordering = ("-started_at", "-pk")

    @extend_schema(request=NewSessionSerializer, responses={201: GroundTruthSerializer})
    def create(self, request: Request) -> Response:
        """Start a session at a device, as operator or owner of its site; end it with `counts/`."""
        form = NewSessionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        (spot,) = spots_of(find_place(request, form.validated_data).devices)
        session = services.start_session(
            device=spot.latest,
            by=self._user,
            people=form.validated_data["people"],
            counts_arrivals=form.validated_data["counts_arrivals"],
            now=timezone.now(),
        )
        return Response(GroundTruthSerializer(session).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=NotedSerializer, responses=StoredCountsSerializer)
    @action(detail=True, methods=["post"])
    def counts(self, request: Request, pk: str) -> Response:
        """Store counts; only the user who started the session may do so. A count that is sent twice is stored once."""
        session = self.get_object()
        services.check_starter(session, self._user)
        form = NotedSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        counts: Items = form.validated_data["counts"]
        services.store_counts(
            session=session,
            by=self._user,
            counts=[services.ReportedCount(**count) for count in counts.valid.values()],
            sent_at=form.validated_data["sent_at"],
            ended_at=form.validated_data["ended_at"],
            now=timezone.now(),
        )
        noted = self.get_object()
        noted.refused = counts.as_refused()
        return Response(StoredCountsSerializer(noted).data)

    @extend_schema(responses=SessionResultSerializer)
    @action(detail=True)
    def result(self, request: Request, pk: str) -> Response:
        """Return the session's comparison of person and camera, minute by minute, and all counts."""
        return Response(SessionResultSerializer(reads.read_session_result(self.get_object())).data)

    @extend_schema(parameters=[WhereQuery], responses=AccuracySerializer(many=True), filters=False)
    @action(detail=False, pagination_class=None)
    def accuracy(self, request: Request) -> Response:
        """Return the accuracy of devices, each compared over its latest sessions together."""
        place = find_place(request, parse_query(WhereQuery, request))
        accuracies = [reads.read_accuracy(spot.latest) for spot in spots_of(place.devices)]
        return Response(AccuracySerializer(accuracies, many=True).data)

    def perform_destroy(self, instance: GroundTruthSession) -> None:
        services.delete_session(session=instance, by=self._user)

    @property
    def _user(self) -> "User":
        return cast("User", self.request.user)
