"""Writes of episodes: rows that the intake adds, and rows that a rebuild corrects. To be called in a transaction."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import msgspec
from django.db import connection
from django.db.models import Count, F, Max, Min, Q, QuerySet

from analytics.counting import episodes
from analytics.counting.episodes import (
    EPISODE_KEY,
    EPISODE_MERGE,
    LONGEST_GESTURE,
    SPELL_GAP,
    EpisodeRow,
    FrameDetections,
)
from analytics.models import FACE, Detection, Episode, Frame, ReportedGesture, Verdict
from devices.storage import records, sql

FIELDS = EpisodeRow._fields


def add(rows: Sequence[EpisodeRow]) -> None:
    """Join these rows with the stored episodes; the rows must be joined among themselves.

    Takes three statements, or four where an episode gets an earlier start. Waits for other transactions that add
    episodes of these devices.
    """
    if not rows:
        return
    sql.lock(episodes.LOCK, {row.device_id for row in rows}, alone=True)
    stored = _near(rows)
    joined = episodes.join_episodes([*stored, *rows])
    keys = {row[:EPISODE_KEY] for row in joined}
    _delete(stored, [row for row in stored if row[:EPISODE_KEY] not in keys])
    sql.Rows(Episode, FIELDS, [row for row in joined if row not in stored]).add_up(EPISODE_MERGE)


def correct(device_id: int, start: dt.datetime, end: dt.datetime) -> list[EpisodeRow]:
    """Correct the episodes that overlap this stretch, from its frames, their reviews and the device's reports.

    The part of such an episode outside of the stretch is taken as one run, whose ends and peak are queried. An episode
    that began before the oldest stored frame keeps its start and peak, which cannot be computed any more. Returns the
    rows that were wrong or missing. The caller must hold the exclusive lock on the device's tallies.
    """
    overlapping = _around(device_id, start, end)
    first = min([start, *(row.started for row in overlapping)])
    last = max([end, *(row.ended for row in overlapping)])
    stored = _around(device_id, first, last)
    outside = [part for row in stored for part in _outside(row, start, end)]
    inside = episodes.episodes_in_frames(_frames(device_id, start, end))
    right = set(episodes.join_episodes([*outside, *inside, *_reported(device_id, first, last)]))
    _delete(stored, [row for row in stored if row not in right])
    sql.Rows(Episode, FIELDS, sorted(right - stored.keys())).insert()
    return sorted(right ^ stored.keys())


def _near(rows: Sequence[EpisodeRow]) -> dict[EpisodeRow, int]:
    """Return the stored episodes that these rows may join, and for each of their kind the one before; with ids."""
    groups = [(kind, list(group)) for kind, group in groupby(rows, itemgetter(0, 1, 2))]
    lows = sql.times(min(row.started for row in group) - episodes.max_gap(kind[1]) for kind, group in groups)
    highs = sql.times(max(row.ended for row in group) + episodes.max_gap(kind[1]) for kind, group in groups)
    ranges = [(*kind, low, high) for (kind, _), low, high in zip(groups, lows, highs, strict=True)]
    found = records.read(EpisodeRow, Episode, _NEAR[connection.vendor], [msgspec.json.encode(ranges).decode()])
    return {row: pk for pk, row in found.items()}


def _near_statement(ranges: str, device: str, label: str, visit: str, low: str, high: str) -> str:
    """Return the SQL from FROM on: one index look-up finds the episode before each range, and one those in it."""
    table = Episode._meta.db_table
    mine = f"{table}.device_id = {device} AND label = {label} AND {table}.visit = {visit}"
    latest = f"SELECT max(started) FROM {table} WHERE {mine} AND started <= {low}"  # noqa: S608
    # That a visit is named is said twice, so that the database may use the index of such episodes.
    before = f"CASE WHEN {visit} = '' THEN ({latest}) ELSE ({latest} AND {table}.visit <> '') END"
    return (
        f"FROM {ranges} CROSS JOIN {table} "
        f"WHERE {mine} AND started <= {high} AND started >= COALESCE(({before}), {low})"
    )


_NEAR = {
    "postgresql": _near_statement(
        "(SELECT (value ->> 0)::bigint AS device, value ->> 1 AS name, value ->> 2 AS visit, "
        "((value ->> 3) || 'Z')::timestamptz AS low, ((value ->> 4) || 'Z')::timestamptz AS high "
        "FROM jsonb_array_elements(%s::jsonb)) AS ranges",
        *("ranges.device", "ranges.name", "ranges.visit", "ranges.low", "ranges.high"),
    ),
    "sqlite": _near_statement("json_each(%s)", *(f"value ->> {place}" for place in range(5))),
}


def _delete(stored: Mapping[EpisodeRow, int], rows: Collection[EpisodeRow]) -> None:
    if rows:
        of_devices = Episode.objects.filter(device__in={row.device_id for row in rows})
        of_devices.filter(pk__in=[stored[row] for row in rows]).delete()


def _around(device_id: int, start: dt.datetime, end: dt.datetime) -> dict[EpisodeRow, int]:
    """Return the stored episodes that overlap the stretch or may be joined with one that does, with their ids."""
    found = Episode.objects.filter(device=device_id, started__lte=end + SPELL_GAP, ended__gte=start - SPELL_GAP)
    return {EpisodeRow(*values): pk for pk, *values in found.values_list("pk", *FIELDS)}


def _outside(row: EpisodeRow, start: dt.datetime, end: dt.datetime) -> Iterator[EpisodeRow]:
    """Yield the parts of an episode before and after the stretch."""
    if row.ended < start or row.started >= end:
        yield row
        return
    if row.started < start:
        yield from _run(row, row.started, start)
    if row.ended >= end:
        yield from _run(row, end, row.ended + dt.datetime.resolution)


def _run(row: EpisodeRow, start: dt.datetime, end: dt.datetime) -> Iterator[EpisodeRow]:
    """Yield the frames of the episode from `start` to before `end` as one run, unless there are none."""
    mine = _shows(row, "detections__")
    wrong = mine & Q(detections__review=Verdict.WRONG)
    right = mine & (Q(detections__review=None) | Q(detections__review=Verdict.RIGHT))
    frames = Frame.objects.filter(device=row.device_id, taken_at__gte=start, taken_at__lt=end)
    # Grouped by the unique key, without the id: PostgreSQL knows no key of which the id alone is all.
    counted = frames.values("taken_at", "key", "faces").annotate(
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
        # Before the oldest stored frame nothing contradicts that the episode went on.
        yield row._replace(ended=found["last"] or min(row.ended, oldest or row.ended))
    elif found["first"]:
        yield EpisodeRow(*row[:3], found["first"], found["last"], found["peak"], found["confidence"])


def _shows(row: EpisodeRow, path: str = "") -> Q:
    """Return the condition that a detection is of the episode's label and, unless it is a face, of its person."""
    shows = Q(**{f"{path}label": row.label})
    if row.label == FACE:
        return shows
    return shows & (Q(**{f"{path}visit": row.visit}) if row.visit else Q(**{f"{path}visit__isnull": True}))


