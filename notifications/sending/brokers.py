"""Notices as MQTT messages: at the platform's broker, on topics of the site, or at another broker."""

import json
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from devices.mqtt import broker
from notifications.sending.addresses import Failed, checked

OWN = "headcount/notices"
"""Topics of notices at the platform's broker begin like this, then with the site."""

OF_CAMERAS = ("dt/headcount/", "cmd/headcount/", "$")
"""Topics that begin like this belong to cameras and to the broker, at whatever broker."""

LONGEST = 200
"""Characters of a topic."""


def complete(address: str, site: str) -> str:
    """Return the whole address. One without a broker is a topic below the site's own at the platform's broker.

    Raises `ValidationError` with a sentence for an address that cannot be used.
    """
    if "://" not in address:
        topic = "/".join(part for part in (OWN, site, address.strip("/")) if part)
        _check_topic(topic)
        return topic
    try:
        url = urlsplit(address)
        host, topic = url.hostname or "", url.path.removeprefix("/")
        url.port  # noqa: B018  (raises for one that is no number)
    except ValueError:
        raise ValidationError({"address": _EXAMPLE}) from None
    if url.scheme not in ("mqtt", "mqtts") or not host or set(address) & set("?#"):
        raise ValidationError({"address": _EXAMPLE})
    _check_topic(topic)
    return address


_EXAMPLE = (
    "Give a topic of the site such as “alarms”, or a broker with a topic such as"
    " mqtts://user:password@mqtt.example.com/alarms. In a password, # is written %23, and / is written %2F."
)


def _check_topic(topic: str) -> None:
    if not topic or len(topic) > LONGEST or any(c in "+#" or not c.isprintable() for c in topic):
        raise ValidationError({"address": f"Give a topic of at most {LONGEST} characters, without + and #."})
    if topic.startswith(OF_CAMERAS):
        raise ValidationError({"address": f"The topic {topic} belongs to cameras. Choose another one."})


def shown(address: str) -> str:
    """Return what may be shown of a whole address: no user, no password."""
    if "://" not in address:
        return address
    url = urlsplit(address)
    return f"{url.hostname}{url.path}"[:120]


def publish(address: str, message: dict[str, str]) -> None:
    """Publish the message as JSON with QoS 1. Raises `Failed`, and `Refused` for a broker in a private network."""
    payload = json.dumps(message).encode()
    try:
        if "://" not in address:
            broker.publish(address, payload)
            return
        url = urlsplit(address)
        ip = checked(url.hostname or "", url.port or (8883 if url.scheme == "mqtts" else 1883))
        broker.publish_elsewhere(address, ip, url.path.removeprefix("/"), payload)
    except broker.BrokerUnavailable as error:
        raise Failed(str(error)) from None
