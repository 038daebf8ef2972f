"""Publishes the desired settings of things, and publishes them again until the things report them."""

import datetime as dt
import logging
import random
from collections import defaultdict
from collections.abc import Sequence

import msgspec
from django.db import models

from devices.faults.isolation import each
from devices.models import Thing
from devices.mqtt import broker
from devices.mqtt.broker import BrokerUnavailable
from devices.storage.sql import Among
from edge_agent.messages import topic_to_device

log = logging.getLogger(__name__)


AT_ONCE = 1_000
"""Things whose settings one run of the task publishes, on one connection; the next run goes on."""

MOST_REFUSED = 3
"""The run ends when the broker has not taken the settings of so many things: it may be away."""


def send_config(*, thing: Thing) -> None:
    """Publish the thing's desired settings, retained, for now or its next connection. Raises `BrokerUnavailable`."""
    _send([thing])


def _send(things: Sequence[Thing]) -> None:
    # Never an empty payload: it would remove the retained message, and an absent device would keep its old settings.
    payloads = {topic_to_device(thing.name, "config"): msgspec.json.encode(thing.desired_config) for thing in things}
    broker.publish_all(payloads, retain=True)
    sent: defaultdict[dt.datetime, list[int]] = defaultdict(list)
    for thing in things:
        if thing.config_unsent_since is not None:
            sent[thing.config_unsent_since].append(thing.pk)
    for since, pks in sent.items():
        # The filter leaves a thing as unsent if somebody changed its settings again meanwhile.
        Thing.objects.filter(Among("pk", pks), config_unsent_since=since).update(config_unsent_since=None)
    for thing in things:
        thing.config_unsent_since = None


def send_missing_configs() -> int:
    """Publish the settings that the broker never got or has lost, of at most `AT_ONCE` things. Return their number."""
    missing = things_to_configure()
    # In any order, so that things whose settings the broker refuses, or that never take them, keep no others waiting.
    things = random.sample(missing, min(len(missing), AT_ONCE))
    if not things:
        return 0
    try:
        _send(things)
        return len(things)
    except BrokerUnavailable as error:
        log.warning("The settings of %d devices could not be sent together: %s", len(things), error)
    refused = 0

    def send(thing: Thing) -> int:
        nonlocal refused
        if refused >= MOST_REFUSED:
            return 0
        try:
            _send([thing])
        except BrokerUnavailable as error:
            log.warning("The settings of %s could not be sent and are tried again: %s", thing, error)
            refused += 1
            return 0
        return 1

    return sum(each(things, send, what="sending the settings of"))


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
