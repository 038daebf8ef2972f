"""Compares each message that was accepted from a device with the rows in the database."""

import datetime as dt
import math
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.db.models import Max, Sum

from analytics.models import FACE, Detection, EngagementQuarter, Frame, LabelQuarter
from devices.models import Heartbeat, QuarantinedMessage


class Said(NamedTuple):
    """A frame as a device reported it, identified by its content and not by the platform's keys."""

    thing: str
    taken_at: int | None
    """Epoch milliseconds by the device's clock; None if the message carried no time."""
    faces: tuple[float, ...]
    """The confidences of the faces, in ascending order."""


class Aside(NamedTuple):
    """A message that the platform must quarantine, and the reason."""

    topic: str
    payload: bytes
    reason: str


@dataclass
class Outcome:
    """The numbers of lost, doubled and quarantined messages of a run, and the delays."""

    messages: int
    lost: int
    doubled: int
    quarantined: int
    delays: list[float] = field(default_factory=list)
    """Seconds from the sending of each message to the commit of its row, in ascending order."""
    reasons: dict[str, int] = field(default_factory=dict)
    """The number of quarantined messages by reason."""
    sent: list[tuple[float, float]] = field(default_factory=list)
    """When each message was sent, in epoch seconds, and its delay."""

    def only_sent(self, since: float, until: float = math.inf) -> "Outcome":
        """Return the outcome with the delays of the messages only that were sent between these times."""
        sent = [(at, delay) for at, delay in self.sent if since <= at < until]
        return replace(self, sent=sent, delays=sorted(delay for _, delay in sent))

    def delay(self, share: float = 1.0) -> float | None:
        """Return the seconds within which this share of the messages was committed; None if no delay was measured."""
        return self.delays[min(int(share * len(self.delays)), len(self.delays) - 1)] if self.delays else None


class Ledger:
    """The messages that were accepted from devices. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.frames: Counter[Said] = Counter()
        self.aside: Counter[Aside] = Counter()
        self._said_at: dict[Said, float] = {}
        self.messages = 0

    def note(self, frames: Iterable[Said], at: float) -> None:
        """Record an accepted message with these frames, sent at this time (epoch seconds by the machine's clock)."""
        with self._lock:
            self.messages += 1
            for said in frames:
                self.frames[said] += 1
                self._said_at[said] = at

    def note_aside(self, aside: Aside) -> None:
        """Record an accepted message that the platform must quarantine."""
        with self._lock:
            self.messages += 1
            self.aside[aside] += 1

    def things(self) -> set[str]:
        return {said.thing for said in self.frames}

    def outcome(self) -> Outcome:
        """Compare the recorded messages with the devices' rows: each frame, and the sums of the tallies."""
        counted, sent = self._counted()
        aside = Counter(_set_aside())
        too_few, too_many = _tallies_off(self.things())
        return Outcome(
            messages=self.messages,
            lost=(self.frames - counted).total() + (self.aside - aside).total() + too_few,
            doubled=(counted - self.frames).total() + _repeated(aside, self.aside) + too_many,
            quarantined=aside.total(),
            delays=sorted(delay for _, delay in sent),
            sent=sent,
            reasons=dict(Counter(each.reason for each in aside.elements())),
        )

    def _counted(self) -> tuple[Counter[Said], list[tuple[float, float]]]:
        """Return the frames in the database, and when those with unique content were sent, with their delays."""
        counted: Counter[Said] = Counter()
        sent = []
        faces = _faces(self.things())
        for pk, thing, taken_at, committed_at in _frames(self.things()):
            said = Said(thing, taken_at, tuple(sorted(faces[pk])))
            said = said if said in self.frames else said._replace(taken_at=None)
            counted[said] += 1
            if self.frames[said] == 1:
                sent.append((self._said_at[said], committed_at - self._said_at[said]))
        return counted, sent


def frames_counted(things: Iterable[str]) -> int:
    return Frame.objects.filter(device__thing__name__in=list(things)).count()


def latest_frame() -> int:
    """Return a number that grows with each committed frame; -1 while the database is unreachable."""
    try:
        close_old_connections()
        return Frame.objects.aggregate(latest=Max("pk"))["latest"] or 0
    except (DatabaseError, InterfaceError):
        return -1


def is_up(client_id: str, *, since: dt.datetime) -> bool:
    """Return whether the ingester with this client id has stored a heartbeat since then."""
    try:
        close_old_connections()
        return Heartbeat.objects.filter(process=f"ingest {client_id}", at__gt=since).exists()
    except (DatabaseError, InterfaceError):
        return False


def processed(client_id: str, *, since: dt.datetime) -> int:
    """Return the number of messages that the ingester with this client id, started then, committed or quarantined."""
    heartbeat = Heartbeat.objects.filter(process=f"ingest {client_id}", at__gt=since).first()
    told = heartbeat.numbers if heartbeat else {}
    return int(told.get("committed_messages_total", 0) + told.get("quarantined_messages_total", 0))


def _frames(things: set[str]) -> list[tuple[int, str, int, float]]:
    """Return each frame's id, thing name, epoch milliseconds, and time of commit.

    The time of commit is in epoch seconds, from PostgreSQL's `track_commit_timestamp`.
    """
    query = (
        "SELECT frame.id, thing_name, round(extract(epoch FROM taken_at) * 1000)::bigint,"
        " extract(epoch FROM pg_xact_commit_timestamp(frame.xmin))::float8"
        " FROM analytics_frame frame JOIN devices_device device ON device.id = device_id"
        " WHERE thing_name = ANY(%s)"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [list(things)])
        return list(cursor.fetchall())


def _faces(things: set[str]) -> dict[int, list[float]]:
    faces: dict[int, list[float]] = defaultdict(list)
    found = Detection.objects.filter(label=FACE, frame__device__thing__name__in=things)
    for frame, confidence in found.values_list("frame_id", "confidence").iterator():
        faces[frame].append(confidence)
    return faces


def _set_aside() -> Iterable[Aside]:
    for topic, payload, reason in QuarantinedMessage.objects.values_list("topic", "payload", "reason").iterator():
        yield Aside(topic, bytes(payload), reason)


def _repeated(aside: Counter[Aside], expected: Counter[Aside]) -> int:
    """Return how many times an expected message was quarantined more often than expected.

    A quarantined message that should have been counted is not included, because it already counts as lost.
    """
    return sum(max(aside[each] - times, 0) for each, times in expected.items())


def _tallies_off(things: set[str]) -> tuple[int, int]:
    """Return by how much the tallies are below, and above, the sums of the frames and detections."""
    frames = Frame.objects.filter(device__thing__name__in=things)
    detections = Detection.objects.filter(frame__device__thing__name__in=things)
    quarters = EngagementQuarter.objects.filter(device__thing__name__in=things)
    labels = LabelQuarter.objects.filter(device__thing__name__in=things)
    off = [
        (quarters.aggregate(sum=Sum("frames"))["sum"] or 0) - frames.exclude(faces=None).count(),
        (quarters.aggregate(sum=Sum("faces_sum"))["sum"] or 0) - (frames.aggregate(sum=Sum("faces"))["sum"] or 0),
        (labels.aggregate(sum=Sum("count"))["sum"] or 0) - detections.count(),
    ]
    return -sum(min(each, 0) for each in off), sum(max(each, 0) for each in off)
