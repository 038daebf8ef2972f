"""Takes the notices that are due, a message for each channel, and records what became of them."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.urls import reverse

from faces.models import Capture
from faces.pictures import storage
from notifications.models import Channel, Kind, Notice, State
from notifications.rules import escalating, words
from notifications.rules.matching import COLLECTED_FOR
from notifications.sending import channels, pictures, secret_texts
from notifications.sending.channels import Message
from notifications.sending.retrying import LEASE, outcome

AT_ONCE = 100
"""Notices that are fetched at a time."""

GROUPED_FROM = 3
"""So many notices of a rule that are due at once go out as one message."""

MOST_OF_A_SITE = 4
"""So many channels of one site are under way at a time: its slow ones keep no other site waiting."""

LISTED = 20
"""Lines of such a message; it counts the others."""


@dataclass(frozen=True, slots=True)
class NoticeParcel:
    """A message for a channel, and the notices that it tells."""

    channel: Channel
    message: Message
    notices: Sequence[Notice]
    picture: Capture | None = None

    @property
    def place(self) -> Hashable:
        return ("channel", self.channel.pk, self.channel.site_id)

    def send(self) -> None:
        """Send the message through the channel. Raises `Failed`, `Refused` and `Unreadable`."""
        secrets = secret_texts.decrypt(self.channel.secrets) if self.channel.secrets else {}
        message = self.message
        if self.picture is not None:
            # A picture that was erased meanwhile is not sent.
            with suppress(OSError):
                message = replace(message, picture=storage.read(self.picture))
        channels.send(self.channel.kind, secrets, message)

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
    soon = Q(rule__kind=Kind.CAMERA_OFF, attempts=0)
    due = Notice.objects.filter(Q(next_try_at__lte=now) | soon, state=State.WAITING, channel__enabled=True)
    due = due.filter(next_try_at__lte=now + COLLECTED_FOR)
    places = [place for place in busy if isinstance(place, tuple) and place[0] == "channel"]
    under_way = Counter(site for _, _, site in places)
    full = [site for site, count in under_way.items() if count >= MOST_OF_A_SITE]
    due = due.exclude(channel__in=[channel for _, channel, _ in places]).exclude(channel__site__in=full)
    due = due.order_by("next_try_at", "created_at")
    if connection.features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True, of=("self",))
    by_channel: dict[int, list[Notice]] = defaultdict(list)
    for notice in due.select_related("channel__site", "rule__site", "happening__device")[:AT_ONCE]:
        by_channel[notice.channel_id].append(notice)
    # The first notice is due first; what is due soon comes along where it can be told together.
    parcels = []
    for notices in by_channel.values():
        site = notices[0].channel.site_id
        if _is_due(notices[0], now) and under_way[site] < MOST_OF_A_SITE:
            under_way[site] += 1
            parcels.append(_parcel(notices, now))
    for parcel in parcels:
        taken = Notice.objects.filter(pk__in=[notice.pk for notice in parcel.notices])
        taken.update(attempts=F("attempts") + 1, next_try_at=now + LEASE, sent_with=parcel.message.id)
    return parcels


def _is_due(notice: Notice, now: dt.datetime) -> bool:
    return notice.next_try_at is not None and notice.next_try_at <= now


def _parcel(notices: Sequence[Notice], now: dt.datetime) -> NoticeParcel:
    """Return the first of a channel's notices, or all of its rule that are due, if they are many.

    What was tried together is tried together again with the same id, so that a receiver knows it again.
    """
    first = notices[0]
    if first.sent_with is not None:
        again = Notice.objects.filter(channel=first.channel_id, sent_with=first.sent_with, state=State.WAITING)
        again = again.select_related("happening__device")
        told = list(again.order_by("next_try_at", "created_at", "pk"))
    else:
        same = [each for each in notices if each.rule_id == first.rule_id and each.sent_with is None]
        told = same if len(same) >= GROUPED_FROM else [first]
    number, rule = str(first.sent_with or first.pk), first.rule
    subject, text = (told[0].subject, told[0].text) if len(told) == 1 else _together(first, told)
    picture = pictures.find_picture(first, now) if len(told) == 1 else None
    message = Message(
        number,
        rule.kind,
        rule.site.slug,
        subject,
        text,
        first.happened_at,
        acknowledge=_link_to_acknowledge(number) if any(each.escalate_at for each in told) else "",
        picture_url=pictures.link_to(first) if picture else "",
    )
    return NoticeParcel(first.channel, message, told, picture)


def _together(first: Notice, told: Sequence[Notice]) -> tuple[str, str]:
    """Return the subject and the text of several notices of a rule: one sentence about cameras, or a line for each."""
    rule = first.rule
    devices = {each.happening.device for each in told if each.happening and each.happening.device}
    names = sorted(device.name for device in devices)
    is_alarm = rule.escalate_after_min and not rule.channels.filter(pk=first.channel_id).exists()
    if rule.kind in words.MANY and len(names) == len(told) and not is_alarm:
        text = words.many(Kind(rule.kind), rule.site, names, listed=LISTED)
        return words.shorten(f"{rule.site.name}: {text}", 120), text
    more = len(told) - LISTED
    lines = [*(notice.text for notice in told[:LISTED]), *([f"and {more} more."] if more > 0 else [])]
    return f"{rule.site.name}: {len(told)} notices", "\n".join(lines)


def _link_to_acknowledge(number: str) -> str:
    return f"{settings.PAGES_URL}{reverse('acknowledge', args=[escalating.token_of(number)])}"
