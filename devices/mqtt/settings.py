"""Publishes the desired settings of devices, and publishes them again until the devices report them."""

import logging

import msgspec
from django.db import models

from devices.isolation import each
from devices.models import Device
from devices.mqtt import broker
from devices.mqtt.broker import BrokerUnavailable
from edge_agent.messages import topic_to_device

log = logging.getLogger(__name__)


def send_config(*, device: Device) -> None:
    """Publish the device's desired settings, retained, for now or its next connection. Raises `BrokerUnavailable`."""
    # Never an empty payload: it would remove the retained message, and an absent device would keep its old settings.
    payload = msgspec.json.encode(device.desired_config)
    broker.publish(topic_to_device(device.thing_name, "config"), payload, retain=True)
    # The filter leaves the device as unsent if somebody changed its settings again meanwhile.
    Device.objects.filter(pk=device.pk, config_unsent_since=device.config_unsent_since).update(config_unsent_since=None)
    device.config_unsent_since = None


def send_missing_configs() -> int:
    """Publish the settings that the broker never got or has lost. Return the number of devices."""
    away: list[BrokerUnavailable] = []

    def send(device: Device) -> int:
        if away:
            return 0
        try:
            send_config(device=device)
        except BrokerUnavailable as error:
            log.warning("The settings of %s could not be sent and are tried again: %s", device, error)
            away.append(error)
            return 0
        return 1

    return sum(each(devices_to_configure(), send, what="sending the settings of"))


def devices_to_configure() -> list[Device]:
    """Return the devices whose settings were never published, and those that are online with other settings.

    The latter happens when a broker has lost its retained messages. A device that reported why it refuses its settings
    is left out.
    """
    unsent = models.Q(config_unsent_since__isnull=False)
    may_differ = models.Q(state__online=True, state__config_error="", state__reported_config__isnull=False)
    devices = Device.objects.filter(unsent | may_differ).select_related("state").order_by("config_unsent_since", "pk")
    return [device for device in devices if device.config_unsent_since is not None or _differs(device)]


def _differs(device: Device) -> bool:
    reported = device.state.reported_config or {}
    return any(reported.get(name) != value for name, value in device.desired_config.items())
