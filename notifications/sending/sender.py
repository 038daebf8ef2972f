"""Sends the notices that are due: each channel by itself, so that a slow or dead one delays no other."""

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F

from notifications.models import Channel, Notice, State
from notifications.sending import channels, secret_texts
from notifications.sending.addresses import Failed, Refused
from notifications.sending.channels import Message

log = logging.getLogger(__name__)

LEASE = dt.timedelta(minutes=2)
"""How long a notice belongs to the process that sends it: longer than any channel takes. Then another one tries."""

FIRST_WAIT, LONGEST_WAIT = dt.timedelta(seconds=5), dt.timedelta(hours=1)
"""Waits between attempts double from the first to the longest."""

MOST_ATTEMPTS = 20
"""After so many attempts, over half a day, a notice is a dead letter."""

AT_ONCE = 100
"""Notices that are fetched at a time."""

GROUPED_FROM = 3
"""So many notices of a rule that are due at once go out as one message."""

LISTED = 20
"""Lines of such a message; it counts the others."""

THREADS = 16


@dataclass(frozen=True, slots=True)
class Letter:
    """A message for a channel, and the notices that it tells."""

    channel: Channel
    message: Message
    notices: Sequence[Notice]


class Sender:
    """Sends in threads, at most one letter of each channel at a time. Only the caller's thread uses the database."""

    def __init__(self, *, clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, "notify")
        self._busy: dict[int, tuple[Letter, Future[None]]] = {}

    def step(self) -> int:
        """Record what was sent, begin to send what is due, and return how many letters were begun."""
        self._collect()
        letters = letters_due(now=self._clock(), without=self._busy.keys())
        for letter in letters:
            self._busy[letter.channel.pk] = (letter, self._threads.submit(_send, letter))
        return len(letters)

    def finish(self) -> None:
        """Wait for what is under way, and record it."""
        self._threads.shutdown(wait=True)
        self._collect()

    def _collect(self) -> None:
        for number, (letter, future) in [*self._busy.items()]:
            if future.done():
                del self._busy[number]
                record(letter, future.exception(), now=self._clock())


def _send(letter: Letter) -> None:
    secrets = secret_texts.decrypt(letter.channel.secrets) if letter.channel.secrets else {}
    channels.send(letter.channel.kind, secrets, letter.message)


@transaction.atomic
def letters_due(*, now: dt.datetime, without: Iterable[int] = ()) -> list[Letter]:
    """Take the notices that are due, and return a letter for each channel that has any, but for the busy ones.

    The attempt is counted before the letter is sent, so that a notice at which the process ends is not tried for ever.
    """
    due = Notice.objects.filter(state=State.WAITING, next_try_at__lte=now, channel__enabled=True)
    due = due.exclude(channel__in=list(without)).order_by("next_try_at", "created_at")
    if connection.features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True, of=("self",))
    by_channel: dict[int, list[Notice]] = defaultdict(list)
    for notice in due.select_related("channel__site", "rule__site")[:AT_ONCE]:
        by_channel[notice.channel_id].append(notice)
    letters = [_letter(notices) for notices in by_channel.values()]
    taken = [notice.pk for letter in letters for notice in letter.notices]
    Notice.objects.filter(pk__in=taken).update(attempts=F("attempts") + 1, next_try_at=now + LEASE)
    return letters


def _letter(notices: Sequence[Notice]) -> Letter:
    """Return the first of a channel's notices as a letter, or all of its rule that are due, if they are many."""
    first = notices[0]
    same = [notice for notice in notices if notice.rule_id == first.rule_id]
    told = same if len(same) >= GROUPED_FROM else [first]
    subject, text = first.subject, first.text
    if len(told) > 1:
        subject = f"{first.rule.site.name}: {len(told)} notices"
        more = len(told) - LISTED
        text = "\n".join([*(notice.text for notice in told[:LISTED]), *([f"and {more} more."] if more > 0 else [])])
    message = Message(str(first.pk), first.rule.kind, first.rule.site.slug, subject, text, first.happened_at)
    return Letter(first.channel, message, told)


@transaction.atomic
def record(letter: Letter, error: BaseException | None, *, now: dt.datetime) -> None:
    """Store how the sending of a letter ended."""
    notices = Notice.objects.filter(pk__in=[notice.pk for notice in letter.notices])
    if error is None:
        first = letter.notices[0].pk
        notices.update(state=State.SENT, sent_at=now, next_try_at=None, problem="", sent_with=first)
        Channel.objects.filter(pk=letter.channel.pk).update(last_sent_at=now, problem="")
        return
    known = isinstance(error, (Failed, Refused, secret_texts.Unreadable))
    sentence = str(error) if known else f"Sending it failed unexpectedly: {error}."
    if not known:
        log.error("A notice for channel %d could not be sent.", letter.channel.pk, exc_info=error)
    Channel.objects.filter(pk=letter.channel.pk).update(problem=sentence)
    attempts = letter.notices[0].attempts + 1
    if isinstance(error, (Refused, secret_texts.Unreadable)) or attempts >= MOST_ATTEMPTS:
        notices.update(state=State.DEAD, next_try_at=None, problem=sentence)
        return
    wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
    if isinstance(error, Failed) and error.retry_after_s is not None:
        wait = max(wait, min(dt.timedelta(seconds=error.retry_after_s), LONGEST_WAIT))
    notices.update(next_try_at=now + wait, problem=sentence)
