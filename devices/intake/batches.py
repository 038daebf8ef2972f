"""The intake: every message, whatever way it came, ends here, and is committed, counted once, or set aside."""

import datetime as dt
import logging
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, transaction

from devices.intake import decoding, deliveries, states
from devices.intake.decoding import Arrival, Decoded, LogLine, SeenFrame, SeenGesture, SetAside, TakenPicture
from devices.models import Device, DeviceLog, QuarantinedMessage, Reason
from edge_agent import messages

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """What one transaction of the intake takes in. May name the same frame, picture or gesture twice."""

    frames: list[SeenFrame] = field(default_factory=list)
    pictures: list[TakenPicture] = field(default_factory=list)
    gestures: list[SeenGesture] = field(default_factory=list)
    software: list[tuple[Device, dt.datetime, str]] = field(default_factory=list)
    """What a device's status says it runs, and when it said so by its own clock."""


Write = Callable[[], None]
"""Writes what was worked out before; runs inside a batch's transaction, and again where that was undone."""

Sink = Callable[[Batch], Write]

_sinks: list[Sink] = []

Devices = Mapping[str, Device]
"""By thing name."""


def nothing() -> None:
    """The `Write` of a sink that has nothing to write."""


def register_sink(sink: Sink) -> None:
    """Have this sink called with every batch; what it answers writes the batch, inside the batch's transaction.

    A sink asks no database: it is called while another batch commits. Its writing must be idempotent. What either
    raises undoes the whole batch; the intake then takes the messages one by one.
    """
    if sink not in _sinks:
        _sinks.append(sink)


@dataclass(slots=True)
class Accepted:
    """What became of some messages: nothing of them needs to be kept by the sender any more."""

    receipts: dict[str, list[str]] = field(default_factory=dict)
    """Message ids by thing name, for the devices that wait for receipts."""
    committed: int = 0
    quarantined: int = 0
    devices: Devices = field(default_factory=dict)
    """The devices whose messages they were, by thing name."""

    def add(self, other: "Accepted") -> None:
        for thing, ids in other.receipts.items():
            self.receipts.setdefault(thing, []).extend(ids)
        self.committed += other.committed
        self.quarantined += other.quarantined
        self.devices = {**self.devices, **other.devices}


@dataclass(frozen=True, slots=True)
class Draft:
    """All that one transaction will write of some arrivals, as they are read if their devices are these."""

    arrivals: Sequence[Arrival]
    devices: Devices
    accepted: Accepted
    writes: Sequence[Write]


def draft(arrivals: Sequence[Arrival], devices: Devices) -> Draft:
    """What is to be written of these arrivals; asks no database, so it may run while another batch commits."""
    taken_in: list[tuple[Arrival, Decoded]] = []
    set_aside: list[tuple[Arrival, SetAside]] = []
    retention = _retention()
    for arrival in arrivals:
        try:
            device = devices.get(decoding.thing_of(arrival.topic))
            taken_in.append((arrival, decoding.decode(arrival, device, retention=retention)))
        except SetAside as reason:
            set_aside.append((arrival, reason))
    return _drafted(arrivals, taken_in, set_aside, devices)


def accept(arrivals: Sequence[Arrival], drafted: Draft | None = None) -> Accepted:
    """Take in these messages, in one transaction where that is possible; idempotent.

    When it returns, each message is committed or quarantined. Raises `OperationalError` or `InterfaceError` where the
    database is away; then nothing was taken in, and the same call may be made again. `drafted` is the draft of the
    same arrivals, and is written if it still holds.
    """
    if not arrivals:
        return Accepted()
    try:
        return _accept_together(arrivals, drafted)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(arrivals) == 1:
            return _refuse(arrivals[0], error)
        log.warning("A batch of %d messages was refused (%s); taking its halves.", len(arrivals), error)
    middle = len(arrivals) // 2
    accepted = accept(arrivals[:middle])
    accepted.add(accept(arrivals[middle:]))
    return accepted


def _accept_together(arrivals: Sequence[Arrival], drafted: Draft | None) -> Accepted:
    first = deliveries.with_first_arrivals(arrivals)
    devices = _devices_of(arrivals, drafted.devices if drafted else {})
    if drafted is None or not _holds(drafted, first, devices):
        drafted = draft(first, devices)
    _write(drafted)
    return replace(drafted.accepted, devices=devices)


def _holds(drafted: Draft, first: Sequence[Arrival], devices: Devices) -> bool:
    """Whether it is of these arrivals, none of which came before, and their devices are what it took them for."""
    are_the_same = all(drafted.devices.get(thing) is devices.get(thing) for thing in decoding.things_of(first))
    return are_the_same and all(map(operator.is_, drafted.arrivals, first))


def take_in(arrival: Arrival) -> None:
    """Take in this one message, and quarantine nothing. Raises `SetAside`, and then has written nothing."""
    devices = _devices_of([arrival], {})
    decoded = decoding.decode(arrival, _device_of(arrival, devices), retention=_retention())
    _write(_drafted([arrival], [(arrival, decoded)], [], devices))


def take_in_picture(picture: TakenPicture, *, is_from_device: bool = True) -> None:
    """Take in a picture that came outside of messages, as one that came in a message; idempotent.

    A picture that is not from the device itself says nothing of when the device was last heard of.
    """
    topic = messages.topic_from_device(picture.device.thing_name, "image")
    arrival = Arrival(topic, b"", picture.received_at, retained=not is_from_device)
    _write(_drafted([arrival], [(arrival, Decoded(picture.device, pictures=[picture]))], [], {}))


