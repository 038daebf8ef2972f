"""Writes of the intake's batches to frames, detections, visits, tallies and episodes.

Rows are computed before the transaction begins, so that the transaction is short.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec
from django.db import models

from analytics.counting import episode_rows, episodes, tallies, visit_rows, visits
from analytics.counting.episodes import EpisodeRow
from analytics.counting.former_facts import counted_before, with_former_labels
from analytics.counting.visits import VisitRow
from analytics.models import (
    FACE,
    Detection,
    DeviceSetup,
    DeviceSoftware,
    EngagementQuarter,
    Frame,
    LabelQuarter,
    ReportedGesture,
    SignOfLifeQuarter,
)
from devices.intake.batches import Batch, Write, write_nothing
from devices.models import Device
from devices.reading.decoding import ReceivedFrame, ReceivedGesture, ReceivedVisit
from devices.storage import sql, statements
from edge_agent import messages
from edge_agent.messages import Box

FRAME_KEY = ("device_id", "taken_at", "key")
FRAME_FIELDS = (*FRAME_KEY, "received_at", "faces")
DETECTION_FIELDS = ("frame_id", "device_id", "taken_at", "label", "confidence", "box", "visit")
REPORT_FIELDS = ("device_id", "began_at", "label", "visit", "ended_at", "confidence")
REPORT_MERGE: dict[str, sql.Merge] = {"ended_at": "max", "confidence": "max"}

FoundObject = tuple[str, float, Box | None, str | None]
"""A detection: label, confidence, box, and the visit of its person."""
CountedFrame = tuple[ReceivedFrame, int | None, list[FoundObject]]
"""A frame, its number of faces (None where the device does not count faces), and its detections."""


@dataclass(frozen=True, slots=True)
class FrameRows:
    """The rows of some frames, and those that the frames add to the other tables."""

    frames: sql.Rows
    detections: sql.OwnedRows
    """The frames are their owners."""
    engagement: sql.Rows
    labels: sql.Rows
    episodes: Sequence[EpisodeRow]


def count(batch: Batch) -> Write:
    """Return the write of the batch's frames, and of the tallies and episodes with them; repeated frames count once.

    The write raises `DatabaseError` where the database refuses a value, such as a text with a zero byte on PostgreSQL.
    """
    # If several messages tell of one frame, the first one counts.
    by_key = {(seen.device.id, seen.taken_at, seen.key): seen for seen in reversed(batch.frames) if not seen.is_part}
    keys = sorted(by_key)
    devices = {key[0] for key in keys}
    devices |= {gesture.device.id for gesture in batch.gestures} | {sign.device.id for sign in batch.signs_of_life}
    if not devices:
        return write_nothing
    frames = [_counted_frame(by_key[key]) for key in keys]
    return partial(
        _count,
        devices,
        frames,
        # Nearly always all frames are new, and nothing remains to be computed in the transaction.
        make_rows(frames),
        batch.gestures,
        tallies.sign_of_life_rows((sign.device.id, sign.at) for sign in batch.signs_of_life),
    )


@statements.pipelined()
def _count(
    devices: Collection[int],
    frames: Sequence[CountedFrame],
    rows: FrameRows,
    gestures: Sequence[ReceivedGesture],
    signs_of_life: Sequence[tallies.SignOfLifeRow],
) -> None:
    sql.lock(tallies.LOCK, devices, alone=False)
    if counted := counted_before(seen for seen, _, _ in frames):
        frames = [frame for index, frame in enumerate(frames) if index not in counted]
        rows = make_rows(frames)
    ids = rows.frames.insert_new(key=FRAME_KEY)
    if len(ids) < len(frames):
        rows = make_rows([frames[number] for number in ids])
    rows.detections.insert_for(list(ids.values()))
    rows.engagement.add_up(tallies.ENGAGEMENT_MERGE)
    if signs_of_life:
        _add_signs_of_life(signs_of_life)
    rows.labels.add_up(tallies.LABEL_MERGE)
    new_episodes = rows.episodes
    if gestures:
        gestures = with_former_labels(gestures)
        _reports(gestures).add_up(REPORT_MERGE)
        new_episodes = episodes.join_episodes([*new_episodes, *map(_reported_episode, gestures)])
    episode_rows.add(new_episodes)


def _add_signs_of_life(rows: Sequence[tallies.SignOfLifeRow]) -> None:
    sql.Rows(SignOfLifeQuarter, tallies.SignOfLifeRow._fields, rows).add_up(tallies.SIGN_OF_LIFE_MERGE)
    seen = tallies.engagement_of_signs(rows)
    sql.Rows(EngagementQuarter, tallies.EngagementRow._fields, seen).add_up(tallies.ENGAGEMENT_MERGE)


def make_rows(frames: Sequence[CountedFrame]) -> FrameRows:
    """Return the rows of these frames. Their keys must be different, and the times must ascend for each device."""
    frame_rows = sql.Rows(
        Frame,
        FRAME_FIELDS,
        [(seen.device.id, seen.taken_at, seen.key, seen.received_at, faces) for seen, faces, _ in frames],
    )
    engagement = tallies.engagement_rows([(seen.device.id, seen.taken_at, faces) for seen, faces, _ in frames])
    labels = tallies.label_rows(
        [
            (seen.device.id, seen.taken_at, label, confidence, False)
            for seen, _, found in frames
            for label, confidence, _, _ in found
        ]
    )
    return FrameRows(
        frame_rows,
        sql.OwnedRows(Detection, DETECTION_FIELDS, [found for _, _, found in frames], owners=frame_rows),
        sql.Rows(EngagementQuarter, tallies.EngagementRow._fields, engagement),
        sql.Rows(LabelQuarter, tallies.LabelRow._fields, labels),
        episodes.episodes_in_frames((seen.device.id, seen.taken_at, faces, found) for seen, faces, found in frames),
    )


def count_visits(batch: Batch) -> Write:
    """Return the write of the batch's visits and their tallies; reports of one visit are merged."""
    if not batch.visits:
        return write_nothing
    return partial(_count_visits, list(visits.merge_visits(map(_visit_row, batch.visits)).values()))


