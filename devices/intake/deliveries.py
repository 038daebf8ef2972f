"""Which message that the broker sends again is one that was committed: for those that carry no time of their own.

A broker redelivers a message under its old packet id and marks it as sent before. So one that is marked, and whose
packet id and words are those of a message committed lately, is that message, and keeps its first time of arrival.
Packet ids come round again; the count of a client's messages tells how long ago a delivery was.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from django.db.models import Max

from devices.intake.decoding import Arrival, words
from devices.models import DeliveredBatch

UNACKNOWLEDGED = 4_000
"""Most messages a broker may have under way to one client: so far back a committed one can still be redelivered."""


class _Delivery(msgspec.Struct, array_like=True, frozen=True):
    packet_id: int
    sequence: int
    words: int
    received_at: dt.datetime


_deliveries = msgspec.msgpack.Decoder(list[_Delivery])


def with_first_arrivals(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """The arrivals, each redelivered one at the time when it first came, if it was committed then."""
    clients = {each.carriage.client for each in arrivals if each.carriage and each.carriage.redelivered}
    known = {client: _lately(client) for client in sorted(clients)}
    return [_at_first(arrival, known) for arrival in arrivals] if known else list(arrivals)


def remembering(arrivals: Sequence[Arrival], known_by_arrival: Sequence[Arrival]) -> Callable[[], None]:
    """What notes that these arrivals are committed, and when those of them came that only their arrival tells apart."""
    latest: defaultdict[str, int] = defaultdict(int)
    for arrival in arrivals:
        if arrival.carriage:
            latest[arrival.carriage.client] = max(latest[arrival.carriage.client], arrival.carriage.sequence)
    deliveries: defaultdict[str, list[_Delivery]] = defaultdict(list)
    for each in known_by_arrival:
        if each.carriage:
            delivery = _Delivery(each.carriage.packet_id, each.carriage.sequence, words(each), each.received_at)
            deliveries[each.carriage.client].append(delivery)
    return partial(_remember, [(client, latest[client], deliveries[client]) for client in sorted(latest)])


def _remember(batches: Sequence[tuple[str, int, Sequence[_Delivery]]]) -> None:
    for client, latest, deliveries in batches:
        DeliveredBatch.objects.create(client=client, sequence=latest, deliveries=msgspec.msgpack.encode(deliveries))
        DeliveredBatch.objects.filter(client=client, sequence__lte=latest - UNACKNOWLEDGED).delete()


def next_sequence(client: str) -> int:
    """Where a client that starts goes on counting its messages."""
    return 1 + (_latest(client) or 0)


def _latest(client: str) -> int | None:
    latest: int | None = DeliveredBatch.objects.filter(client=client).aggregate(latest=Max("sequence"))["latest"]
    return latest


def _lately(client: str) -> dict[int, _Delivery]:
    """The deliveries that the broker may repeat, by packet id; of several the latest."""
    oldest = (_latest(client) or 0) - UNACKNOWLEDGED
    batches = DeliveredBatch.objects.filter(client=client, sequence__gt=oldest).order_by("sequence", "pk")
    deliveries = [each for batch in batches for each in _deliveries.decode(batch.deliveries)]
    return {each.packet_id: each for each in deliveries if each.sequence > oldest}


def _at_first(arrival: Arrival, known: dict[str, dict[int, _Delivery]]) -> Arrival:
    carriage = arrival.carriage
    if carriage is None or not carriage.redelivered:
        return arrival
    first = known[carriage.client].get(carriage.packet_id)
    if first is None or first.words != words(arrival):
        return arrival
    return msgspec.structs.replace(arrival, received_at=first.received_at)
