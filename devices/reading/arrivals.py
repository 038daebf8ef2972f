"""A message as it was received, and how the broker delivered it.

The classes are msgspec's because several are made for each message, and a frozen dataclass takes ten times as long.
The garbage collector need not look at them (`gc=False`), since none can be part of a cycle.
"""

import datetime as dt

import msgspec


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """How the broker delivered a message with QoS 1. It tells a redelivery from a new message with equal content."""

    client: str
    """The client id of the MQTT session."""
    packet_id: int
    sequence: int
    """The number of this message among those of the client. It goes on growing when the client restarts."""
    redelivered: bool = False
    """Whether the broker marked the message as sent before (MQTT's DUP flag)."""
    was_kept: bool = False
    """Whether the broker may have kept the message for a while, so that its arrival does not tell when it was sent."""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A message as it was received, by MQTT, by HTTP or from a file."""

    topic: str
    payload: bytes
    received_at: dt.datetime
    """UTC, by the platform's clock."""
    delivery: Delivery | None = None
    """None for a message that came without a broker, or with QoS 0."""
    retained: bool = False
    """Whether the broker had retained the message, and handed it over when the subscription began."""
    to_be_retained: bool = False
    """Whether the message came when it was sent, and the broker retains it for later subscriptions."""
    read_at: dt.datetime | None = None
    """When the message was read from a file, UTC; None for a message that came from its device."""
    is_replayed: bool = False
    """Whether somebody replays the message from the quarantine."""
    arrival_known: bool = True
    """Whether `received_at` is known. Otherwise the file told no time, and `received_at` only tells messages apart."""
