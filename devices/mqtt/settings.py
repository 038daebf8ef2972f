"""Publishes the desired settings of things, and publishes them again until the things report them."""

import logging

import msgspec
from django.db import models

from devices.faults.isolation import each
from devices.models import Thing
from devices.mqtt import broker
from devices.mqtt.broker import BrokerUnavailable
from edge_agent.messages import topic_to_device

log = logging.getLogger(__name__)


def send_config(*, thing: Thing) -> None:
    """Publish the thing's desired settings, retained, for now or its next connection. Raises `BrokerUnavailable`."""
    # Never an empty payload: it would remove the retained message, and an absent device would keep its old settings.
    payload = msgspec.json.encode(thing.desired_config)
    broker.publish(topic_to_device(thing.name, "config"), payload, retain=True)
    # The filter leaves the thing as unsent if somebody changed its settings again meanwhile.
    Thing.objects.filter(pk=thing.pk, config_unsent_since=thing.config_unsent_since).update(config_unsent_since=None)
    thing.config_unsent_since = None


def send_missing_configs() -> int:
    """Publish the settings that the broker never got or has lost. Return the number of things."""
    away: list[BrokerUnavailable] = []

    def send(thing: Thing) -> int:
        if away:
            return 0
        try:
            send_config(thing=thing)
        except BrokerUnavailable as error:
            log.warning("The settings of %s could not be sent and are tried again: %s", thing, error)
            away.append(error)
            return 0
        return 1

    return sum(each(things_to_configure(), send, what="sending the settings of"))


def things_to_configure() -> list[Thing]:
    """Return the things whose settings were never published, and those that are online with other settings.

    The latter happens when a broker has lost its retained messages. A thing that reported why it refuses its settings
    is left out.
    """
    unsent = models.Q(config_unsent_since__isnull=False)
    may_differ = models.Q(state__online=True, state__config_error="", state__reported_config__isnull=False)
    things = Thing.objects.filter(unsent | may_differ).select_related("state").order_by("config_unsent_since", "pk")
    return [thing for thing in things if thing.config_unsent_since is not None or _differs(thing)]


def _differs(thing: Thing) -> bool:
    reported = thing.state.reported_config or {}
    return any(reported.get(name) != value for name, value in thing.desired_config.items())
