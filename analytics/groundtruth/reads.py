"""Read the accuracy of a device from the ground-truth sessions at its spot, in four queries for any number of sessions.

Only sessions within the retention of frames can be compared. Rejected detections count as no faces.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncMinute

from analytics.groundtruth.comparison import Comparison, Minute, average, compare, minutes
from analytics.models import FACE, Detection, Frame, Verdict
from analytics.models.groundtruth import GroundTruthSession
from devices.models import Device

LATEST_SESSIONS = 100
"""The number of a device's sessions that are compared; its camera, place or model may have been others before."""


@dataclass(frozen=True, slots=True)
class SessionResult:
    """A session with its comparison."""

    session: GroundTruthSession
    average: float | None
    """The average of the person's counts over the whole session, weighted by time; None without a count."""
    minutes: Sequence[Minute]
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A device compared with the people who counted at it."""

    device: Device
    sessions: Sequence[SessionResult]
    """The latest first, including running sessions."""
    comparison: Comparison
    """All sessions together."""

    @property
    def compared(self) -> int:
        """The number of sessions with a compared minute."""
        return sum(bool(session.comparison.minutes) for session in self.sessions)


def until(session: GroundTruthSession) -> dt.datetime:
    """Return the end of the session, or of a running session the time of the page's latest request."""
    return session.ended_at or session.heard_at


def read_accuracy(device: Device) -> Accuracy:
    """Return the comparison over the latest sessions at the device's spot."""
    at_spot = GroundTruthSession.objects.filter(device__in=Device.objects.of_spot(device))
    sessions = list(at_spot.prefetch_related("counts")[:LATEST_SESSIONS])
    results = _results(sessions)
    return Accuracy(device, results, compare([result.minutes for result in results]))


def read_session_result(session: GroundTruthSession) -> SessionResult:
    """Return the comparison of the session so far."""
    return _results([session])[0]


def _results(sessions: Sequence[GroundTruthSession]) -> list[SessionResult]:
    """Compare sessions at one spot, which never has two devices at a time."""
    camera = _camera_minutes({session.device_id for session in sessions}, sessions) if sessions else {}
    return [_result(session, camera) for session in sessions]


def _result(session: GroundTruthSession, camera: dict[dt.datetime, tuple[int, int]]) -> SessionResult:
    counts = [(count.at, count.people) for count in session.counts.all()]
    compared = minutes(counts, until(session), camera)
    return SessionResult(session, average(counts, until(session)), compared, compare([compared]))


def _camera_minutes(
    devices: Collection[int], sessions: Iterable[GroundTruthSession]
) -> dict[dt.datetime, tuple[int, int]]:
    """Return by minute the number of frames with a number of faces, and the sum of their faces."""
    frames = Frame.objects.filter(_during(sessions, "taken_at"), device__in=devices, faces__isnull=False)
    by_minute = frames.annotate(minute=TruncMinute("taken_at", tzinfo=dt.UTC)).values_list("minute")
    wrong = _wrong_faces(devices, sessions)
    return {
        minute: (count, faces - wrong[minute])
        for minute, count, faces in by_minute.annotate(Count("pk"), Sum("faces")).order_by("minute")
    }


def _wrong_faces(devices: Collection[int], sessions: Iterable[GroundTruthSession]) -> Counter[dt.datetime]:
    """Return by minute the number of rejected faces."""
    wrong = Detection.objects.filter(
        _during(sessions, "taken_at"), device__in=devices, label=FACE, review=Verdict.WRONG
    )
    faces_by_minute: Counter[dt.datetime] = Counter()
    by_frame = wrong.values_list("frame_id", "taken_at", "frame__faces").annotate(Count("pk")).order_by()
    for _, taken_at, faces, count in by_frame:
        # Not more than the frame has: an object of the device may also have the label of faces.
        faces_by_minute[taken_at.replace(second=0, microsecond=0)] += min(faces or 0, count)
    return faces_by_minute


def _during(sessions: Iterable[GroundTruthSession], field: str) -> Q:
    spans = (Q(**{f"{field}__gte": session.started_at, f"{field}__lt": until(session)}) for session in sessions)
    return reduce(or_, spans)
