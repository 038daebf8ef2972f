"""Frames of devices that send each face of a frame in a message of its own, with the face's picture and no time.

Such messages, here called parts, belong to one frame if they arrive in one burst. How long a pause within a burst may
be is learned from the device's own rhythm. Each part is stored with its hash, so that it counts once. Where the rhythm
tells nothing, each face becomes a frame with an unknown number of faces: the face is counted, and the average is not
guessed.
"""

import datetime as dt
import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec
from django.db.models import F

from analytics.counting import episode_rows, sink, tallies
from analytics.counting.former_facts import counted_before
from analytics.counting.sink import CountedFrame, FoundObject, FrameRows
from analytics.models import FACE, EngagementQuarter, Frame, FramePart
from devices.intake.batches import Batch, Write, write_nothing
from devices.reading.decoding import ReceivedFrame
from devices.storage import sql

USUAL_PAUSE = dt.timedelta(milliseconds=200)
"""Longest pause within a burst of a device whose rhythm is not known yet.

The AWS sample for face crops sends the faces of a frame within 80 ms, and the next frame after 400 ms or more.
"""

LONGEST_PAUSE = dt.timedelta(milliseconds=350)
"""No rhythm makes a longer pause a part of a burst."""

CLEAR_RATIO = 3.0
"""Pauses within bursts and between them are told apart if the latter are so many times as long."""

RHYTHM = 32
"""Parts from which the rhythm is learned; with fewer than `RHYTHM_FROM` pauses it is not known yet."""
RHYTHM_FROM = 6
RHYTHM_WITHIN = dt.timedelta(hours=1)

MOST_FACES = 25
"""Faces in the largest burst that is taken for a frame; a larger one is rather a backlog that was sent at once."""


@dataclass(slots=True)
class _Frame:
    """A frame that parts are joined to."""

    id: int | None
    """None for a frame that is not stored yet."""
    taken_at: dt.datetime
    stored: int = 0
    """Number of its stored parts."""
    new: list[ReceivedFrame] = field(default_factory=list)


def count(batch: Batch) -> Write:
    """Return the write of the batch's parts, and of the frames and tallies that grow by them; each part counts once."""
    parts = {(seen.device.id, seen.taken_at, seen.key): seen for seen in reversed(batch.frames) if seen.is_part}
    return partial(_count, [parts[key] for key in sorted(parts)]) if parts else write_nothing


def _count(parts: Sequence[ReceivedFrame]) -> None:
    sql.lock(tallies.LOCK, {part.device.id for part in parts}, alone=True)
    by_device: defaultdict[int, list[ReceivedFrame]] = defaultdict(list)
    for part in _new(parts):
        by_device[part.device.id].append(part)
    for device_id, new in by_device.items():
        _insert_unknown([part for part in new if not part.is_timely])
        if timely := [part for part in new if part.is_timely]:
            _count_timely(device_id, timely)


def _count_timely(device_id: int, new: Sequence[ReceivedFrame]) -> None:
    stored = list(_recent(device_id, new))
    pause = longest_pause([*(part.taken_at for part in stored), *(part.taken_at for part in new)])
    if pause is None:
        _insert_unknown(new)
        return
    for frame in _frames(stored, new, pause):
        if frame.stored + len(frame.new) > MOST_FACES:
            _insert_unknown(frame.new)
        elif frame.id is None:
            _insert(frame, faces=len(frame.new))
        else:
            _grow(frame, frame.id)


def _new(parts: Sequence[ReceivedFrame]) -> list[ReceivedFrame]:
    counted = counted_before(parts)
    stored = FramePart.objects.filter(
        device__in={part.device.id for part in parts}, taken_at__in={part.taken_at for part in parts}
    )
    known = set(stored.values_list("device", "taken_at", "key"))
    return [
        part
        for index, part in enumerate(parts)
        if index not in counted and (part.device.id, part.taken_at, part.key) not in known
    ]


def _recent(device_id: int, new: Sequence[ReceivedFrame]) -> Iterator[FramePart]:
    """Yield the stored parts of the device around the new ones, by time."""
    first, last = new[0].taken_at, new[-1].taken_at
    mine = FramePart.objects.filter(device=device_id, is_timely=True)
    before = mine.filter(taken_at__gte=first - RHYTHM_WITHIN, taken_at__lt=first).order_by("-taken_at", "-key")
    yield from reversed(before[:RHYTHM])
    yield from mine.filter(taken_at__gte=first, taken_at__lte=last + LONGEST_PAUSE).order_by("taken_at", "key")


