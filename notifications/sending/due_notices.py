"""Takes the notices that are due, a message for each channel, and records what became of them."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F

from notifications.models import Channel, Notice, State
from notifications.sending import channels, secret_texts
from notifications.sending.channels import Message
from notifications.sending.retrying import LEASE, outcome

AT_ONCE = 100
"""Notices that are fetched at a time."""

GROUPED_FROM = 3
"""So many notices of a rule that are due at once go out as one message."""

LISTED = 20
"""Lines of such a message; it counts the others."""


@dataclass(frozen=True, slots=True)
class NoticeParcel:
    """A message for a channel, and the notices that it tells."""

    channel: Channel
    message: Message
    notices: Sequence[Notice]

    @property
    def place(self) -> Hashable:
        return ("channel", self.channel.pk)

    def send(self) -> None:
        """Send the message through the channel. Raises `Failed`, `Refused` and `Unreadable`."""
        secrets = secret_texts.decrypt(self.channel.secrets) if self.channel.secrets else {}
        channels.send(self.channel.kind, secrets, self.message)

    @transaction.atomic
    def record(self, error: BaseException | None, *, now: dt.datetime) -> None:
        """Store how the sending ended, at the notices and at the channel."""
        ended = outcome(error, attempts=self.notices[0].attempts + 1, now=now)
        Notice.objects.filter(pk__in=[notice.pk for notice in self.notices]).update(**ended.fields(now))
        used = {"last_sent_at": now} if ended.state == State.SENT else {}
        Channel.objects.filter(pk=self.channel.pk).update(problem=ended.problem, **used)


@transaction.atomic
def take(*, now: dt.datetime, busy: Collection[Hashable] = ()) -> list[NoticeParcel]:
    """Take the notices that are due, and return a parcel for each channel that has any, except for the busy ones.

    The attempt is counted before the notice is sent, so that a notice at which the process ends is not tried for ever.
    """
    due = Notice.objects.filter(state=State.WAITING, next_try_at__lte=now, channel__enabled=True)
    occupied = [place[1] for place in busy if isinstance(place, tuple) and place[0] == "channel"]
    due = due.exclude(channel__in=occupied).order_by("next_try_at", "created_at")
    if connection.features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True, of=("self",))
    by_channel: dict[int, list[Notice]] = defaultdict(list)
    for notice in due.select_related("channel__site", "rule__site")[:AT_ONCE]:
        by_channel[notice.channel_id].append(notice)
    parcels = [_parcel(notices) for notices in by_channel.values()]
    for parcel in parcels:
        taken = Notice.objects.filter(pk__in=[notice.pk for notice in parcel.notices])
        taken.update(attempts=F("attempts") + 1, next_try_at=now + LEASE, sent_with=parcel.message.id)
    return parcels


def _parcel(notices: Sequence[Notice]) -> NoticeParcel:
    """Return the first of a channel's notices, or all of its rule that are due, if they are many.

    What was tried together is tried together again with the same id, so that a receiver knows it again.
    """
    first = notices[0]
    if first.sent_with is not None:
        again = Notice.objects.filter(channel=first.channel_id, sent_with=first.sent_with, state=State.WAITING)
        told = list(again.order_by("next_try_at", "created_at", "pk"))
    else:
        same = [each for each in notices if each.rule_id == first.rule_id and each.sent_with is None]
        told = same if len(same) >= GROUPED_FROM else [first]
    subject, text = told[0].subject, told[0].text
    if len(told) > 1:
        subject = f"{first.rule.site.name}: {len(told)} notices"
        more = len(told) - LISTED
        text = "\n".join([*(notice.text for notice in told[:LISTED]), *([f"and {more} more."] if more > 0 else [])])
    number, rule = str(first.sent_with or first.pk), first.rule
    message = Message(number, rule.kind, rule.site.slug, subject, text, first.happened_at)
    return NoticeParcel(first.channel, message, told)
