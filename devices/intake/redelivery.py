"""Recognises messages without a time of their own that the broker delivers again after they were committed.

    with_first_arrival_times(arrivals)         before they are decoded
    recording(arrivals, untimed)               the write that remembers them

A retained message is handed over on every connection. It counts once, until its topic is cleared or has another one.
One row is kept for each topic: the latest retained message of a DeepLens, whether it was handed over or came when it
was sent. `devices/mqtt/broker.py` tells both apart.

The broker redelivers a message under its old packet id and marks it as sent before. So a marked message whose packet
id and content equal those of a recently committed message is that message, and gets the time of its first arrival.
Packet ids are used again and again; the sequence number of a client's messages says how long ago a delivery was.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import msgspec
from django.db.models import Max

from devices.models import DeliveredBatch, QuarantinedMessage, RetainedMessage
from devices.reading.arrivals import Arrival, Delivery
from devices.reading.decoding import is_from_deeplens
from devices.reading.identity import content_hash, digest
from devices.storage import statements

RECEIVE_MAXIMUM = 4_000
"""Most messages that the broker may have sent to one client without an acknowledgement (MQTT's Receive Maximum). A
message that was committed longer ago than this many messages cannot be redelivered any more."""


class _CommittedDelivery(msgspec.Struct, array_like=True, frozen=True):
    packet_id: int
    sequence: int
    content: int
    received_at: dt.datetime


_decoder = msgspec.msgpack.Decoder(list[_CommittedDelivery])


def with_first_arrival_times(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Return the arrivals; one that was committed before has the time and the packet of its first arrival."""
    if any(map(_may_be_repeated, arrivals)):
        arrivals = _with_first_retained(arrivals)
    clients = {
        arrival.delivery.client
        for arrival in arrivals
        if arrival.delivery and arrival.delivery.redelivered and not arrival.retained
    }
    committed = {client: _recent_deliveries(client) for client in sorted(clients)}
    return [_with_first_time(arrival, committed) for arrival in arrivals] if committed else list(arrivals)


def _may_be_repeated(arrival: Arrival) -> bool:
    """Whether this is a retained message that may have no time of its own."""
    return arrival.retained and is_from_deeplens(arrival.topic) and bool(arrival.payload)


def _with_first_retained(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Return the arrivals; a retained one that was taken in before has the time and the packet of its first arrival.

    A packet says nothing of a retained message, because each connection has another one. So it is removed.
    """
    first: dict[int, Arrival] = {}
    for arrival in filter(_may_be_repeated, arrivals):
        first.setdefault(content_hash(arrival), arrival)
    known = _known_retained(first)
    found: dict[int, _FirstArrival] = {}
    timed = []
    for arrival in arrivals:
        if _may_be_repeated(arrival):
            content = content_hash(arrival)
            timed.append(
                _as_first(arrival, known.get(content) or found.setdefault(content, (arrival.received_at, None)))
            )
            continue
        timed.append(arrival)
        if not arrival.retained and is_from_deeplens(arrival.topic):
            # A later connection, whose messages may be in the same batch, can hand this one over.
            found[content_hash(arrival)] = arrival.received_at, arrival.delivery
    return timed


_FirstArrival = tuple[dt.datetime, Delivery | None]


def _as_first(arrival: Arrival, first: _FirstArrival) -> Arrival:
    received_at, delivery = first
    return msgspec.structs.replace(arrival, received_at=received_at, delivery=delivery)


def _known_retained(arrivals: Mapping[int, Arrival]) -> dict[int, _FirstArrival]:
    """Return the first arrivals of these retained messages, by their content; those that are new are left out.

    A message may have come as retained before, or as a new one, or may have been quarantined and replayed.
    """
    known: dict[int, _FirstArrival] = {
        content: (at, None)
        for content, at in QuarantinedMessage.objects.filter(key__in=arrivals).values_list("key", "received_at")
    }
    for client in {arrival.delivery.client for arrival in arrivals.values() if arrival.delivery}:
        for each in _recent_deliveries(client).values():
            known[each.content] = each.received_at, Delivery(client, each.packet_id, each.sequence)
    topics = {digest(arrival.topic) for arrival in arrivals.values()}
    for row in RetainedMessage.objects.filter(topic__in=topics):
        delivery = None if row.packet_id is None else Delivery(row.client, row.packet_id, sequence=0)
        known[row.content] = row.received_at, delivery
    return known


def recording(arrivals: Sequence[Arrival], untimed: Sequence[Arrival]) -> Callable[[], None]:
    """Return the write that records the commit of these arrivals.

    It stores the latest sequence number of each client, and the deliveries of the `untimed` arrivals, which only
    their time of arrival tells apart.
    """
    latest: defaultdict[str, int] = defaultdict(int)
    for arrival in arrivals:
        if arrival.delivery:
            latest[arrival.delivery.client] = max(latest[arrival.delivery.client], arrival.delivery.sequence)
    deliveries: defaultdict[str, list[_CommittedDelivery]] = defaultdict(list)
    for arrival in untimed:
        if delivery := arrival.delivery:
            deliveries[delivery.client].append(
                _CommittedDelivery(delivery.packet_id, delivery.sequence, content_hash(arrival), arrival.received_at)
            )
    retained = {
        digest(arrival.topic): arrival for arrival in untimed if _may_be_repeated(arrival) or arrival.to_be_retained
    }
    cleared = {digest(arrival.topic) for arrival in arrivals if not arrival.payload and is_from_deeplens(arrival.topic)}
    batches = [(client, latest[client], deliveries[client]) for client in sorted(latest)]
    return partial(_record, batches, retained, cleared)


def _record(
    batches: Sequence[tuple[str, int, Sequence[_CommittedDelivery]]],
    retained: Mapping[int, Arrival],
    cleared: Collection[int],
) -> None:
    if cleared:
        RetainedMessage.objects.filter(topic__in=cleared).delete()
    for topic, arrival in sorted(retained.items()):
        first = {"content": content_hash(arrival), "received_at": arrival.received_at}
        delivery = arrival.delivery
        packet = {"client": delivery.client, "packet_id": delivery.packet_id} if delivery else {}
        RetainedMessage.objects.update_or_create(
            topic=topic, defaults={**first, "client": "", "packet_id": None, **packet}
        )
    with statements.pipelined():
        for client, latest, deliveries in batches:
            DeliveredBatch.objects.filter(client=client, sequence__lte=latest - RECEIVE_MAXIMUM).delete()
            DeliveredBatch.objects.create(client=client, sequence=latest, deliveries=msgspec.msgpack.encode(deliveries))


def next_sequence(client: str) -> int:
    """Return the sequence number for the first message of a client that starts."""
    return 1 + (_latest_sequence(client) or 0)


def _latest_sequence(client: str) -> int | None:
    latest: int | None = DeliveredBatch.objects.filter(client=client).aggregate(latest=Max("sequence"))["latest"]
    return latest


def _recent_deliveries(client: str) -> dict[int, _CommittedDelivery]:
    """Return the committed deliveries that the broker may repeat, by packet id; of several the latest."""
    oldest = (_latest_sequence(client) or 0) - RECEIVE_MAXIMUM
    batches = DeliveredBatch.objects.filter(client=client, sequence__gt=oldest).order_by("sequence", "pk")
    deliveries = [delivery for batch in batches for delivery in _decoder.decode(batch.deliveries)]
    return {delivery.packet_id: delivery for delivery in deliveries if delivery.sequence > oldest}


def _with_first_time(arrival: Arrival, committed: dict[str, dict[int, _CommittedDelivery]]) -> Arrival:
    delivery = arrival.delivery
    if delivery is None or not delivery.redelivered:
        return arrival
    first = committed[delivery.client].get(delivery.packet_id)
    if first is None or first.content != content_hash(arrival):
        return arrival
    # As it was delivered first, which its frame may depend on.
    first_delivery = Delivery(delivery.client, first.packet_id, first.sequence)
    return msgspec.structs.replace(arrival, received_at=first.received_at, delivery=first_delivery)
