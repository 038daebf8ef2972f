"""Frames for tests, and the tallies that they must give, computed in the simplest way."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

from django.db import transaction
from hypothesis import strategies as st

from analytics.counting import sink
from analytics.models import EngagementQuarter, LabelQuarter
from devices.intake.batches import Batch
from devices.models import Device
from devices.reading.decoding import ReceivedFrame
from edge_agent import messages

LABELS = ["cup", "thumbs-up", "“naïve” 'label' %s", "face"]


def seen(
    device: Device,
    taken_at: dt.datetime,
    *,
    faces: Sequence[float] | None = (),
    labels: Sequence[tuple[str, float]] = (),
    key: int = 0,
    visits: Sequence[str | None] = (),
) -> ReceivedFrame:
    """A frame with faces of these confidences, and with these labels, which belong to these visits in their order."""
    frame = messages.Frame(
        taken_at=round(taken_at.timestamp() * 1000),
        faces=None if faces is None else tuple(messages.Face(confidence, (1, 2, 30, 40)) for confidence in faces),
        objects=tuple(
            messages.Labelled(label, confidence, visit=visit)
            for (label, confidence), visit in zip_longest(labels, visits[: len(labels)])
        ),
    )
    return ReceivedFrame(device, taken_at, taken_at + dt.timedelta(seconds=1), key, frame)


def count(*frames: ReceivedFrame) -> None:
    with transaction.atomic():
        sink.count(Batch(frames=list(frames)))()


@contextmanager
def undone() -> Iterator[None]:
    """Undo everything that is written to the database inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


confidences = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.05, 0.35, 0.5, 0.9499999, 0.95, 1.0]))


def frames_of(devices: Sequence[Device], moments: st.SearchStrategy[dt.datetime]) -> st.SearchStrategy[ReceivedFrame]:
    return st.builds(
        seen,
        st.sampled_from(devices),
        moments,
        faces=st.none() | st.lists(confidences, max_size=3),
        labels=st.lists(st.tuples(st.sampled_from(LABELS), confidences), max_size=2),
        visits=st.lists(st.sampled_from([None, "a1", "b2"]), max_size=2),
        key=st.sampled_from([-(2**63), -1, 0, 2**63 - 1]),
    )


def identity(frame: ReceivedFrame) -> tuple[int, dt.datetime, int]:
    return frame.device.pk, frame.taken_at, frame.key


def detections(frame: ReceivedFrame) -> list[tuple[str, float]]:
    faces = [("face", face.confidence) for face in frame.frame.faces or ()]
    return faces + [(found.label, found.confidence) for found in frame.frame.objects]


def quarter(moment: dt.datetime) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment.timestamp() // 900 * 900, dt.UTC)


def engagement_table(frames: Sequence[ReceivedFrame]) -> list[tuple[Any, ...]]:
    """The rows of EngagementQuarter that these different frames should make."""
    rows = []
    for device, start in sorted({(frame.device.pk, quarter(frame.taken_at)) for frame in frames}):
        here = [frame for frame in frames if (frame.device.pk, quarter(frame.taken_at)) == (device, start)]
        known = [len(frame.frame.faces) for frame in here if frame.frame.faces is not None]
        minutes = {(frame.taken_at - start).seconds // 60 for frame in here}
        occupied = {(frame.taken_at - start).seconds // 60 for frame in here if frame.frame.faces}
        masks = (sum(2**minute for minute in minutes), sum(2**minute for minute in occupied))
        rows.append((device, start, len(known), sum(known), max(known, default=0), *masks))
    return rows


def label_table(frames: Sequence[ReceivedFrame]) -> list[tuple[Any, ...]]:
    """Return the rows of LabelQuarter that these frames must give; each frame must be given once."""
    facts = [
        (frame.device.pk, quarter(frame.taken_at), label, round(confidence * 1_000_000))
        for frame in frames
        for label, confidence in detections(frame)
    ]
    rows = []
    for key in sorted({(*fact[:3], min(19, fact[3] // 50_000)) for fact in facts}):
        here = [fact[3] for fact in facts if (*fact[:3], min(19, fact[3] // 50_000)) == key]
        rows.append((*key, len(here), 0, sum(here)))
    return rows


def stored_engagement() -> list[tuple[Any, ...]]:
    names = ("device_id", "start", "frames", "faces_sum", "faces_peak", "minutes_seen", "minutes_occupied")
    return sorted(EngagementQuarter.objects.values_list(*names))


def stored_labels() -> list[tuple[Any, ...]]:
    names = ("device_id", "start", "label", "confidence_bin", "count", "rejected", "confidence_millionths_sum")
    return sorted(LabelQuarter.objects.values_list(*names))
