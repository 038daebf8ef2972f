"""Takes in messages that were read from files, and counts each once, also after its frames are deleted."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from django.db import transaction

from devices.intake import batches
from devices.intake.batches import Accepted
from devices.models import PastRecord, Thing
from devices.reading import decoding, identity
from devices.reading.decoding import Arrival
from devices.reading.places import KnownThings, read_whereabouts
from devices.storage import sql

LOCK = "headcount past records"
"""The name of the advisory locks on things for adding to their past records."""


@dataclass(slots=True)
class Past:
    """The outcome for some messages that were read from files."""

    accepted: Accepted = field(default_factory=Accepted)
    repeated: int = 0
    """Messages that were taken in before, so that nothing was written."""

    def add(self, other: "Past") -> None:
        self.accepted.add(other.accepted)
        self.repeated += other.repeated


@transaction.atomic
def accept_past(arrivals: Sequence[Arrival], *, keys: Sequence[int | None] | None = None) -> Past:
    """Commit or quarantine each of these messages, in one transaction. Idempotent, for ever.

    Frames tell for as long as they are kept whether a message was counted. For the time before a thing was
    registered, `PastRecord` tells it: by `keys`, one for each arrival, or by the message itself where the key is None.
    Raises as `batches.accept`, and writes nothing then.
    """
    things = read_whereabouts(decoding.things_of(arrivals))
    given = keys or [None] * len(arrivals)
    keyed = [
        (arrival, message_key(arrival) if key is None else key) for arrival, key in zip(arrivals, given, strict=True)
    ]
    past = {(thing.pk, key) for arrival, key in keyed if (thing := _past_thing(arrival, things))}
    known = _record(past, read_at=max((arrival.read_at for arrival in arrivals if arrival.read_at), default=None))
    new = [
        arrival
        for arrival, key in keyed
        if (thing := _past_thing(arrival, things)) is None or (thing.pk, key) not in known
    ]
    return Past(batches.accept(new), repeated=len(arrivals) - len(new))


def count_once(thing: Thing, key: int, *, taken_at: dt.datetime, now: dt.datetime) -> bool:
    """Record what was not a message, such as a picture; return whether it is to be taken in. Call in a transaction.

    Raises `Rejection` if it was taken beyond the retention, when the thing was registered already.
    """
    if taken_at >= thing.created_at:
        decoding.check_time(taken_at, now, decoding.retention())
        return True
    return not _record({(thing.pk, key)}, read_at=now)


def message_key(arrival: Arrival) -> int:
    """Return the hash by which a message is recognised in another file, however the file spaces its JSON."""
    try:
        payload = msgspec.json.format(arrival.payload, indent=-1)
    except msgspec.DecodeError:
        payload = arrival.payload
    return identity.digest("message", arrival.topic, payload, arrival.received_at.isoformat())


def _past_thing(arrival: Arrival, things: KnownThings) -> Thing | None:
    """Return the message's thing, if the message was received before the thing was registered."""
    where = things.get(decoding.thing_of(arrival.topic))
    return where.thing if where is not None and decoding.is_before_registration(arrival, where.thing) else None


def _record(keys: set[tuple[int, int]], *, read_at: dt.datetime | None) -> set[tuple[int, int]]:
    """Record these pairs of a thing's id and a key, and return those that were recorded before."""
    if not keys or read_at is None:
        return set()
    things = {thing for thing, _ in keys}
    sql.lock(LOCK, things, alone=True)
    stored = PastRecord.objects.filter(thing__in=things, key__in=[key for _, key in keys])
    known = set(stored.values_list("thing_id", "key")) & keys
    PastRecord.objects.bulk_create(
        PastRecord(thing_id=thing, key=key, read_at=read_at) for thing, key in sorted(keys - known)
    )
    return known
