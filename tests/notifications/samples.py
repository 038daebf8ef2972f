"""Rows of notices for tests of other rooms."""

from devices.models import Device
from notifications.models import ChannelKind, Kind, Notice, Rule
from notifications.rules import services as rules
from notifications.sending import services as sending
from tests import clock


def sent_notice(device: Device) -> Notice:
    """Return a notice about the device, with a rule and a channel of its site."""
    channel, _ = sending.add_channel(site=device.site, kind=ChannelKind.INBOX, name="Inbox", address="")
    rule = rules.save_rule(rule=Rule(site=device.site, kind=Kind.CAMERA_OFF), channels=[channel])
    return Notice.objects.create(
        rule=rule, channel=channel, subject="Off", text="It is off.", happened_at=clock.now(), created_at=clock.now()
    )
