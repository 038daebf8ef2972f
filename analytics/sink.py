"""What the intake's batches do to frames, detections and tallies."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence

from analytics import tallies
from analytics.models import FACE, Detection, DeviceSoftware, EngagementQuarter, Frame, LabelQuarter
from devices import sql
from devices.decoding import SeenFrame
from devices.intake import Batch
from edge_agent.messages import Box

FRAME_KEY = ("device_id", "taken_at", "key")
FRAME_FIELDS = (*FRAME_KEY, "received_at", "faces")
DETECTION_FIELDS = ("frame_id", "label", "confidence", "box")


def count(batch: Batch) -> None:
    """Write the batch's frames and detections and add them to the tallies, each frame once however often it comes.

    Runs in the caller's transaction. Raises `DatabaseError` where the database refuses a value, such as a text with
    a zero byte on PostgreSQL.
    """
    # The first word on a frame stands.
    offered = {(seen.device.pk, seen.taken_at, seen.key): seen for seen in reversed(batch.frames)}
    in_order = [offered[key] for key in sorted(offered)]
    if not in_order:
        return
    sql.lock(tallies.LOCK, {seen.device.pk for seen in in_order}, alone=False)
    rows = [(seen.device.pk, seen.taken_at, seen.key, seen.received_at, _faces(seen)) for seen in in_order]
    added = sql.insert_new(Frame, FRAME_FIELDS, rows, key=FRAME_KEY)
    _write_detections([(added[place], in_order[place]) for place in sorted(added)])
    _add_to_tallies([in_order[place] for place in sorted(added)])


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


def _write_detections(added: Sequence[tuple[int, SeenFrame]]) -> None:
    sql.insert(
        Detection,
        DETECTION_FIELDS,
        [(frame_id, *detection) for frame_id, seen in added for detection in _detections(seen)],
    )


def _add_to_tallies(added: Sequence[SeenFrame]) -> None:
    engagement = tallies.engagement_rows(
        tallies.SeenFaces(seen.device.pk, seen.taken_at, _faces(seen)) for seen in added
    )
    labels = tallies.label_rows(
        tallies.SeenLabel(seen.device.pk, seen.taken_at, label, confidence, rejected=False)
        for seen in added
        for label, confidence, _ in _detections(seen)
    )
    sql.add_up(EngagementQuarter, tallies.EngagementRow._fields, engagement, tallies.ENGAGEMENT_MERGE)
    sql.add_up(LabelQuarter, tallies.LabelRow._fields, labels, tallies.LABEL_MERGE)


def _faces(seen: SeenFrame) -> int | None:
    return None if seen.frame.faces is None else len(seen.frame.faces)


def _detections(seen: SeenFrame) -> Iterator[tuple[str, float, Box | None]]:
    for face in seen.frame.faces or ():
        yield FACE, face.confidence, face.box
    for found in (*seen.frame.objects, *seen.frame.gestures):
        yield found.label, found.confidence, found.box
