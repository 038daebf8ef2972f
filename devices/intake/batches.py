"""The intake: every message, however it came, ends here, and is either committed and counted once, or quarantined."""

import datetime as dt
import logging
import operator
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from django.db import DatabaseError, InterfaceError, OperationalError, transaction

from devices.intake import device_states, redelivery, seeking, waiting
from devices.intake.placing import Placing, picture_at_its_place
from devices.intake.quarantine import may_hold_picture, note_growth
from devices.models import Device, DeviceLog, QuarantinedMessage, Reason
from devices.reading import decoding, identity
from devices.reading.decoding import (
    Arrival,
    Decoded,
    LogLine,
    ReceivedFrame,
    ReceivedGesture,
    ReceivedPlay,
    ReceivedVisit,
    Rejection,
    SignOfLife,
    TakenPicture,
)
from devices.reading.picture_budget import OverBudget
from devices.reading.places import KnownThings, Whereabouts, read_whereabouts
from edge_agent import messages

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """The contents of all messages of one transaction. May contain the same frame, picture, gesture or visit twice."""

    frames: list[ReceivedFrame] = field(default_factory=list)
    pictures: list[TakenPicture] = field(default_factory=list)
    gestures: list[ReceivedGesture] = field(default_factory=list)
    signs_of_life: list[SignOfLife] = field(default_factory=list)
    visits: list[ReceivedVisit] = field(default_factory=list)
    plays: list[ReceivedPlay] = field(default_factory=list)
    statuses: list[tuple[Device, dt.datetime, messages.Status]] = field(default_factory=list)
    """The statuses that name their software, each with its device and the device's time."""


Write = Callable[[], None]
"""Writes prepared rows to the database. Runs inside a batch's transaction, and again if that was rolled back."""

Sink = Callable[[Batch], Write]

_sinks: list[Sink] = []


def write_nothing() -> None:
    """The `Write` of a sink that has nothing to write."""


def register_sink(sink: Sink) -> None:
    """Have this sink called with every batch. The `Write` that it returns runs inside the batch's transaction.

    The sink itself must not query the database, because it is called while another batch commits. Its `Write` must be
    idempotent. An exception of either rolls the whole batch back; the intake then tries its halves, down to
    single messages.
    """
    if sink not in _sinks:
        _sinks.append(sink)


@dataclass(slots=True)
class Accepted:
    """The outcome for some messages, each of which is committed or quarantined. Their senders may forget them."""

    receipts: dict[str, list[str]] = field(default_factory=dict)
    """Message ids by thing name, for the devices that wait for receipts."""
    committed: int = 0
    quarantined: int = 0
    things: KnownThings = field(default_factory=dict)
    """The things that sent the messages."""
    unknown: Collection[str] = ()
    """The names of senders that are no thing, or none any more."""

    def add(self, other: "Accepted") -> None:
        for thing, ids in other.receipts.items():
            self.receipts.setdefault(thing, []).extend(ids)
        self.committed += other.committed
        self.quarantined += other.quarantined
        self.things = {**self.things, **other.things}
        self.unknown = {*self.unknown, *other.unknown}


@dataclass(frozen=True, slots=True)
class Draft:
    """All that one transaction will write for some arrivals, provided that `things` are still as they were."""

    arrivals: Sequence[Arrival]
    things: KnownThings
    accepted: Accepted
    writes: Sequence[Write]
    placing: Placing


