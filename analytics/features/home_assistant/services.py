"""Publish the devices' states to Home Assistant, and remove the messages of former devices."""

import datetime as dt
import logging

from django.conf import settings

from analytics.features.home_assistant.discovery import Messages, announcements, states
from analytics.features.home_assistant.reads import read_devices_now
from analytics.models.home_assistant import AnnouncedTopic
from devices.mqtt import broker

log = logging.getLogger(__name__)


def publish_states(*, now: dt.datetime) -> int:
    """Publish the state of every device as retained messages, and remove those of deleted devices.

    Returns the number of devices. Where `HOME_ASSISTANT_PREFIX` is empty, publishes nothing and removes earlier
    messages. Returns 0 and logs a warning where the broker is unavailable; the next call publishes everything again.
    """
    prefix = settings.HOME_ASSISTANT_PREFIX.rstrip("/")
    devices = read_devices_now(now=now) if prefix else []
    messages = announcements(prefix, devices) | states(prefix, devices)
    known = set(AnnouncedTopic.objects.values_list("topic", flat=True))
    if not messages and not known:
        return 0
    try:
        _publish(messages, known)
    except broker.BrokerUnavailable as error:
        log.warning("The devices' states were not published to Home Assistant: %s", error)
        return 0
    return len(devices)


def _publish(messages: Messages, known: set[str]) -> None:
    """Publish the messages, and remove those of the other known topics.

    A topic is stored before its first message and deleted after its removal, so that an interrupted call leaves no
    retained message of an unknown topic.
    """
    new, stale = messages.keys() - known, known - messages.keys()
    AnnouncedTopic.objects.bulk_create([AnnouncedTopic(topic=topic) for topic in sorted(new)], ignore_conflicts=True)
    broker.publish_all(messages | dict.fromkeys(stale, b""), retain=True)
    AnnouncedTopic.objects.filter(topic__in=stale).delete()
