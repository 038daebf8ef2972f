"""Tells agents that they use one thing name. Not every broker does: Mosquitto 2.0.11 closes the connection silently."""

import datetime as dt
import logging

from devices.models import DeviceState
from devices.mqtt import broker
from devices.mqtt.broker import BrokerUnavailable
from edge_agent import messages

log = logging.getLogger(__name__)

RECENT = dt.timedelta(minutes=3)
"""The agents are told for this time after the platform has noticed them, once a minute, because only one of them has a
connection at a time."""


def warn_of_shared_names(*, now: dt.datetime) -> int:
    """Send a warning to each device whose thing name two programs have used lately; return how many there were."""
    shared = DeviceState.objects.filter(name_shared_at__gt=now - RECENT)
    things = list(shared.values_list("thing__name", flat=True))
    warning = messages.encode(messages.Receipt(ids=(), name_is_shared=True))
    try:
        if things:
            broker.publish_all({messages.topic_to_device(thing, "receipt"): warning for thing in things})
    except BrokerUnavailable as error:
        log.warning("Agents with one thing name could not be told of it: %s", error)
    return len(things)
