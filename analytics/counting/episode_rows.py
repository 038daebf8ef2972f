"""The rows of episodes: what the intake adds to them, and what a rebuild makes of them. Within a transaction."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

import msgspec
from django.db import connection
from django.db.models import Count, F, Max, Min, Q, QuerySet

from analytics.counting import episodes
from analytics.counting.episodes import EPISODE_MERGE, LONGEST_GESTURE, VISIT_GAP, EpisodeRow, Shown
from analytics.models import FACE, Detection, Episode, Frame, ReportedGesture, Verdict
from devices import sql

FIELDS = EpisodeRow._fields


def add(rows: Sequence[EpisodeRow]) -> None:
    """Join these rows, which are joined among themselves, with the episodes that are there.

    Takes three statements, or four where an episode gets an earlier start. Waits for others who add to these devices.
    """
    if not rows:
        return
    sql.lock(episodes.LOCK, {row.device_id for row in rows}, alone=True)
    there = _near(rows)
    now = episodes.joined([*there, *rows])
    kept = {row[:3] for row in now}
    _delete(pk for row, pk in there.items() if row[:3] not in kept)
    sql.Rows(Episode, FIELDS, [row for row in now if row not in there]).add_up(EPISODE_MERGE)


def correct(device_id: int, start: dt.datetime, end: dt.datetime) -> list[EpisodeRow]:
    """Make the episodes right that reach into this stretch, from its frames, their reviews and the device's reports.

    What such an episode has outside of the stretch is taken as one run, whose ends and peak are looked up. Where it
    began before the oldest frame, its start and peak stay: nothing else knows of them any more. Answers the rows that
    were wrong or missing. The device's tallies must be locked alone.
    """
    reaching = _around(device_id, start, end)
    first = min([start, *(row.started for row in reaching)])
    last = max([end, *(row.ended for row in reaching)])
    there = _around(device_id, first, last)
    parts = [part for row in there for part in _outside(row, start, end)]
    seen = episodes.shown(_frames(device_id, start, end))
    now = set(episodes.joined([*parts, *seen, *_reported(device_id, first, last)]))
    _delete(pk for row, pk in there.items() if row not in now)
    sql.Rows(Episode, FIELDS, sorted(now - there.keys())).insert()
    return sorted(now ^ there.keys())


def _near(rows: Sequence[EpisodeRow]) -> dict[EpisodeRow, int]:
    """The episodes that these rows may join, and of each device and label the one before; with their ids."""
    asked = [(device, label, list(of)) for (device, label), of in groupby(rows, itemgetter(0, 1))]
    lows = sql.times(min(row.started for row in of) - episodes.gap(label) for _, label, of in asked)
    highs = sql.times(max(row.ended for row in of) + episodes.gap(label) for _, label, of in asked)
    ranges = [(device, label, low, high) for (device, label, _), low, high in zip(asked, lows, highs, strict=True)]
    found = Episode.objects.raw(_NEAR[connection.vendor], [msgspec.json.encode(ranges).decode()])
    return {EpisodeRow(*(getattr(each, name) for name in FIELDS)): each.pk for each in found}


def _near_statement(each: str, device: str, label: str, low: str, high: str) -> str:
    """One index look-up for the episode before each range, one for those in it."""
    table = Episode._meta.db_table
    mine = f"device_id = {device} AND label = {label}"
    before = f"SELECT max(started) FROM {table} WHERE {mine} AND started <= {low}"  # noqa: S608
    return (
        f"SELECT {table}.* FROM {each} CROSS JOIN {table} "  # noqa: S608
        f"WHERE {mine} AND started <= {high} AND started >= COALESCE(({before}), {low})"
    )


_NEAR = {
    "postgresql": _near_statement(
        "(SELECT (value ->> 0)::bigint AS device, value ->> 1 AS name, ((value ->> 2) || 'Z')::timestamptz AS low, "
        "((value ->> 3) || 'Z')::timestamptz AS high FROM jsonb_array_elements(%s::jsonb)) AS asked",
        *("asked.device", "asked.name", "asked.low", "asked.high"),
    ),
    "sqlite": _near_statement("json_each(%s)", "value ->> 0", "value ->> 1", "value ->> 2", "value ->> 3"),
}


def _delete(pks: Iterable[int]) -> None:
    if gone := list(pks):
        Episode.objects.filter(pk__in=gone).delete()


def _around(device_id: int, start: dt.datetime, end: dt.datetime) -> dict[EpisodeRow, int]:
    """The episodes that reach into the stretch or might be joined with what does; with their ids."""
    found = Episode.objects.filter(device=device_id, started__lte=end + VISIT_GAP, ended__gte=start - VISIT_GAP)
    return {EpisodeRow(*values): pk for pk, *values in found.values_list("pk", *FIELDS)}


def _outside(row: EpisodeRow, start: dt.datetime, end: dt.datetime) -> Iterator[EpisodeRow]:
    """What an episode has before the stretch and after it."""
    if row.ended < start or row.started >= end:
        yield row
        return
    if row.started < start:
        yield from _run(row, row.started, start)
    if row.ended >= end:
        yield from _run(row, end, row.ended + dt.datetime.resolution)


def _run(row: EpisodeRow, start: dt.datetime, end: dt.datetime) -> Iterator[EpisodeRow]:
    """The frames from `start` to before `end` that show what this episode shows, as one run."""
    mine = Q(detections__label=row.label)
    wrong = mine & Q(detections__review=Verdict.WRONG)
    right = mine & (Q(detections__review=None) | Q(detections__review=Verdict.RIGHT))
    frames = Frame.objects.filter(device=row.device_id, taken_at__gte=start, taken_at__lt=end)
    counted = frames.annotate(
        wrong=Count("detections", filter=wrong),
        right=Count("detections", filter=right),
        best=Max("detections__confidence", filter=right),
    )
    counted = counted.annotate(number=F("faces") - F("wrong") if row.label == FACE else F("right"))
    found = counted.filter(number__gt=0, right__gt=0).aggregate(
        first=Min("taken_at"), last=Max("taken_at"), peak=Max("number"), confidence=Max("best")
    )
    oldest = _oldest(row.device_id)
    if oldest is None or row.started < oldest:
        # Up to what is oldest nothing contradicts that it went on.
        yield row._replace(ended=found["last"] or min(row.ended, oldest or row.ended))
    elif found["first"]:
        yield EpisodeRow(*row[:2], found["first"], found["last"], found["peak"], found["confidence"])


def _oldest(device_id: int) -> dt.datetime | None:
    """The first moment of which anything is left that episodes are made of."""
    frames = Frame.objects.filter(device=device_id).aggregate(at=Min("taken_at"))["at"]
    reports = ReportedGesture.objects.filter(device=device_id).aggregate(at=Min("began_at"))["at"]
    return min((at for at in (frames, reports) if at), default=None)


def _frames(device_id: int, start: dt.datetime, end: dt.datetime) -> Iterator[Shown]:
    """The frames of the stretch in which anything was detected, by time."""
    found = Detection.objects.filter(frame__device=device_id, frame__taken_at__gte=start, frame__taken_at__lt=end)
    rows = found.order_by("frame__taken_at", "frame_id").values_list(
        "frame__taken_at", "frame_id", "frame__faces", "label", "confidence", "review"
    )
    for (taken_at, _, faces), detections in groupby(rows.iterator(), itemgetter(0, 1, 2)):
        said = [detection[3:] for detection in detections]
        no_faces = sum(label == FACE and review == Verdict.WRONG for label, _, review in said)
        right = [detection for detection in said if detection[2] != Verdict.WRONG]
        yield device_id, taken_at, faces and max(0, faces - no_faces), right


def _reported(device_id: int, start: dt.datetime, end: dt.datetime) -> list[EpisodeRow]:
    """The gestures that the device reported of this time, but for those all of whose detections are called wrong."""
    reports = ReportedGesture.objects.filter(
        device=device_id, began_at__gte=start - LONGEST_GESTURE, began_at__lte=end, ended_at__gte=start
    )
    rows = [
        episodes.reported(device_id, *values)
        for values in reports.values_list("label", "began_at", "ended_at", "confidence")
    ]
    return [row for row in rows if not _is_refuted(row)]


def _is_refuted(row: EpisodeRow) -> bool:
    shown = _detections(row)
    return shown.filter(review=Verdict.WRONG).exists() and not shown.exclude(review=Verdict.WRONG).exists()


def _detections(row: EpisodeRow) -> "QuerySet[Detection]":
    return Detection.objects.filter(
        label=row.label,
        frame__device=row.device_id,
        frame__taken_at__gte=row.started,
        frame__taken_at__lte=row.ended,
    )
