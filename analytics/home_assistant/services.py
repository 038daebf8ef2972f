"""Telling Home Assistant, and taking back what it was told."""

import datetime as dt
import logging

from django.conf import settings

from analytics.home_assistant.discovery import announcements, states
from analytics.home_assistant.reads import devices_now
from analytics.models.home_assistant import AnnouncedTopic
from devices.mqtt import broker

log = logging.getLogger(__name__)


def tell(*, now: dt.datetime) -> int:
    """Leave at the broker how every device is now, and nothing of devices that are no more; answers of how many.

    Where `HOME_ASSISTANT_PREFIX` is empty nothing is told, and what was left there before is removed. A broker that is
    away is no error: the next call makes up for it.
    """
    prefix = settings.HOME_ASSISTANT_PREFIX.rstrip("/")
    devices = devices_now(now=now) if prefix else []
    wanted = announcements(prefix, devices) | states(prefix, devices)
    known = set(AnnouncedTopic.objects.values_list("topic", flat=True))
    if not wanted and not known:
        return 0
    try:
        _leave(wanted, known)
    except broker.BrokerUnavailable as error:
        log.warning("Home Assistant was not told: %s", error)
        return 0
    return len(devices)


def _leave(wanted: dict[str, bytes], known: set[str]) -> None:
    """Topics are written down before they are used, and struck off after they are empty, so that none is left over."""
    new, stale = wanted.keys() - known, known - wanted.keys()
    AnnouncedTopic.objects.bulk_create([AnnouncedTopic(topic=topic) for topic in sorted(new)], ignore_conflicts=True)
    broker.publish_all(wanted | dict.fromkeys(stale, b""), retain=True)
    AnnouncedTopic.objects.filter(topic__in=stale).delete()