def longest_pause(times: Sequence[dt.datetime]) -> dt.timedelta | None:
    """Return the longest pause within a burst of a device whose parts arrived at these times, in any order.

    None where all pauses are as short as those within a burst: then arrival does not tell where a frame ends.
    """
    ordered = sorted(times)
    pauses = sorted((later - before) / USUAL_PAUSE for before, later in itertools.pairwise(ordered))[-RHYTHM:]
    if len(pauses) < RHYTHM_FROM:
        return USUAL_PAUSE
    steps = [
        (after / max(before, 0.005), before, after)
        for before, after in itertools.pairwise(pauses)
        if before * USUAL_PAUSE <= LONGEST_PAUSE
    ]
    ratio, before, after = max(steps, default=(0.0, 0.0, 0.0))
    if ratio >= CLEAR_RATIO:
        return min(USUAL_PAUSE * math.sqrt(max(before, 0.005) * after), LONGEST_PAUSE)
    return USUAL_PAUSE if pauses[0] >= 1 else None


def _frames(stored: Sequence[FramePart], new: Sequence[ReceivedFrame], pause: dt.timedelta) -> Iterator[_Frame]:
    """Yield the frames of the new parts. Each joins the frame of the part before it unless the pause is longer."""
    frame: _Frame | None = None
    latest: dt.datetime | None = None
    frames: dict[int, _Frame] = {}
    all_new: list[_Frame] = []
    parts: list[FramePart | ReceivedFrame] = [*stored, *new]
    for part in sorted(parts, key=lambda part: part.taken_at):
        joins = latest is not None and part.taken_at - latest <= pause
        if isinstance(part, FramePart):
            frame = frames.setdefault(part.frame_id, _Frame(part.frame_id, part.frame_taken_at))
            frame.stored += 1
        else:
            if frame is None or not joins:
                frame = _Frame(None, part.taken_at)
                all_new.append(frame)
            frame.new.append(part)
        latest = part.taken_at
    return (frame for frame in (*frames.values(), *all_new) if frame.new)


def _insert_unknown(parts: Sequence[ReceivedFrame]) -> None:
    """Insert a frame with an unknown number of faces for each of these parts."""
    for part in parts:
        _insert(_Frame(None, part.taken_at, new=[part]), faces=None)


def _insert(frame: _Frame, *, faces: int | None) -> None:
    counted: list[CountedFrame] = [(frame.new[0], faces, _faces(frame.new))]
    rows = sink.make_rows(counted)
    for frame_id in rows.frames.insert_new(key=sink.FRAME_KEY).values():
        rows.engagement.add_up(tallies.ENGAGEMENT_MERGE)
        _add(rows, frame, frame_id)


def _grow(frame: _Frame, frame_id: int) -> None:
    """Add the new parts to a stored frame, and to the tallies what the frame has more than before."""
    first, found = msgspec.structs.replace(frame.new[0], taken_at=frame.taken_at), _faces(frame.new)
    mine = Frame.objects.filter(device=first.device, taken_at=frame.taken_at, pk=frame_id)
    if not mine.exclude(faces=None).update(faces=F("faces") + len(found)):
        return  # The frame was deleted meanwhile.
    (faces,) = mine.values_list("faces", flat=True)
    (row,) = tallies.engagement_rows([(first.device.id, frame.taken_at, faces)])
    added = row._replace(frames=0, faces_sum=len(found))
    sql.Rows(EngagementQuarter, tallies.EngagementRow._fields, [added]).add_up(tallies.ENGAGEMENT_MERGE)
    _add(sink.make_rows([(first, faces, found)]), frame, frame_id)


def _add(rows: FrameRows, frame: _Frame, frame_id: int) -> None:
    """Write the detections of the new parts and all that follows from these, except the engagement; store the parts."""
    rows.detections.insert_for([frame_id])
    rows.labels.add_up(tallies.LABEL_MERGE)
    episode_rows.add(rows.episodes)
    FramePart.objects.bulk_create(
        FramePart(
            device=part.device,
            taken_at=part.taken_at,
            key=part.key,
            frame_id=frame_id,
            frame_taken_at=frame.taken_at,
            is_timely=part.is_timely,
        )
        for part in frame.new
    )


def _faces(parts: Sequence[ReceivedFrame]) -> list[FoundObject]:
    return [(FACE, face.confidence, face.box, None) for part in parts for face in part.frame.faces or ()]
