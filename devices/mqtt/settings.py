"""Settings that devices are told to have: sent by the broker, again and again until they have taken them."""

import logging

import msgspec
from django.db import models

from devices.models import Device
from devices.mqtt import broker
from devices.mqtt.broker import BrokerUnavailable
from edge_agent.messages import topic_to_device

log = logging.getLogger(__name__)


def send_config(*, device: Device) -> None:
    """Tell the device, now or whenever it connects, which settings it shall have. Raises `BrokerUnavailable`."""
    # Never an empty payload, which would tell nothing to a device that is away: it keeps what it was told last.
    payload = msgspec.json.encode(device.desired_config)
    broker.publish(topic_to_device(device.thing_name, "config"), payload, retain=True)
    # Not where they were changed again meanwhile.
    Device.objects.filter(pk=device.pk, config_unsent_since=device.config_unsent_since).update(config_unsent_since=None)
    device.config_unsent_since = None


def send_missing_configs() -> int:
    """Send the settings that the broker has not been told, or has forgotten; answers how many devices were told."""
    sent = 0
    for device in devices_to_be_told():
        try:
            send_config(device=device)
        except BrokerUnavailable as error:
            log.warning("The settings of %s wait: %s", device, error)
            break
        sent += 1
    return sent


def devices_to_be_told() -> list[Device]:
    """The devices whose settings the broker has not been told, and those that are online without having taken them.

    A broker that lost its disk has forgotten what it retained. A device that said why it does not take its settings
    need not be told again.
    """
    unsent = models.Q(config_unsent_since__isnull=False)
    may_differ = models.Q(state__online=True, state__config_error="", state__reported_config__isnull=False)
    devices = Device.objects.filter(unsent | may_differ).select_related("state").order_by("config_unsent_since", "pk")
    return [device for device in devices if device.config_unsent_since is not None or _differs(device)]


def _differs(device: Device) -> bool:
    reported = device.state.reported_config or {}
    return any(reported.get(name) != value for name, value in device.desired_config.items())
