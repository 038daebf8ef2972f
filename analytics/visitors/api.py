"""Unique visitors and reactions in the API."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.rest.places import find_place, parse_query
from analytics.rest.serializers import SpanQuery, parse_bucket_bounds
from analytics.visitors import reads
from analytics.visitors.serializers import ReactionDaySerializer, VisitorDaySerializer


class VisitorViewSet(ViewSet):
    """How many different people came."""

    @extend_schema(parameters=[SpanQuery], responses=VisitorDaySerializer(many=True))
    def list(self, request: Request) -> Response:
        """The people recognised on each local day of the period (by default the last seven days), each counted once.

        Days don't add up: whoever came on two of them counts in both. Where the site's policy lets strangers have a
        number they are in it, and in `guests`.
        """
        return Response(VisitorDaySerializer(_days(request, reads.visitors), many=True).data)


class ReactionViewSet(ViewSet):
    """What visitors' faces expressed, told of groups only."""

    @extend_schema(parameters=[SpanQuery], responses=ReactionDaySerializer(many=True))
    def list(self, request: Request) -> Response:
        """Emotions as shares, for each local day of the period that is over (by default the last seven days).

        A group that is so small that one person could be told apart is left out; and with it, for that day, the other
        devices of its site, whose figures would give it away.
        """
        return Response(ReactionDaySerializer(_days(request, reads.reactions), many=True).data)


def _days(request: Request, read: Callable[..., list[Any]]) -> list[Any]:
    """What `read` says of the devices and the period that are asked for."""
    query = parse_query(SpanQuery, request)
    place, now = find_place(request, query), timezone.now()
    start, end = parse_bucket_bounds({**query, "bucket": "day"}, place.zone, now)
    return read(place.devices, zone=place.zone, start=start, end=end, now=now)
