"""What Home Assistant is told over MQTT: which sensors there are, and what each says now. Pure.

A sensor is announced on `<prefix>/sensor/<id>/config`, as Home Assistant's MQTT discovery wants it. All sensors of a
device read one state topic; the numbers are available while the device is, and all of them only while we go on telling.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

EVERY_SECONDS = 60
"""How often the states are told."""

SILENT_FOR_SECONDS = 3 * EVERY_SECONDS
"""After so long without a word from us Home Assistant shows a sensor as unavailable."""

ONLINE, OFFLINE = "online", "offline"

NUMBERS: Mapping[str, Mapping[str, Any]] = {
    "people": {"name": "People facing now", "icon": "mdi:account-eye", "unit_of_measurement": "people"},
    "engagement": {
        "name": "Engagement this hour",
        "icon": "mdi:eye-outline",
        "unit_of_measurement": "people",
        "suggested_display_precision": 2,
    },
    "thumbs_up": {"name": "Thumbs-up today", "icon": "mdi:thumb-up", "state_class": "total_increasing"},
}
"""By key in the state: what makes a sensor of it."""

Messages = dict[str, bytes]
"""Payload by topic."""


@dataclass(frozen=True, slots=True)
class DeviceNow:
    """What is told of a device. None is unknown, which is not zero."""

    thing: str
    """Its thing name, unique and fit for a topic."""
    name: str
    site: str
    software: str
    online: bool
    people: int | None
    engagement: float | None
    thumbs_up: int | None


def announcements(prefix: str, devices: Iterable[DeviceNow]) -> Messages:
    """The retained messages that make the sensors known, by topic."""
    return {
        f"{prefix}/sensor/{_identity(device, key)}/config": _json(_config(prefix, device, key))
        for device in devices
        for key in (*NUMBERS, "online")
    }


def states(prefix: str, devices: Iterable[DeviceNow]) -> Messages:
    """The retained messages that say how things are, by topic."""
    told: Messages = {}
    for device in devices:
        numbers = {"people": device.people, "engagement": device.engagement, "thumbs_up": device.thumbs_up}
        told[_topic(prefix, device, "state")] = _json({**numbers, "online": _available(device)})
        told[_topic(prefix, device, "availability")] = _available(device).encode()
    return told


def _config(prefix: str, device: DeviceNow, key: str) -> dict[str, Any]:
    shared = {
        "unique_id": _identity(device, key),
        "state_topic": _topic(prefix, device, "state"),
        "value_template": f"{{{{ value_json.{key} }}}}",
        "expire_after": SILENT_FOR_SECONDS,
        "device": {
            "identifiers": [f"headcount_{device.thing}"],
            "name": device.name,
            "manufacturer": "Headcount",
            "suggested_area": device.site,
            **({"sw_version": device.software} if device.software else {}),
        },
        "origin": {"name": "Headcount"},
    }
    if key == "online":
        kind = {"device_class": "enum", "options": [ONLINE, OFFLINE], "entity_category": "diagnostic"}
        return {**shared, "name": "Online", "icon": "mdi:lan-connect", **kind}
    available = {
        "availability_topic": _topic(prefix, device, "availability"),
        "payload_available": ONLINE,
        "payload_not_available": OFFLINE,
    }
    return {**shared, "state_class": "measurement", **NUMBERS[key], **available}


def _identity(device: DeviceNow, key: str) -> str:
    # A thing name may have a colon, which discovery does not take.
    return f"headcount_{device.thing.replace(':', '__')}_{key}"


def _topic(prefix: str, device: DeviceNow, what: str) -> str:
    return f"{prefix}/headcount/{device.thing}/{what}"


def _available(device: DeviceNow) -> str:
    return ONLINE if device.online else OFFLINE


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
