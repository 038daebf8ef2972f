"""Compares what the platform stored for odd payloads with what the decoder makes of them."""

from collections import Counter

from django.utils import timezone

from analytics.models import Frame, FramePart
from devices.models import DeviceLog, Heartbeat, QuarantinedMessage, Reason
from devices.reading import decoding, identity
from devices.reading.decoding import Arrival, Decoded
from devices.reading.places import read_whereabouts
from faces.models import Capture

Row = tuple[object, ...]


class FuzzLedger:
    """The rows that odd payloads must become: frames, log lines, captures, or quarantined messages.

    The decoder is a pure function, so it yields the expected rows. `reconcile` compares them with the database.
    """

    def __init__(self, things: list[str]) -> None:
        self._things = read_whereabouts(things)
        self._retention = decoding.retention()
        self.messages = 0
        self._aside: Counter[int] = Counter()
        self._rows: set[Row] = set()
        self._untimed: set[Row] = set()
        """Rows whose keys depend on the time at which the message arrived: only their number is known."""

    def note(self, topic: str, payload: bytes) -> None:
        """Record a message that was sent."""
        self.messages += 1
        if not payload:
            return  # It clears a retained message, and leaves nothing behind.
        words = identity.digest(topic, payload)
        try:
            decoded = self._decode(topic, payload)
        except Exception:  # The platform must survive a failing decoder and quarantine the message.
            known = decoding.message_id_of(payload) is not None
            self._aside[words] = 1 if known else self._aside[words] + 1
            return
        timed, untimed = _rows_of(decoded)
        self._rows |= timed
        self._untimed |= untimed

    def reconcile(self) -> tuple[int, int]:
        """Return the number of missing messages and rows, and the number of unexpected ones."""
        there = _set_aside()
        aside = Counter(identity.digest(topic, payload) for topic, payload, _ in there)
        refused = {(topic, payload) for topic, payload, reason in there if reason == Reason.REFUSED}
        expected_aside, rows, untimed_rows = self._aside.copy(), self._rows.copy(), len(self._untimed)
        for topic, payload in refused:
            words = identity.digest(topic, payload)
            if words not in self._aside:
                timed, untimed = _rows_of(self._decode(topic, payload))
                rows, untimed_rows = rows - timed, untimed_rows - len(untimed) * aside[words]
                expected_aside[words] = aside[words]
        found = self._found()
        strangers = len(found - rows)
        # The quarantine is bounded: it counts what it deletes for newer messages.
        missing_aside = max((expected_aside - aside).total() - _deleted_from_quarantine(), 0)
        lost = missing_aside + len(rows - found) + max(untimed_rows - strangers, 0)
        return lost, (aside - expected_aside).total() + max(strangers - untimed_rows, 0)

    def _decode(self, topic: str, payload: bytes) -> Decoded:
        where = self._things.get(decoding.thing_of(topic))
        return decoding.decode(Arrival(topic, payload, timezone.now()), where, retention=self._retention)

    def _found(self) -> set[Row]:
        ours = [device for where in self._things.values() for device in where.devices]
        parts = FramePart.objects.filter(device__in=ours)
        whole = Frame.objects.filter(device__in=ours).exclude(pk__in=parts.values("frame_id"))
        return {
            *(("frame", *row) for row in whole.values_list(*FRAME)),
            *(("part", *row) for row in parts.values_list(*FRAME)),
            *(("line", *row) for row in DeviceLog.objects.filter(device__in=ours).values_list(*LINE)),
            *(("picture", *row) for row in Capture.objects.filter(device__in=ours).values_list(*PICTURE)),
        }


FRAME = ("device_id", "taken_at", "key")
LINE = ("device_id", "at", "key")
PICTURE = ("device_id", "key")


def _rows_of(decoded: Decoded) -> tuple[set[Row], set[Row]]:
    """Return the rows that this message must become: those with predictable keys, and the others.

    A key is unpredictable if it depends on the time at which the message arrived.
    """
    # A face that came in a message of its own is stored as a part, of which several may belong to one frame.
    frames: set[Row] = {
        ("part" if each.is_part else "frame", each.device.pk, each.taken_at, each.key) for each in decoded.frames
    }
    lines: set[Row] = {("line", each.device.pk, each.at, each.key) for each in decoded.log}
    pictures: set[Row] = {("picture", each.device.pk, each.key) for each in decoded.pictures}
    told_by_agent = decoded.message_id is not None
    timed = pictures | (frames if decoded.timed else set()) | (lines if told_by_agent else set())
    return timed, (frames | lines | pictures) - timed


def _deleted_from_quarantine() -> int:
    numbers = Heartbeat.objects.filter(process="quarantine").values_list("numbers", flat=True)
    return int(sum(each.get("overflowed_messages_total", 0) for each in numbers))


def _set_aside() -> list[tuple[str, bytes, str]]:
    rows = QuarantinedMessage.objects.values_list("topic", "payload", "reason").iterator()
    return [(topic, bytes(payload), reason) for topic, payload, reason in rows]
