"""The MQTT messages for Home Assistant: the announcement of each sensor, and its state. Pure.

A sensor is announced on `<prefix>/sensor/<id>/config`, the topic of Home Assistant's MQTT discovery. All sensors of a
device read one state topic. The sensors of numbers are available while the device is online; all sensors become
unavailable `SILENT_FOR_SECONDS` after the platform's last message.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from devices.models import PictureProblem

EVERY_SECONDS = 60
"""The interval at which the platform publishes the states."""

SILENT_FOR_SECONDS = 3 * EVERY_SECONDS
"""The time without a message after which Home Assistant shows a sensor as unavailable."""

ONLINE, OFFLINE = "online", "offline"

NO_PROBLEM = "none"
"""Stands for a picture that the device does not complain of."""

NUMBERS: Mapping[str, Mapping[str, Any]] = {
    "people": {"name": "People facing now", "icon": "mdi:account-eye", "unit_of_measurement": "people"},
    "engagement": {
        "name": "Engagement this hour",
        "icon": "mdi:eye-outline",
        "unit_of_measurement": "people",
        "suggested_display_precision": 2,
    },
    "visits": {"name": "Visits today", "icon": "mdi:account-group", "state_class": "total_increasing"},
    "viewers": {"name": "Viewers today", "icon": "mdi:account-check", "state_class": "total_increasing"},
    "passers_by": {"name": "Passers-by today", "icon": "mdi:walk", "state_class": "total_increasing"},
    "conversion": {"name": "Conversion today", "icon": "mdi:percent-outline", "unit_of_measurement": "%"},
    "dwell": {"name": "Median dwell today", "icon": "mdi:timer-outline", "unit_of_measurement": "s"},
    "attention": {"name": "Median attention today", "icon": "mdi:timer-check-outline", "unit_of_measurement": "s"},
    "thumbs_up": {"name": "Thumbs-up today", "icon": "mdi:thumb-up", "state_class": "total_increasing"},
}
"""The discovery attributes of each sensor, under the sensor's key in the state and in `DeviceNow`."""

Messages = dict[str, bytes]
"""Payloads by topic."""


@dataclass(frozen=True, slots=True)
class DeviceNow:
    """The state of a device; None stands for an unknown number."""

    thing: str
    """The thing name, unique and valid in a topic."""
    name: str
    site: str
    software: str
    online: bool
    people: int | None
    """The number of people in the latest frame."""
    engagement: float | None
    """The average number of people in this hour."""
    visits: int | None
    """The people who came today."""
    viewers: int | None
    """Those of them who faced the display for a second or more."""
    passers_by: int | None
    """The people who came, if the device looks for bodies, too."""
    conversion: float | None
    """Viewers of 100 passers-by."""
    dwell: float | None
    """The median of today's visits, in seconds."""
    attention: float | None
    """The median of today's visits, in seconds."""
    thumbs_up: int | None
    picture: str | None
    """What the device says is wrong with its picture, or `NO_PROBLEM`; None from a device without a status."""


def announcements(prefix: str, devices: Iterable[DeviceNow]) -> Messages:
    """Return the retained messages that announce the sensors."""
    return {
        f"{prefix}/sensor/{_sensor_id(device, key)}/config": _json(_config(prefix, device, key))
        for device in devices
        for key in (*NUMBERS, "picture", "online")
    }


def states(prefix: str, devices: Iterable[DeviceNow]) -> Messages:
    """Return the retained messages with the states and the availability of the devices."""
    messages: Messages = {}
    for device in devices:
        numbers = {key: getattr(device, key) for key in NUMBERS}
        told = {**numbers, "picture": device.picture, "online": _availability(device)}
        messages[_topic(prefix, device, "state")] = _json(told)
        messages[_topic(prefix, device, "availability")] = _availability(device).encode()
    return messages


def _config(prefix: str, device: DeviceNow, key: str) -> dict[str, Any]:
    shared = {
        "unique_id": _sensor_id(device, key),
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
    if key == "picture":
        kind = {"device_class": "enum", "options": [NO_PROBLEM, *PictureProblem], "entity_category": "diagnostic"}
        return {**shared, "name": "Picture problem", "icon": "mdi:camera-iris", **kind, **available}
    return {**shared, "state_class": "measurement", **NUMBERS[key], **available}


def _sensor_id(device: DeviceNow, key: str) -> str:
    if ":" in device.thing:
        # A colon is not valid in the topic of a discovery message, and no replacement of it is unique. The “-” tells
        # the hash from a thing that has the hash for its name.
        return f"headcount-{hashlib.blake2b(device.thing.encode(), digest_size=16).hexdigest()}_{key}"
    return f"headcount_{device.thing}_{key}"


def _topic(prefix: str, device: DeviceNow, name: str) -> str:
    return f"{prefix}/headcount/{device.thing}/{name}"


def _availability(device: DeviceNow) -> str:
    return ONLINE if device.online else OFFLINE


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
