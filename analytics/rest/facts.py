"""What the lists of single detections and visits share: their filters, and the facts of archived months in them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.urls import reverse
from rest_framework.serializers import Serializer

from analytics.models.archive import FactKind
from analytics.numbers.archived_facts import Span, archived_days, read_facts
from analytics.numbers.archived_files import columns_of, time_of
from analytics.rest.places import find_place
from analytics.rest.serializers import parse_bounds
from devices.models import Device
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.exports import Columns, Rows
from devices.rest.filters import of_devices
from devices.rest.parameters import parse_query


class MovedMeanwhile(Exception):
    """An export lacks facts, so that its body must not look whole."""


class FactViewSet(ScopedReadOnlyViewSet):
    """Facts, newest first.

    A whole list as CSV or Parquet begins with those of archived months, which are read from the files. A page of JSON
    has none of them; where the period has some, its header `Link` names their address, with the relation “archives”.
    """

    kind: FactKind
    query_class: type[Serializer[Any]]
    exports_whole_list = True

    def look_ups(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return which value a column must have, or with `__gte` at least have; None for any."""
        raise NotImplementedError

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.action != "list":
            return queryset
        query, devices, (start, end) = self._asked()
        queryset = (
            of_devices(queryset, self.request.user)
            if devices is None
            else queryset.filter(device__in=[device.pk for device in devices])
        )
        time = time_of(self.kind)
        look_ups = {**self.look_ups(query), f"{time}__gte": start, f"{time}__lt": end}
        return queryset.filter(**_without_none(look_ups))

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().list(request, *args, **kwargs)
        if not response.streaming and self._has_archived():
            response.headers["Link"] = f'<{request.build_absolute_uri(self._archived_address())}>; rel="archives"'
        return response

    def with_older_rows(self, columns: Columns, rows: Rows) -> Rows:
        """Yield the archived facts of the list, then the rows.

        Raises `MovedMeanwhile` at the end if facts were archived while they were read, because they may be missing.
        """
        query, asked, span = self._asked()
        if asked is None:
            asked = list(Device.objects.for_user(self.request.user).select_related("site"))
        devices = {device.pk: device for device in asked}
        wanted = _without_none(self.look_ups(query))
        stored = list(columns_of(self.kind))
        before = set(archived_days(span))
        for row in read_facts(self.kind, stored, devices=devices, spans=[span]):
            fact = dict(zip(stored, row, strict=True))
            if _fits(fact, wanted):
                device = devices[fact["device_id"]]
                fact |= {"device__site__slug": device.site.slug, "device__name": device.name}
                if box := fact.get("box"):
                    fact["box"] = json.loads(box)
                yield [fact[path] for path in columns.values()]
        yield from rows
        if set(archived_days(span)) - before:
            raise MovedMeanwhile("Facts were moved into files while they were exported; export them again.")

    def _asked(self) -> tuple[dict[str, Any], Sequence[Device] | None, Span]:
        """Return the query, the devices that it names, if any, and its period."""
        query = parse_query(self.query_class, self.request)
        if "site" not in query and "device" not in query:
            return query, None, parse_bounds(query, ZoneInfo("UTC"))
        place = find_place(self.request, query)
        return query, place.devices, parse_bounds(query, place.zone)

    def _has_archived(self) -> bool:
        return any(kind == self.kind for kind, _ in archived_days(self._asked()[2]))

    def _archived_address(self) -> str:
        kept = {name: self.request.query_params.get(name) for name in ("site", "device", "from", "to")}
        return f"{reverse('archived-fact-list')}?{urlencode(_without_none({'kind': self.kind, **kept}))}"


def _without_none(look_ups: Mapping[str, Any]) -> dict[str, Any]:
    return {look_up: value for look_up, value in look_ups.items() if value is not None}


def _fits(fact: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the fact has what these look-ups want."""
    for look_up, value in wanted.items():
        column = look_up.removesuffix("__gte")
        if (fact[column] != value) if column == look_up else (fact[column] < value):
            return False
    return True
