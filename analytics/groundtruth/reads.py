"""How right a device is, by the sessions in which a person counted beside it.

A device takes the same four queries however many sessions it has. Only sessions whose frames are still kept can be
compared; what reviewers called wrong is no face.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
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
"""Of a device that are looked at; older ones tell of a camera, a place or a model that was another."""


@dataclass(frozen=True, slots=True)
class SessionResult:
    """A session with what came of it."""

    session: GroundTruthSession
    average: float | None
    """People as the person counted them over the whole session, weighted by time."""
    minutes: Sequence[Minute]
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A device beside the people who counted at it."""

    device: Device
    sessions: Sequence[SessionResult]
    """The latest first, those under way included."""
    comparison: Comparison
    """All sessions together."""

    @property
    def compared(self) -> int:
        """Sessions that have a minute to compare."""
        return sum(bool(session.comparison.minutes) for session in self.sessions)


def until(session: GroundTruthSession) -> dt.datetime:
    """Up to where the session is known: its end, or the page's latest word."""
    return session.ended_at or session.heard_at


def accuracy(device: Device) -> Accuracy:
    """What the device's latest sessions say of it."""
    sessions = list(GroundTruthSession.objects.filter(device=device).prefetch_related("counts")[:LATEST_SESSIONS])
    results = _results(device, sessions)
    return Accuracy(device, results, compare([result.minutes for result in results]))


def session_result(session: GroundTruthSession) -> SessionResult:
    """What came of this session up to now."""
    return _results(session.device, [session])[0]


def _results(device: Device, sessions: Sequence[GroundTruthSession]) -> list[SessionResult]:
    seen = _camera_minutes(device, sessions) if sessions else {}
    return [_result(session, seen) for session in sessions]


def _result(session: GroundTruthSession, seen: dict[dt.datetime, tuple[int, int]]) -> SessionResult:
    counts = [(count.at, count.people) for count in session.counts.all()]
    found = minutes(counts, until(session), seen)
    return SessionResult(session, average(counts, until(session)), found, compare([found]))


def _camera_minutes(device: Device, sessions: Iterable[GroundTruthSession]) -> dict[dt.datetime, tuple[int, int]]:
    """By the minute, the device's frames that tell a number of faces, and these faces."""
    frames = Frame.objects.filter(_during(sessions, "taken_at"), device=device, faces__isnull=False)
    by_minute = frames.annotate(minute=TruncMinute("taken_at", tzinfo=dt.UTC)).values_list("minute")
    wrong = _wrong_faces(device, sessions)
    return {
        minute: (count, faces - wrong[minute])
        for minute, count, faces in by_minute.annotate(Count("pk"), Sum("faces")).order_by("minute")
    }


def _wrong_faces(device: Device, sessions: Iterable[GroundTruthSession]) -> Counter[dt.datetime]:
    """By the minute, the faces that reviewers called wrong."""
    wrong = Detection.objects.filter(
        _during(sessions, "frame__taken_at"), frame__device=device, label=FACE, review=Verdict.WRONG
    )
    found: Counter[dt.datetime] = Counter()
    by_frame = wrong.values_list("frame_id", "frame__taken_at", "frame__faces").annotate(Count("pk")).order_by()
    for _, taken_at, faces, count in by_frame:
        # Never more than the frame has: a device may also call one of its objects a face.
        found[taken_at.replace(second=0, microsecond=0)] += min(faces or 0, count)
    return found


def _during(sessions: Iterable[GroundTruthSession], field: str) -> Q:
    spans = (Q(**{f"{field}__gte": each.started_at, f"{field}__lt": until(each)}) for each in sessions)
    return reduce(or_, spans)