@statements.pipelined()
def _count_visits(reports: Sequence[VisitRow]) -> None:
    sql.lock(tallies.LOCK, {row.device_id for row in reports}, alone=False)
    visit_rows.add(reports)


def _visit_row(received: ReceivedVisit) -> VisitRow:
    visit = received.visit
    facts = visit.dwell, visit.attention, visit.nearest, visit.ended, visit.bodies
    return VisitRow(received.device.pk, received.began_at, visit.id, *facts)


def note_software(batch: Batch) -> Write:
    """Return the write of the software versions in the batch's status messages.

    Most status messages repeat the stored version; then the write takes one query.
    """
    told = [(device, at, status.software[:64]) for device, at, status in batch.statuses]
    return partial(_note_changes, DeviceSoftware, "software", told) if told else write_nothing


def note_setup(batch: Batch) -> Write:
    """Return the write of the setups in the batch's status messages; as `note_software`."""
    told = [(device, at, setup) for device, at, status in batch.statuses if (setup := setup_of(status))]
    return partial(_note_changes, DeviceSetup, "setup", told) if told else write_nothing


def setup_of(status: messages.Status) -> dict[str, Any] | None:
    """Return what decides how well the device counts people; None from a device that does not tell its settings."""
    if status.settings is None:
        return None
    settings = msgspec.to_builtins(status.settings)
    return {
        "software": status.software[:64],
        "camera": status.camera,
        "models": status.models,
        **{name: settings.get(name) for name in ("accuracy", "facing_angle", "face_threshold")},
        "faces": "faces" in (settings.get("detectors") or ()),
        # Left out where it is off, as from an agent that does not know it.
        **({"bodies": True} if settings.get("bodies") else {}),
    }


def _note_changes(model: type[models.Model], name: str, told: Sequence[tuple[Device, dt.datetime, Any]]) -> None:
    """Store each value of the field `name` that differs from the one before it at its device."""
    stored = model._default_manager.filter(device__in={device.pk for device, _, _ in told})
    spans: dict[int, list[tuple[dt.datetime, Any]]] = defaultdict(list)
    for device_id, since, value in stored.values_list("device_id", "since", name):
        spans[device_id].append((since, value))
    new = []
    for device, at, value in sorted(told, key=lambda each: (each[0].pk, each[1])):
        before = max((span for span in spans[device.pk] if span[0] <= at), key=itemgetter(0), default=None)
        if before is None or before[1] != value:
            spans[device.pk].append((at, value))
            new.append(model(device=device, since=at, **{name: value}))
    model._default_manager.bulk_create(new, ignore_conflicts=True)


def _reports(gestures: Sequence[ReceivedGesture]) -> sql.Rows:
    """Return the rows of reported gestures; of several reports of one gesture, the latest end and best confidence."""
    reports: dict[tuple[int, dt.datetime, str, str], tuple[dt.datetime, float]] = {}
    for gesture in gestures:
        key = (gesture.device.pk, gesture.began_at, gesture.label, gesture.visit)
        ended_at, confidence = reports.get(key, (gesture.began_at, 0.0))
        reports[key] = max(ended_at, _trusted_end(gesture)), max(confidence, gesture.confidence)
    return sql.Rows(ReportedGesture, REPORT_FIELDS, [(*key, *reports[key]) for key in sorted(reports)])


def _reported_episode(gesture: ReceivedGesture) -> EpisodeRow:
    end = _trusted_end(gesture)
    kind = gesture.device.pk, gesture.label, gesture.visit
    return episodes.reported_episode(*kind, gesture.began_at, end, gesture.confidence)


def _trusted_end(gesture: ReceivedGesture) -> dt.datetime:
    return min(gesture.ended_at, gesture.began_at + episodes.LONGEST_GESTURE)


def _counted_frame(seen: ReceivedFrame) -> CountedFrame:
    frame = seen.frame
    found = [(FACE, face.confidence, face.box, face.visit) for face in frame.faces] if frame.faces else []
    for labelled in (frame.objects, frame.gestures):
        if labelled:
            found += [(each.label, each.confidence, each.box, each.visit) for each in labelled]
    return seen, None if frame.faces is None else len(frame.faces), found
