"""Rows of notices for tests of other rooms."""

import datetime as dt

from devices.models import Device, Site, Thing
from notifications.letters import services as letters
from notifications.models import ChannelKind, Kind, Letter, Notice, Rule, Unit
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


def made_letter(site: Site) -> Letter:
    """Return the letter of the site's latest week; its cameras need not have seen anything."""
    first = letters.latest_period(Unit.WEEK, site.zone, clock.now())
    Thing.objects.update(created_at=clock.now() - dt.timedelta(days=14))
    letter = letters.make_letter(site=site, unit=Unit.WEEK, first=first, now=clock.now())
    assert letter is not None
    return letter