@transaction.atomic
def set_aside(arrival: Arrival, reason: SetAside) -> None:
    """Quarantine what cannot be taken in, and did not come as a message; idempotent."""
    _write_quarantine([(arrival, reason)], _devices_of([arrival], {}))


def _refuse(arrival: Arrival, error: Exception) -> Accepted:
    """Quarantine a message that cannot be committed though it could be decoded."""
    log.error("A message on %s was refused and set aside.", arrival.topic, exc_info=error)
    kind = "the database refused it" if isinstance(error, DatabaseError) else "it could not be taken in"
    reason = SetAside(Reason.REFUSED, f"{type(error).__name__}: {kind}.")
    refused = _drafted([arrival], [], [(arrival, reason)], _devices_of([arrival], {}))
    _write(refused)
    return refused.accepted


def _retention() -> dt.timedelta:
    return dt.timedelta(days=settings.FRAME_RETENTION_DAYS)


def _device_of(arrival: Arrival, devices: Devices) -> Device | None:
    return devices.get(decoding.thing_of(arrival.topic))


def _devices_of(arrivals: Iterable[Arrival], known: Devices) -> dict[str, Device]:
    """The devices as they are now, by thing name; those that are as they were known are the known ones themselves."""
    things = {thing for thing in decoding.things_of(arrivals) if thing and "\x00" not in thing}
    found = {device.thing_name: device for device in Device.objects.filter(thing_name__in=things)}
    return {thing: known[thing] if _is_as(device, known.get(thing)) else device for thing, device in found.items()}


def registered() -> Devices:
    """All devices as they are now, by thing name."""
    return {device.thing_name: device for device in Device.objects.all()}


def _is_as(device: Device, known: Device | None) -> bool:
    names = [field.attname for field in Device._meta.concrete_fields]
    return known is not None and all(getattr(device, name) == getattr(known, name) for name in names)


def _drafted(
    arrivals: Sequence[Arrival],
    taken_in: Sequence[tuple[Arrival, Decoded]],
    set_aside: Sequence[tuple[Arrival, SetAside]],
    devices: Devices,
) -> Draft:
    batch = Batch(
        frames=[frame for _, decoded in taken_in for frame in decoded.frames],
        pictures=[picture for _, decoded in taken_in for picture in decoded.pictures],
        gestures=[gesture for _, decoded in taken_in for gesture in decoded.gestures],
        software=[
            (decoded.device, decoded.clock or arrival.received_at, decoded.status.software[:64])
            for arrival, decoded in taken_in
            if decoded.status is not None and decoded.status.software
        ],
    )
    everything = [arrival for arrival, _ in (*taken_in, *set_aside)]
    untimed = [arrival for arrival, decoded in taken_in if not decoded.timed]
    writes: list[Write] = [
        partial(_write_log, [line for _, decoded in taken_in for line in decoded.log]),
        partial(_write_quarantine, set_aside, devices),
        deliveries.remembering(everything, [*untimed, *(arrival for arrival, _ in set_aside)]),
        # Last, since several ingesters write the same rows, and wait for each other from here to the commit.
        *(sink(batch) for sink in _sinks),
        partial(states.write, states.news(taken_in)),
    ]
    return Draft(arrivals, devices, _summary(taken_in, set_aside), writes)


@transaction.atomic
def _write(drafted: Draft) -> None:
    for write in drafted.writes:
        write()


def _write_log(lines: Sequence[LogLine]) -> None:
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


def _write_quarantine(set_aside: Sequence[tuple[Arrival, SetAside]], devices: Devices) -> None:
    rows = [
        QuarantinedMessage(
            key=_quarantine_key(arrival),
            topic=arrival.topic.replace("\x00", "�"),
            payload=arrival.payload,
            size=len(arrival.payload),
            reason=reason.reason,
            detail=str(reason).replace("\x00", "�"),
            device=_device_of(arrival, devices),
            received_at=arrival.received_at,
        )
        for arrival, reason in set_aside
    ]
    QuarantinedMessage.objects.bulk_create(sorted(rows, key=lambda row: row.key), ignore_conflicts=True)


def _quarantine_key(arrival: Arrival) -> int:
    """A message with an id is known by its words, and a retained one too; any other by its arrival as well."""
    if arrival.retained or decoding.message_id_of(arrival.payload) is not None:
        return decoding.words(arrival)
    return decoding.digest(arrival.topic, arrival.payload, decoding.identity_of_untimed(arrival))


def _summary(taken_in: Sequence[tuple[Arrival, Decoded]], set_aside: Sequence[tuple[Arrival, SetAside]]) -> Accepted:
    receipts: defaultdict[str, list[str]] = defaultdict(list)
    for _, decoded in taken_in:
        if decoded.message_id is not None:
            receipts[decoded.device.thing_name].append(decoded.message_id)
    for arrival, _ in set_aside:
        message_id = decoding.message_id_of(arrival.payload)
        if message_id is not None and arrival.topic.startswith("dt/headcount/"):
            receipts[decoding.thing_of(arrival.topic)].append(message_id)
    return Accepted(receipts, committed=len(taken_in), quarantined=len(set_aside))
