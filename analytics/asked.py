"""Several questions about devices and periods, answered from one read of a table of quarters or episodes."""

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import Case, Field, Func, IntegerField, QuerySet, Value, When

from analytics.buckets import Bucket, edges
from analytics.models import FACE, EngagementQuarter
from analytics.tallies import QUARTER_MINUTES
from devices.models import Device

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Some devices taken together, and a period in buckets of this zone."""

    devices: Sequence[Device]
    zone: ZoneInfo
    start: dt.datetime
    end: dt.datetime


class Minutes(Func):
    """How many bits of a mask of minutes are set."""

    # Neither database has a function for it that the other has too.
    template = "(" + " + ".join(f"((%(expressions)s >> {bit}) & 1)" for bit in range(QUARTER_MINUTES)) + ")"
    output_field = IntegerField()


AS_IT_COMES: "Field[Any, Any]" = Field()
"""Of a value that the database answers as what it is: Django would convert each number to itself."""


class Seconds(Func):
    """A time as seconds since 1970, exact to the microsecond: Django's reading of times costs more than the query."""

    output_field = AS_IT_COMES
    template = "EXTRACT(EPOCH FROM %(expressions)s)::float8"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        whole = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        fraction = "CAST(substr(%(expressions)s, 20) AS REAL)"
        return self.as_sql(compiler, connection, template=f"({whole} + {fraction})", **context)


class Gathering:
    """What is asked, in buckets. Devices that belong to the same questions are read together."""

    def __init__(self, asked: Sequence[Asked], bucket: Bucket) -> None:
        self._asked = asked
        self._bounds = [edges(zone=each.zone, start=each.start, end=each.end, bucket=bucket) for each in asked]
        self._seconds = [[bound.timestamp() for bound in bounds] for bounds in self._bounds]
        of_device: dict[int, list[int]] = defaultdict(list)
        for place, each in enumerate(asked):
            for pk in {device.pk for device in each.devices} if self._bounds[place] else ():
                of_device[pk].append(place)
        self._parts: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for pk, places in of_device.items():
            self._parts[tuple(places)].append(pk)

    def rows(self, table: "QuerySet[Any]", field: str = "start") -> "QuerySet[Any]":
        """The table's rows that the questions are about, with the `part` of the devices that each belongs to.

        And with the time, as `at`.
        """
        table = table.annotate(at=Seconds(field))
        if not self._parts:
            nothing: QuerySet[Any] = table.annotate(part=Value(0)).none()
            return nothing
        bounds = [self._bounds[place] for places in self._parts for place in places]
        period = {f"{field}__gte": min(each[0] for each in bounds), f"{field}__lt": max(each[-1] for each in bounds)}
        parts = list(self._parts.values())
        devices = sorted(pk for pks in parts for pk in pks)
        part = Case(
            *(When(device__in=pks, then=Value(number)) for number, pks in enumerate(parts[1:], start=1)),
            default=Value(0),
            output_field=IntegerField(),
        )
        found: QuerySet[Any] = table.filter(device__in=devices, **period).annotate(part=part).order_by()
        return found

    def totals(
        self, make: Callable[[], T], *reads: tuple[Iterable[Sequence[Any]], Callable[..., None]]
    ) -> list[list[tuple[dt.datetime, dt.datetime, T]]]:
        """By question, every bucket's start and end in UTC and its total, made by `make`.

        Each row of each read begins with `part` and `at`; the rest goes to the read's function, after the total.
        """
        sums = [[make() for _ in bounds[1:]] for bounds in self._bounds]
        parts = list(self._parts)
        for rows, add in reads:
            for part, at, *values in rows:
                for place in parts[part]:
                    number = bisect_right(self._seconds[place], at) - 1
                    if 0 <= number < len(sums[place]):
                        add(sums[place][number], *values)
        return [
            [(first, last, total) for (first, last), total in zip(pairwise(bounds), those, strict=True)]
            for bounds, those in zip(self._bounds, sums, strict=True)
        ]

    def known(self, label: str) -> "QuerySet[Any]":
        """The part and time of the quarters in which a camera was on, and for faces: one that looks for them."""
        on = {"frames__gt": 0} if label == FACE else {"minutes_seen__gt": 0}
        quarters = self.rows(EngagementQuarter.objects.filter(**on))
        return quarters.values_list("part", "at").distinct()