def draft(arrivals: Sequence[Arrival], things: KnownThings, placing: Placing | None = None) -> Draft:
    """Decode these arrivals and prepare their writes. No query is made, so this may run while another batch commits."""
    decoded: list[tuple[Arrival, Decoded]] = []
    rejected: list[tuple[Arrival, Rejection]] = []
    retention, placing, put_off = decoding.retention(), placing or Placing(), 0
    for arrival in arrivals:
        if not arrival.payload:
            continue  # It only clears the message that the broker retained on its topic.
        try:
            where = things.get(decoding.thing_of(arrival.topic))
            if where is None or where.is_certain:
                decoded.append((arrival, decoding.decode(arrival, where, retention=retention)))
                continue
            content, unplaced = placing.decode(arrival, where, retention=retention)
            decoded.append((arrival, content))
            if unplaced is not None:
                rejected.append((arrival, unplaced))
        except Rejection as rejection:
            rejected.append((arrival, rejection))
        except OverBudget as error:
            if decoding.is_from_deeplens(arrival.topic):
                rejected.append((arrival, Rejection(Reason.TOO_MANY, str(error))))
            else:
                put_off += 1  # Without a receipt, the agent sends the message again later.
        except Exception as error:
            rejected.append((arrival, _refusal(arrival, error)))
    prepared = _make_draft(arrivals, decoded, rejected, things, placing)
    prepared.accepted.committed -= put_off
    return prepared


def accept(arrivals: Sequence[Arrival], prepared: Draft | None = None) -> Accepted:
    """Commit or quarantine each of these messages, in one transaction if possible. Idempotent.

    `prepared` is a draft of the same arrivals; it is written if it still holds.
    Raises `OperationalError` or `InterfaceError` if the database cannot be reached. Nothing is written then, and the
    same call may be made again.
    """
    if not arrivals:
        return Accepted()
    try:
        return _accept_together(arrivals, prepared)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(arrivals) == 1:
            return refuse(arrivals[0], _refusal(arrivals[0], error))
        log.warning("A batch of %d messages was refused (%s); its halves are tried next.", len(arrivals), error)
    middle = len(arrivals) // 2
    accepted = accept(arrivals[:middle])
    accepted.add(accept(arrivals[middle:]))
    return accepted


def _accept_together(arrivals: Sequence[Arrival], prepared: Draft | None) -> Accepted:
    timed = redelivery.with_first_arrival_times(arrivals)
    names = _names_of(arrivals)
    things = read_whereabouts(names, prepared.things if prepared else {})
    if prepared is None or not _holds(prepared, timed, names, things):
        prepared = draft(timed, things)
    if prepared.placing.doubtful and (placing := prepared.placing.look_up()):
        prepared = draft(timed, things, placing)
    _write(prepared)
    return replace(prepared.accepted, things=things, unknown=names - things.keys())


def _holds(prepared: Draft, timed: Sequence[Arrival], names: Collection[str], things: KnownThings) -> bool:
    """Whether the draft was made of these arrivals, with the same times, and with things that have not changed.

    `names` are those of the arrivals' things, and `things` what the database has of these.
    """
    unchanged = all(map(operator.is_, map(prepared.things.get, names), map(things.get, names)))
    return unchanged and all(map(operator.is_, prepared.arrivals, timed))


def take_in(arrival: Arrival) -> None:
    """Commit this one message.

    Raises `Rejection` if it cannot be taken in whole. Nothing of it is written then, but the parts that have a place.
    """
    things = read_whereabouts(_names_of([arrival]))
    where, placing, retention = _thing_of(arrival, things), Placing(), decoding.retention()
    try:
        decoded, unplaced = placing.decode(arrival, where, retention=retention)
    except Rejection:
        if not placing.doubtful:
            raise
    if placing.doubtful:
        decoded, unplaced = (placing.look_up() or Placing()).decode(arrival, where, retention=retention)
    _write(_make_draft([arrival], [(arrival, decoded)], [], things))
    if unplaced is not None:
        raise unplaced


def take_in_picture(picture: TakenPicture, *, is_from_device: bool = True) -> None:
    """Commit a picture that did not come in a message, as if it had come in one. Idempotent.

    A picture that the device itself did not send is no sign of life of the device.
    """
    picture = picture_at_its_place(picture)
    topic = messages.topic_from_device(picture.device.thing_name, "image")
    arrival = Arrival(topic, b"", picture.received_at, retained=not is_from_device)
    _write(_make_draft([arrival], [(arrival, Decoded(picture.device, pictures=[picture]))], [], {}))


