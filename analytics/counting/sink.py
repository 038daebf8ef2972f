"""What the intake's batches do to frames, detections, tallies and episodes: first worked out, then written."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from analytics.counting import episode_rows, episodes, tallies
from analytics.counting.episodes import EpisodeRow
from analytics.models import FACE, Detection, DeviceSoftware, EngagementQuarter, Frame, LabelQuarter, ReportedGesture
from devices import sql
from devices.intake.batches import Batch, Write, nothing
from devices.intake.decoding import SeenFrame, SeenGesture
from devices.models import Device
from edge_agent.messages import Box

FRAME_KEY = ("device_id", "taken_at", "key")
FRAME_FIELDS = (*FRAME_KEY, "received_at", "faces")
DETECTION_FIELDS = ("frame_id", "label", "confidence", "box")
REPORT_FIELDS = ("device_id", "began_at", "label", "ended_at", "confidence")
REPORT_MERGE: dict[str, sql.Merge] = {"ended_at": "max", "confidence": "max"}

Found = tuple[str, float, Box | None]
"""Of a detection: label, confidence and box."""
Seen = tuple[SeenFrame, int | None, list[Found]]
"""A frame, its number of faces, None where the device does not look for them, and what was detected in it."""


@dataclass(frozen=True, slots=True)
class _Additions:
    """What frames that are all new add to the other tables."""

    detections: sql.Rows
    """Each under its frame's place."""
    engagement: sql.Rows
    labels: sql.Rows
    episodes: Sequence[EpisodeRow]


def count(batch: Batch) -> Write:
    """What writes the batch's frames and adds them to tallies and episodes, each frame once however often it comes.

    It raises `DatabaseError` where the database refuses a value, such as a text with a zero byte on PostgreSQL.
    """
    # The first word on a frame stands.
    offered = {(seen.device.id, seen.taken_at, seen.key): seen for seen in reversed(batch.frames)}
    keys = sorted(offered)
    devices = {key[0] for key in keys} | {told.device.id for told in batch.gestures}
    if not devices:
        return nothing
    in_order = [_seen(offered[key]) for key in keys]
    rows = [(*key, seen.received_at, faces) for key, (seen, faces, _) in zip(keys, in_order, strict=True)]
    return partial(
        _count,
        devices,
        in_order,
        sql.Rows(Frame, FRAME_FIELDS, rows),
        _additions(in_order),  # Nearly always all are new; then nothing is left to be computed in the transaction.
        _reports(batch.gestures),
        [_reported(told) for told in batch.gestures],
    )


def _count(
    devices: Collection[int],
    in_order: Sequence[Seen],
    frames: sql.Rows,
    additions: _Additions,
    reports: sql.Rows,
    reported: Sequence[EpisodeRow],
) -> None:
    sql.lock(tallies.LOCK, devices, alone=False)
    ids = frames.insert_new(key=FRAME_KEY)
    if len(ids) < len(in_order):
        additions = _additions([in_order[place] for place in ids])
    additions.detections.insert(owners=list(ids.values()))
    additions.engagement.add_up(tallies.ENGAGEMENT_MERGE)
    additions.labels.add_up(tallies.LABEL_MERGE)
    reports.add_up(REPORT_MERGE)
    episode_rows.add(episodes.joined([*additions.episodes, *reported]) if reported else additions.episodes)


def _additions(frames: Sequence[Seen]) -> _Additions:
    found = [(place, *detection) for place, (_, _, detections) in enumerate(frames) for detection in detections]
    engagement = tallies.engagement_rows([(seen.device.id, seen.taken_at, faces) for seen, faces, _ in frames])
    labels = tallies.label_rows(
        [
            (seen.device.id, seen.taken_at, label, confidence, False)
            for seen, _, detections in frames
            for label, confidence, _ in detections
        ]
    )
    return _Additions(
        sql.Rows(Detection, DETECTION_FIELDS, found),
        sql.Rows(EngagementQuarter, tallies.EngagementRow._fields, engagement),
        sql.Rows(LabelQuarter, tallies.LabelRow._fields, labels),
        episodes.shown((seen.device.id, seen.taken_at, faces, detections) for seen, faces, detections in frames),
    )


def note_software(batch: Batch) -> Write:
    """What keeps since when a device runs its software; most statuses say what is known already: one read."""
    return partial(_note_software, batch.software) if batch.software else nothing


def _note_software(told_of: Sequence[tuple[Device, dt.datetime, str]]) -> None:
    known = DeviceSoftware.objects.filter(device__in={device.pk for device, _, _ in told_of})
    spans: dict[int, list[tuple[dt.datetime, str]]] = defaultdict(list)
    for device_id, since, software in known.values_list("device_id", "since", "software"):
        spans[device_id].append((since, software))
    news: list[DeviceSoftware] = []
    for device, at, software in sorted(told_of, key=lambda told: (told[0].pk, told[1])):
        before = max((span for span in spans[device.pk] if span[0] <= at), default=None)
        if before is None or before[1] != software:
            spans[device.pk].append((at, software))
            news.append(DeviceSoftware(device=device, since=at, software=software))
    DeviceSoftware.objects.bulk_create(news, ignore_conflicts=True)


def _reports(gestures: Sequence[SeenGesture]) -> sql.Rows:
    """What devices told of gestures; of several words on one, the latest end and the best confidence."""
    reports: dict[tuple[int, dt.datetime, str], tuple[dt.datetime, float]] = {}
    for told in gestures:
        key = (told.device.pk, told.began_at, told.label)
        ended_at, confidence = reports.get(key, (told.began_at, 0.0))
        reports[key] = max(ended_at, _believed_end(told)), max(confidence, told.confidence)
    return sql.Rows(ReportedGesture, REPORT_FIELDS, [(*key, *reports[key]) for key in sorted(reports)])


def _reported(told: SeenGesture) -> EpisodeRow:
    return episodes.reported(told.device.pk, told.label, told.began_at, _believed_end(told), told.confidence)


def _believed_end(told: SeenGesture) -> dt.datetime:
    return min(told.ended_at, told.began_at + episodes.LONGEST_GESTURE)


def _seen(seen: SeenFrame) -> Seen:
    frame = seen.frame
    found = [(FACE, face.confidence, face.box) for face in frame.faces or ()]
    found += [(each.label, each.confidence, each.box) for each in frame.objects + frame.gestures]
    return seen, None if frame.faces is None else len(frame.faces), found
