"""The API of unique visitors and reactions."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.features.visitors import reads
from analytics.features.visitors.serializers import ReactionDaySerializer, VisitorDaySerializer
from analytics.rest.places import find_place
from analytics.rest.serializers import SpanQuery, parse_bucket_bounds
from devices.rest.parameters import parse_query


class VisitorViewSet(ViewSet):
    """The number of unique visitors."""

    @extend_schema(parameters=[SpanQuery], responses=VisitorDaySerializer(many=True))
    def list(self, request: Request) -> Response:
        """Return the number of people recognised on each local day of the period, by default the last seven days.

        A person counts once a day, and on each day anew, so that days must not be added up. Where the site's policy
        recognises guests, `visitors` includes them, and `guests` is their number.
        """
        return Response(VisitorDaySerializer(_read_days(request, reads.read_visitors), many=True).data)


class ReactionViewSet(ViewSet):
    """The expressions of faces, of groups only."""

    @extend_schema(parameters=[SpanQuery], responses=ReactionDaySerializer(many=True))
    def list(self, request: Request) -> Response:
        """Return the share of each emotion on each local day of the period, by default the last seven days.

        Only quarter hours count in which a device saw at least five people. Shares are null on a day that is not over,
        without such a quarter hour, and where no owner has confirmed that expressions may be read.
        """
        return Response(ReactionDaySerializer(_read_days(request, reads.read_reactions), many=True).data)


def _read_days(request: Request, read: Callable[..., list[Any]]) -> list[Any]:
    """Call `read` with the devices and the period of the request."""
    query = parse_query(SpanQuery, request)
    place, now = find_place(request, query), timezone.now()
    start, end = parse_bucket_bounds({**query, "bucket": "day"}, place.zone, now)
    return read(place.devices, zone=place.zone, start=start, end=end, now=now)
