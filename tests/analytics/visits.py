"""Reports of visits for tests, and the rows and tallies that they must give, computed in the simplest way."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from analytics.counting import sink
from analytics.counting.visits import VISIT_FIELDS
from analytics.models import DurationQuarter, Visit, VisitQuarter
from analytics.models.quarters import DURATION_EDGES_MS
from devices.intake.batches import Batch
from devices.models import Device
from devices.reading.decoding import ReceivedVisit
from edge_agent import messages
from tests.analytics.frames import quarter


def visited(
    device: Device,
    began_at: dt.datetime,
    *,
    dwell: float = 10.0,
    attention: float | None = None,
    nearest: float | None = None,
    bodies: bool = False,
    ended: bool = True,
    key: str = "a",
) -> ReceivedVisit:
    """A report of a visit; durations are seconds."""
    visit = messages.Visit(
        id=key,
        began_at=round(began_at.timestamp() * 1000),
        dwell=round(dwell * 1000),
        attention=None if attention is None else round(attention * 1000),
        nearest=nearest,
        bodies=bodies,
        ended=ended,
    )
    return ReceivedVisit(device, began_at, visit)


def report(*visits: ReceivedVisit) -> None:
    with transaction.atomic():
        sink.count_visits(Batch(visits=list(visits)))()


Facts = tuple[Any, ...]
"""A row of Visit: device, began at, key, dwell and attention in milliseconds, nearest, ended, bodies."""


def visit_table(reports: Sequence[ReceivedVisit]) -> list[Facts]:
    """The rows of Visit that these reports should make."""
    keys = {(each.device.pk, each.began_at, each.visit.id) for each in reports}
    rows = []
    for key in keys:
        mine = [each.visit for each in reports if (each.device.pk, each.began_at, each.visit.id) == key]
        attention = [visit.attention for visit in mine if visit.attention is not None]
        nearest = [visit.nearest for visit in mine if visit.nearest is not None]
        rows.append(
            (
                *key,
                max(visit.dwell for visit in mine),
                max(attention) if attention else None,
                min(nearest) if nearest else None,
                any(visit.ended for visit in mine),
                any(visit.bodies for visit in mine),
            )
        )
    return sorted(rows, key=lambda row: row[:3])


def visit_tallies(visits: Sequence[Facts]) -> list[tuple[Any, ...]]:
    """The rows of VisitQuarter that these visits should make."""
    rows = []
    for device, start in sorted({(visit[0], quarter(visit[1])) for visit in visits}):
        here = [visit for visit in visits if (visit[0], quarter(visit[1])) == (device, start)]
        told = [visit for visit in here if visit[4] is not None]
        passing = [visit for visit in told if visit[7]]
        groups = [[sum(visit[column] or 0 for visit in group) // 100 for column in (3, 4)] for group in together(told)]
        passed = [(len(group), sum((visit[4] or 0) >= 1000 for visit in group)) for group in together(passing)]
        stayed = [(len(group), sum(bin_of(visit[3]) for visit in group)) for group in together(here)]
        looked = [(len(group), sum(bin_of(visit[4] or 0) for visit in group)) for group in together(told)]
        rows.append(
            (
                device,
                start,
                len(here),
                sum(visit[3] for visit in here),
                len(told),
                sum((visit[4] or 0) >= 1000 for visit in told),
                sum(visit[3] for visit in told),
                sum(visit[4] or 0 for visit in told),
                len(groups),
                sum(attention**2 for _, attention in groups),
                sum(dwell**2 for dwell, _ in groups),
                sum(dwell * attention for dwell, attention in groups),
                len(passing),
                sum(viewers for _, viewers in passed),
                len(passed),
                sum(size**2 for size, _ in passed),
                sum(viewers**2 for _, viewers in passed),
                sum(size * viewers for size, viewers in passed),
                len(stayed),
                *(sum(values) for values in zip(*((n * n, b * b, n * b) for n, b in stayed), strict=True)),
                *[sum(n * n for n, _ in looked), sum(b * b for _, b in looked), sum(n * b for n, b in looked)],
            )
        )
    return rows


def together(visits: Sequence[Facts]) -> list[list[Facts]]:
    """The visits in groups that began in the same minute."""
    minutes = {visit[1].replace(second=0, microsecond=0) for visit in visits}
    return [[visit for visit in visits if visit[1].replace(second=0, microsecond=0) == minute] for minute in minutes]


def bin_of(milliseconds: int) -> int:
    return sum(edge <= milliseconds for edge in DURATION_EDGES_MS) - 1


def duration_tallies(visits: Sequence[Facts]) -> list[tuple[Any, ...]]:
    """The rows of DurationQuarter that these visits should make."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for device, began_at, _, dwell, attention, *_ in visits:
        for measure, value in (("dwell", dwell), ("attention", attention)):
            if value is not None:
                counts[device, quarter(began_at), measure, bin_of(value)] += 1
    return sorted((*key, count) for key, count in counts.items())


def stored_visits() -> list[Facts]:
    names = ("device_id", "began_at", "key", "dwell_ms", "attention_ms", "nearest_m", "ended", "bodies")
    return sorted(Visit.objects.values_list(*names), key=lambda row: row[:3])


def stored_visit_tallies() -> list[tuple[Any, ...]]:
    return sorted(VisitQuarter.objects.values_list(*VISIT_FIELDS))


def stored_duration_tallies() -> list[tuple[Any, ...]]:
    return sorted(DurationQuarter.objects.values_list("device_id", "start", "measure", "bin", "visits"))
