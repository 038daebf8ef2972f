"""The API of archived facts."""

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.models.archive import FactKind
from analytics.numbers.archived_facts import archived_days, read_facts
from analytics.numbers.archived_files import columns_of, schema_of
from analytics.rest.places import Place, find_place
from analytics.rest.serializers import PlaceQuery, parse_bounds
from devices.models import Device
from devices.rest import exports
from devices.rest.base import FILES, send_file
from devices.rest.parameters import parse_query


class ArchivedQuery(PlaceQuery):
    """Some devices, by default all of yours, and a period, by default all."""

    kind = serializers.ChoiceField(choices=FactKind.choices, default=FactKind.DETECTIONS.value)


class ArchivedDaySerializer(serializers.Serializer[Any]):
    """A day of UTC whose facts are archived."""

    kind = serializers.ChoiceField(choices=FactKind.choices)
    day = serializers.DateField()


class ArchivedFactViewSet(ViewSet):
    """Frames, detections and visits of months that are archived."""

    serializer_class = ArchivedDaySerializer

    @extend_schema(parameters=[ArchivedQuery], responses=ArchivedDaySerializer(many=True))
    def list(self, request: Request) -> Response | HttpResponseBase:
        """Return the archived days of the kind. As CSV, Parquet or Excel: the facts of your devices on these days.

        Numbers in buckets (`engagement/`, `counts/`, `audience/`) include archived facts; they are kept apart. So do
        `detections/` and `visits/` as CSV, Parquet or Excel.
        """
        query = parse_query(ArchivedQuery, request)
        if "site" in query or "device" in query:
            place = find_place(request, query)
        else:
            place = Place(list(Device.objects.for_user(request.user).select_related("site")), ZoneInfo("UTC"))
        start, end = parse_bounds(query, place.zone)
        kind = FactKind(query["kind"])
        extension = getattr(request.accepted_renderer, "format", "json")
        if extension not in FILES:
            days = [{"kind": each, "day": day} for each, day in archived_days((start, end)) if each == kind]
            return Response(ArchivedDaySerializer(days, many=True).data)
        columns = list(columns_of(kind))
        at = columns.index("device_id")
        devices = {device.pk: device for device in place.devices}
        names = ["site", "device", *columns[:at], *columns[at + 1 :]]
        rows = (
            [devices[row[at]].site.slug, devices[row[at]].name, *row[:at], *row[at + 1 :]]
            for row in read_facts(kind, columns, devices=devices, spans=[(start, end)])
        )
        name = exports.file_name(f"archived-{kind}", request.query_params.dict(), extension)
        pieces = exports.pieces_of(extension, rows, names, lambda: _exported_schema(kind))
        return send_file(request, pieces, extension, name)


def _exported_schema(kind: FactKind) -> Any:
    import pyarrow

    stored = schema_of(kind)
    places = [pyarrow.field(name, pyarrow.string()) for name in ("site", "device")]
    return pyarrow.schema([*places, *(field for field in stored if field.name != "device_id")])
