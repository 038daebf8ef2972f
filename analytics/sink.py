"""What the intake's batches do to frames, detections, tallies and episodes."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

from analytics import episode_rows, episodes, tallies
from analytics.models import FACE, Detection, DeviceSoftware, EngagementQuarter, Frame, LabelQuarter, ReportedGesture
from devices import sql
from devices.decoding import SeenFrame, SeenGesture
from devices.intake import Batch
from edge_agent.messages import Box

FRAME_KEY = ("device_id", "taken_at", "key")
FRAME_FIELDS = (*FRAME_KEY, "received_at", "faces")
DETECTION_FIELDS = ("frame_id", "label", "confidence", "box")
REPORT_FIELDS = ("device_id", "began_at", "label", "ended_at", "confidence")
REPORT_MERGE: dict[str, sql.Merge] = {"ended_at": "max", "confidence": "max"}

Found = tuple[str, float, Box | None]
"""Of a detection: label, confidence and box."""
Added = tuple[int, SeenFrame, list[Found]]
"""A new frame's id, what was said of it, and what was detected in it."""


def count(batch: Batch) -> None:
    """Write the batch's frames and add them to tallies and episodes, each frame once however often it comes.

    Runs in the caller's transaction. Raises `DatabaseError` where the database refuses a value, such as a text with
    a zero byte on PostgreSQL.
    """
    # The first word on a frame stands.
    offered = {(seen.device.id, seen.taken_at, seen.key): seen for seen in reversed(batch.frames)}
    keys = sorted(offered)
    in_order = [offered[key] for key in keys]
    devices = {seen.device.id for seen in in_order} | {told.device.id for told in batch.gestures}
    if not devices:
        return
    sql.lock(tallies.LOCK, devices, alone=False)
    rows = [(*key, seen.received_at, _faces(seen)) for key, seen in zip(keys, in_order, strict=True)]
    ids = sql.insert_new(Frame, FRAME_FIELDS, rows, key=FRAME_KEY)
    added = [(ids[place], in_order[place], _detections(in_order[place])) for place in sorted(ids)]
    _write_detections(added)
    _add_to_tallies(added)
    _write_reports(batch.gestures)
    _add_to_episodes(added, batch.gestures)


def note_software(batch: Batch) -> None:
    """Keep since when a device runs its software; most statuses say what is known already, and cost one read."""
    if not batch.software:
        return
    known = DeviceSoftware.objects.filter(device__in={device.pk for device, _, _ in batch.software})
    spans: dict[int, list[tuple[dt.datetime, str]]] = defaultdict(list)
    for device_id, since, software in known.values_list("device_id", "since", "software"):
        spans[device_id].append((since, software))
    news: list[DeviceSoftware] = []
    for device, at, software in sorted(batch.software, key=lambda told: (told[0].pk, told[1])):
        before = max((span for span in spans[device.pk] if span[0] <= at), default=None)
        if before is None or before[1] != software:
            spans[device.pk].append((at, software))
            news.append(DeviceSoftware(device=device, since=at, software=software))
    DeviceSoftware.objects.bulk_create(news, ignore_conflicts=True)


def _write_detections(added: Sequence[Added]) -> None:
    rows = [(frame_id, *detection) for frame_id, _, detections in added for detection in detections]
    sql.insert(Detection, DETECTION_FIELDS, rows)


def _add_to_tallies(added: Sequence[Added]) -> None:
    engagement = tallies.engagement_rows([(seen.device.id, seen.taken_at, _faces(seen)) for _, seen, _ in added])
    labels = tallies.label_rows(
        [
            (seen.device.id, seen.taken_at, label, confidence, False)
            for _, seen, detections in added
            for label, confidence, _ in detections
        ]
    )
    sql.add_up(EngagementQuarter, tallies.EngagementRow._fields, engagement, tallies.ENGAGEMENT_MERGE)
    sql.add_up(LabelQuarter, tallies.LabelRow._fields, labels, tallies.LABEL_MERGE)


def _write_reports(gestures: Sequence[SeenGesture]) -> None:
    """Keep what devices told of gestures; of several words on one, the latest end and the best confidence."""
    reports: dict[tuple[int, dt.datetime, str], tuple[dt.datetime, float]] = {}
    for told in gestures:
        key = (told.device.pk, told.began_at, told.label)
        ended_at, confidence = reports.get(key, (told.began_at, 0.0))
        reports[key] = max(ended_at, _believed_end(told)), max(confidence, told.confidence)
    sql.add_up(ReportedGesture, REPORT_FIELDS, [(*key, *reports[key]) for key in sorted(reports)], REPORT_MERGE)


def _believed_end(told: SeenGesture) -> dt.datetime:
    return min(told.ended_at, told.began_at + episodes.LONGEST_GESTURE)


def _add_to_episodes(added: Sequence[Added], gestures: Sequence[SeenGesture]) -> None:
    rows = episodes.shown((seen.device.id, seen.taken_at, _faces(seen), detections) for _, seen, detections in added)
    told = [
        episodes.reported(seen.device.pk, seen.label, seen.began_at, _believed_end(seen), seen.confidence)
        for seen in gestures
    ]
    episode_rows.add(episodes.joined([*rows, *told]) if told else rows)


def _faces(seen: SeenFrame) -> int | None:
    return None if seen.frame.faces is None else len(seen.frame.faces)


def _detections(seen: SeenFrame) -> list[Found]:
    faces = [(FACE, face.confidence, face.box) for face in seen.frame.faces or ()]
    return faces + [(found.label, found.confidence, found.box) for found in seen.frame.objects + seen.frame.gestures]