def _oldest(device_id: int) -> dt.datetime | None:
    """Return the time of the oldest stored frame or report of the device; None without any."""
    frames = Frame.objects.filter(device=device_id).aggregate(at=Min("taken_at"))["at"]
    reports = ReportedGesture.objects.filter(device=device_id).aggregate(at=Min("began_at"))["at"]
    return min((at for at in (frames, reports) if at), default=None)


def _frames(device_id: int, start: dt.datetime, end: dt.datetime) -> Iterator[FrameDetections]:
    """Yield the frames of the stretch that have a detection, by time."""
    found = Detection.objects.filter(device=device_id, taken_at__gte=start, taken_at__lt=end)
    rows = found.order_by("taken_at", "frame_id").values_list(
        "taken_at", "frame_id", "frame__faces", "label", "confidence", "review", "visit"
    )
    for (taken_at, _, faces), detections in groupby(rows.iterator(), itemgetter(0, 1, 2)):
        reviewed = [detection[3:] for detection in detections]
        rejected_faces = sum(label == FACE and review == Verdict.WRONG for label, _, review, _ in reviewed)
        accepted = [detection for detection in reviewed if detection[2] != Verdict.WRONG]
        yield device_id, taken_at, faces and max(0, faces - rejected_faces), accepted


def _reported(device_id: int, start: dt.datetime, end: dt.datetime) -> list[EpisodeRow]:
    """Return the gestures that the device has reported for the stretch, unless all of their detections are rejected."""
    reports = ReportedGesture.objects.filter(
        device=device_id, began_at__gte=start - LONGEST_GESTURE, began_at__lte=end, ended_at__gte=start
    )
    rows = [
        episodes.reported_episode(device_id, *values)
        for values in reports.values_list("label", "visit", "began_at", "ended_at", "confidence")
    ]
    return [row for row in rows if not _is_rejected(row)]


def _is_rejected(row: EpisodeRow) -> bool:
    detections = _detections(row)
    return detections.filter(review=Verdict.WRONG).exists() and not detections.exclude(review=Verdict.WRONG).exists()


def _detections(row: EpisodeRow) -> "QuerySet[Detection]":
    return Detection.objects.filter(
        _shows(row),
        device=row.device_id,
        taken_at__gte=row.started,
        taken_at__lte=row.ended,
    )