@transaction.atomic
def quarantine(arrival: Arrival, rejection: Rejection) -> None:
    """Quarantine something that came from elsewhere than a device and cannot be taken in. Idempotent."""
    _write_quarantine([(arrival, rejection)], read_whereabouts(_names_of([arrival])))


def refuse(arrival: Arrival, rejection: Rejection) -> Accepted:
    """Quarantine a device's message for this reason, without decoding it."""
    refused = _make_draft([arrival], [], [(arrival, rejection)], read_whereabouts(_names_of([arrival])))
    _write(refused)
    return refused.accepted


def _refusal(arrival: Arrival, error: Exception) -> Rejection:
    """Log an unexpected error that a message has caused, and return the rejection of the message."""
    log.error("A message on %s could not be committed and was quarantined.", arrival.topic, exc_info=error)
    cause = "the database refused it" if isinstance(error, DatabaseError) else "it could not be taken in"
    return Rejection(Reason.REFUSED, f"{type(error).__name__}: {cause}.")


def _thing_of(arrival: Arrival, things: KnownThings) -> Whereabouts | None:
    return things.get(decoding.thing_of(arrival.topic))


def _names_of(arrivals: Iterable[Arrival]) -> set[str]:
    """Return the names of the arrivals' things, without those that the database cannot hold."""
    return {thing for thing in decoding.things_of(arrivals) if thing and "\x00" not in thing}


def _make_draft(
    arrivals: Sequence[Arrival],
    decoded: Sequence[tuple[Arrival, Decoded]],
    rejected: Sequence[tuple[Arrival, Rejection]],
    things: KnownThings,
    placing: Placing | None = None,
) -> Draft:
    contents = [content for _, content in decoded]
    seeking.settle_empty_frames(contents)
    batch, log_lines = _contents_of(decoded)
    untimed = [arrival for arrival, content in decoded if not content.timed]
    writes: list[Write] = [
        partial(_write_log, log_lines) if log_lines else write_nothing,
        partial(_write_quarantine, rejected, things) if rejected else write_nothing,
        redelivery.recording(arrivals, [*untimed, *(arrival for arrival, _ in rejected)]),
        # Last, because several ingesters write the same rows, and wait for each other from here to the commit.
        *(sink(batch) for sink in _sinks),
        seeking.learning(contents) or write_nothing,
        partial(device_states.write, device_states.relevant(decoded), waiting.runs_of(decoded).values()),
    ]
    outcome = _outcome(decoded, rejected)
    outcome.committed = len(arrivals) - outcome.quarantined
    return Draft(arrivals, things, outcome, writes, placing or Placing())


def _contents_of(decoded: Sequence[tuple[Arrival, Decoded]]) -> tuple[Batch, list[LogLine]]:
    """Return the contents of all messages, and their lines of log, which no sink gets."""
    batch, log_lines = Batch(), list[LogLine]()
    for arrival, content in decoded:
        batch.frames += content.frames
        if content.has_only_frames():
            continue
        batch.pictures += content.pictures
        batch.gestures += content.gestures
        batch.signs_of_life += content.signs_of_life
        batch.visits += content.visits
        batch.plays += content.plays
        log_lines += content.log
        status = content.status
        if status is not None and status.software and content.has_place:
            batch.statuses.append((content.device, content.clock or arrival.received_at, status))
    return batch, log_lines


@transaction.atomic
def _write(prepared: Draft) -> None:
    for write in prepared.writes:
        write()


