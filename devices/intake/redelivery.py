"""Recognises messages without a time of their own that the broker delivers again after they were committed.

The broker redelivers a message under its old packet id and marks it as sent before. So a marked message whose packet
id and content equal those of a recently committed message is that message, and gets the time of its first arrival.
Packet ids are used again and again; the sequence number of a client's messages says how long ago a delivery was.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from django.db.models import Max

from devices.intake.decoding import Arrival, content_hash
from devices.models import DeliveredBatch

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
    """Return the arrivals; a redelivered one that was committed before has the time of its first arrival."""
    clients = {arrival.delivery.client for arrival in arrivals if arrival.delivery and arrival.delivery.redelivered}
    committed = {client: _recent_deliveries(client) for client in sorted(clients)}
    return [_with_first_time(arrival, committed) for arrival in arrivals] if committed else list(arrivals)


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
    return partial(_record, [(client, latest[client], deliveries[client]) for client in sorted(latest)])


def _record(batches: Sequence[tuple[str, int, Sequence[_CommittedDelivery]]]) -> None:
    for client, latest, deliveries in batches:
        DeliveredBatch.objects.create(client=client, sequence=latest, deliveries=msgspec.msgpack.encode(deliveries))
        DeliveredBatch.objects.filter(client=client, sequence__lte=latest - RECEIVE_MAXIMUM).delete()


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
    return msgspec.structs.replace(arrival, received_at=first.received_at)
