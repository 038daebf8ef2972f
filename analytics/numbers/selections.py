"""Several questions about devices and periods, answered from one read of a table of quarters or episodes."""

import datetime as dt
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import Case, Field, Func, Max, QuerySet, Sum, Value, When

from analytics.models import FACE, EngagementQuarter
from analytics.models.quarters import QUARTER_MINUTES
from analytics.numbers.buckets import Bucket, spans
from devices.models import Device

T = TypeVar("T")
Rows = Iterable[Sequence[Any]]
"""As `Gathering.totals` takes them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Some devices taken together, and a period in buckets of this zone."""

    devices: Sequence[Device]
    zone: ZoneInfo
    start: dt.datetime
    end: dt.datetime
    whole: bool = False
    """In a single bucket instead, of all hours that it touches."""


MOST_LISTED = 128
"""Edges that a query lists: more than two months of days have, and fewer than it takes long to read."""

AS_IT_COMES: "Field[Any, Any]" = Field()
"""Of a value that the database answers as what it is: Django would convert each number to itself."""


class Total(Sum):
    """A sum as the integer that it is: PostgreSQL answers that of large integers as a decimal number."""

    output_field = AS_IT_COMES
    template = "CAST(%(function)s(%(expressions)s) AS bigint)"


class Largest(Max):
    output_field = AS_IT_COMES


class Minutes(Func):
    """How many bits of a mask of minutes are set."""

    # SQLite has no function for it.
    template = "(" + " + ".join(f"((%(expressions)s >> {bit}) & 1)" for bit in range(QUARTER_MINUTES)) + ")"
    output_field = AS_IT_COMES

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = f"BIT_COUNT(%(expressions)s::int::bit({QUARTER_MINUTES}))"
        return self.as_sql(compiler, connection, template=template, **context)


class SlotStart(Func):
    """When the slot begins in which a time lies; in seconds since 1970. `of` says which slots there are."""

    output_field = AS_IT_COMES
    template = "FLOOR((DATE_PART('epoch', %(expressions)s) - %(first)s) / %(step)s)::bigint * %(step)s + %(first)s"
    listed = "(ARRAY[%(edges)s])[WIDTH_BUCKET(%(expressions)s, '{%(times)s}'::timestamptz[])]"
    sqlite = "((CAST(strftime('%%%%s', %(expressions)s) AS INTEGER) - %(first)s) / %(step)s * %(step)s + %(first)s)"

    @classmethod
    def of(cls, field: str, edges: Sequence[int]) -> Self:
        """Slots from edge to edge where these are few; else each as long as the steps in which all of them lie.

        Edges ascend, in seconds since 1970, and the time lies between the first and the last of them.
        """
        first = edges[0] if edges else 0
        lists: dict[str, Any] = {}
        if len(edges) <= MOST_LISTED:
            lists = {"edges": _listed(edges), "times": _listed(_utc(edge).isoformat() for edge in edges)}
        return cls(field, first=first, step=math.gcd(*[edge - first for edge in edges]) or 1, **lists)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=self.listed if "edges" in self.extra else None)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=self.sqlite)


def _listed(values: Iterable[Any]) -> str:
    return ",".join(map(str, values))


def _utc(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


class Gathering:
    """What is asked, in buckets. Devices that belong to the same questions are read together.

    The database adds up the rows of each slot (see `SlotStart`). Each edge of each bucket is one of theirs, whatever
    the clocks do: there are some thousand in a year of hours, however many frames there are.
    """

    def __init__(self, asked: Sequence[Asked], bucket: Bucket) -> None:
        self.spans = [
            spans(zone=each.zone, start=each.start, end=each.end, bucket=bucket, whole=each.whole) for each in asked
        ]
        of_device: dict[int, list[int]] = defaultdict(list)
        for place, each in enumerate(asked):
            for pk in {device.pk for device in each.devices} if self.spans[place].seconds else ():
                of_device[pk].append(place)
        self._parts: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for pk, places in of_device.items():
            self._parts[tuple(places)].append(pk)
        self._edges = sorted({edge for span in self.spans for edge in span.seconds})

    def rows(self, table: "QuerySet[Any]", field: str = "start") -> "QuerySet[Any]":
        """The table's rows that the questions are about; `part` is the devices that each belongs to."""
        if not self._parts:
            nothing: QuerySet[Any] = table.annotate(part=Value(0)).none()
            return nothing
        first, last = _utc(self._edges[0]), _utc(self._edges[-1])
        parts = list(self._parts.values())
        devices = sorted(pk for pks in parts for pk in pks)
        part = Case(
            *(When(device__in=pks, then=Value(number)) for number, pks in enumerate(parts[1:], start=1)),
            default=Value(0),
            output_field=AS_IT_COMES,
        )
        mine = table.filter(device__in=devices, **{f"{field}__gte": first, f"{field}__lt": last})
        found: QuerySet[Any] = mine.annotate(part=part).order_by()
        return found

    def quarters(self, table: "QuerySet[Any]") -> "QuerySet[Any]":
        """As `rows`, of tallies, with the time of each as `slot`. To be grouped by `part` and `slot`."""
        found: QuerySet[Any] = self.rows(table).annotate(slot=SlotStart.of("start", self._edges))
        return found

    def of_questions(self, rows: Rows) -> list[list[Sequence[Any]]]:
        """By question, the rows of its devices, without the `part` that each begins with."""
        found: list[list[Sequence[Any]]] = [[] for _ in self.spans]
        parts = list(self._parts)
        for part, *rest in rows:
            for place in parts[part]:
                found[place].append(rest)
        return found

    def totals(self, make: Callable[[], T], rows: Rows, add: Callable[..., None]) -> list[list[T]]:
        """By question, every bucket's total, made by `make`; buckets without a row share one.

        Each row begins with `part` and `slot`; the rest goes to `add`, after the total.
        """
        sums: list[dict[int, T]] = [{} for _ in self.spans]
        asking = [(span.seconds, sums[place]) for place, span in enumerate(self.spans)]
        parts = [[asking[place] for place in places] for places in self._parts]
        for part, at, *values in rows:
            for seconds, totals in parts[part]:
                if not seconds[0] <= at < seconds[-1]:
                    continue
                number = bisect_right(seconds, at)
                total = totals.get(number)
                if total is None:
                    total = totals[number] = make()
                add(total, *values)
        nothing = make()
        return [[totals.get(number, nothing) for number in range(1, len(seconds))] for seconds, totals in asking]

    def known(self, label: str) -> "QuerySet[Any]":
        """The part and slot of the quarters in which a camera was on, and for faces: one that looks for them."""
        on = {"frames__gt": 0} if label == FACE else {"minutes_seen__gt": 0}
        quarters = self.quarters(EngagementQuarter.objects.filter(**on))
        return quarters.values_list("part", "slot").distinct()