def _write_log(lines: Sequence[LogLine]) -> None:
    lines = _not_written_before(lines)
    DeviceLog.objects.bulk_create(
        [
            DeviceLog(
                device=line.device,
                at=line.at,
                key=line.key,
                received_at=line.received_at,
                level=line.level,
                text=line.text,
            )
            for line in sorted(lines, key=lambda line: (line.device.pk, line.at, line.key))
        ],
        ignore_conflicts=True,
    )


def _not_written_before(lines: Sequence[LogLine]) -> Sequence[LogLine]:
    """Return the lines without those that are stored under a key of a former version."""
    before = identity.former_before()
    formers = [line.former_keys(line.source) if line.former_keys and line.at < before else () for line in lines]
    times = {at for former in formers for at, _ in former}
    if not times:
        return lines
    devices = {line.device.pk for line in lines}
    stored = set(DeviceLog.objects.filter(device__in=devices, at__in=times).values_list("device", "at", "key"))
    return [
        line
        for line, former in zip(lines, formers, strict=True)
        if not any((line.device.pk, *each) in stored for each in former)
    ]


def _write_quarantine(rejected: Sequence[tuple[Arrival, Rejection]], things: KnownThings) -> None:
    rows = [
        QuarantinedMessage(
            key=_quarantine_key(arrival),
            topic=arrival.topic.replace("\x00", "�"),
            payload=arrival.payload,
            size=len(arrival.payload),
            reason=rejection.reason,
            detail=str(rejection).replace("\x00", "�"),
            device=_device_of_rejected(arrival, rejection, _thing_of(arrival, things)),
            received_at=arrival.received_at,
            has_picture=may_hold_picture(arrival.topic, arrival.payload),
        )
        for arrival, rejection in rejected
    ]
    if rows:
        note_growth(rows)
    QuarantinedMessage.objects.bulk_create(sorted(rows, key=lambda row: row.key), ignore_conflicts=True)


def _device_of_rejected(arrival: Arrival, rejection: Rejection, where: Whereabouts | None) -> Device | None:
    """Return the device whose site may see the quarantined message; None in doubt.

    An outbox may hold messages of a place that its thing has left. So after a move, a message of an agent belongs to
    a place only if its time is known.
    """
    if where is None or rejection.reason == Reason.NO_PLACE:
        return None
    if where.always is not None:
        return where.always
    if rejection.at is not None:
        return where.by_clock(rejection.at)
    may_be_kept = not decoding.is_from_deeplens(arrival.topic)
    return None if may_be_kept and len(where.devices) > 1 else where.at(arrival.received_at)


def _quarantine_key(arrival: Arrival) -> int:
    """Return the key by which a repeated message is recognised.

    The content alone identifies a message that has an id, or that the broker retained. Any other message is
    identified by its arrival as well, because a device may send equal messages.
    """
    if arrival.retained or decoding.message_id_of(arrival.payload) is not None:
        return identity.content_hash(arrival)
    return identity.digest(arrival.topic, arrival.payload, decoding.arrival_identity(arrival))


def _outcome(decoded: Sequence[tuple[Arrival, Decoded]], rejected: Sequence[tuple[Arrival, Rejection]]) -> Accepted:
    receipts: defaultdict[str, list[str]] = defaultdict(list)
    partly = {id(arrival) for arrival, _ in decoded} & {id(arrival) for arrival, _ in rejected} if rejected else set()
    devices: dict[int, Device] = {}
    ids: defaultdict[int, list[str]] = defaultdict(list)
    for _, content in decoded:
        if content.message_id is not None:
            devices[content.device.id] = content.device
            ids[content.device.id].append(content.message_id)
    for pk, device in devices.items():
        receipts[device.thing_name] += ids[pk]
    for arrival, _ in rejected:
        if id(arrival) in partly:
            continue
        message_id = decoding.message_id_of(arrival.payload)
        if message_id is not None and arrival.topic.startswith("dt/headcount/"):
            receipts[decoding.thing_of(arrival.topic)].append(message_id)
    return Accepted(receipts, committed=len(decoded), quarantined=len(rejected))
