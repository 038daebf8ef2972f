"""The size of the quarantine: counts of its messages, and the limits on what it holds."""

import base64
import datetime as dt
import logging
import threading
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import models, transaction
from django.db.models import Count, F, Max, Sum
from django.utils import timezone

from devices.models import Heartbeat, QuarantinedMessage, Reason
from devices.reading.decoding import thing_of
from edge_agent.messages import is_thing_name

log = logging.getLogger(__name__)


MAX_QUARANTINE_BYTES = 256 * 1024 * 1024
"""Limit on all quarantined messages: about 400,000 small messages, or two thousand of the largest."""

MAX_DEVICE_BYTES = MAX_QUARANTINE_BYTES // 16
"""Limit on the messages of one device, and on those of all unknown devices together. So no device displaces the
messages of many others."""

ROW_BYTES = 512
"""What a message takes besides its payload, about: topic, reason, detail and the index entries."""

BOUNDED_EVERY_BYTES = MAX_DEVICE_BYTES // 16
"""The growth of the quarantine by one process after which that process checks the limits."""

_PICTURE_SIGNS = (b"image_string", b"\xff\xd8\xff", *map(base64.b64encode, (b"\xff\xd8\xff", b"\x89PNG\r\n")))

_growth_lock = threading.Lock()
_growth = 0


def may_hold_picture(topic: str, payload: bytes) -> bool:
    """Whether the message may contain a picture, also where it cannot be decoded."""
    return topic.endswith("/image") or any(sign in payload for sign in _PICTURE_SIGNS)


def note_growth(rows: Iterable[QuarantinedMessage]) -> None:
    """Note that these messages are about to be quarantined; check the limits after the commit if it is time."""
    global _growth
    with _growth_lock:
        _growth += sum(row.size + ROW_BYTES for row in rows)
        if _growth < BOUNDED_EVERY_BYTES:
            return
        _growth = 0
    transaction.on_commit(bound_quarantine, robust=True)


def bound_quarantine(*, most_bytes: int | None = None, most_of_device: int | None = None) -> int:
    """Delete messages until each device and the whole quarantine are within their limits.

    Deletes replayed messages first, then the oldest, and returns how many. Those that were never replayed are lost:
    they are added to the counter in the heartbeat "quarantine", and logged as an error.
    """
    most_bytes = MAX_QUARANTINE_BYTES if most_bytes is None else most_bytes
    most_of_device = MAX_DEVICE_BYTES if most_of_device is None else most_of_device
    messages = QuarantinedMessage.objects.all()
    sizes = messages.order_by().values("device").annotate(total=Sum("size") + Count("pk") * ROW_BYTES)
    by_device = dict(sizes.values_list("device", "total"))
    deleted = 0
    for device, total in by_device.items():
        if total > most_of_device:
            deleted += _delete_oldest(messages.filter(device=device), total - most_of_device)
    if deleted:
        by_device = dict(sizes.values_list("device", "total"))
    excess = sum(by_device.values()) - most_bytes
    return deleted + (_delete_oldest(messages, excess) if excess > 0 else 0)


def _delete_oldest(messages: models.QuerySet[Any], excess: int) -> int:
    """Delete messages of so many bytes in all, replayed ones first, then the oldest; return how many."""
    deleted = []
    ordered = messages.order_by(F("replayed_at").asc(nulls_last=True), "received_at", "pk").values_list("pk", "size")
    for pk, size in ordered.iterator():
        deleted.append(pk)
        excess -= size + ROW_BYTES
        if excess <= 0:
            break
    lost = 0
    for start in range(0, len(deleted), _AT_ONCE):
        with transaction.atomic():
            chunk = messages.filter(pk__in=deleted[start : start + _AT_ONCE])
            lost_now = chunk.filter(replayed_at=None).count()
            chunk.delete()
            count_lost(lost_now, "overflowed_messages_total")
            lost += lost_now
    if lost:
        log.error(
            "The quarantine was full, and its %d oldest messages were deleted. See the reasons in the admin.", lost
        )
    return len(deleted)


_AT_ONCE = 500
"""Messages that one query deletes; SQLite takes a limited number of parameters."""


def count_lost(lost: int, counter: str) -> None:
    """Add to one of the counters in the heartbeat "quarantine". Must be called in a transaction."""
    row, _ = Heartbeat.objects.select_for_update().get_or_create(process="quarantine", defaults={"at": timezone.now()})
    row.at = timezone.now()
    row.numbers = {**row.numbers, counter: row.numbers.get(counter, 0) + lost}
    row.save()


class Quarantined(NamedTuple):
    """How many messages of a device, or of unknown devices (None), wait for one reason."""

    site: str | None
    """The slug of the device's site."""
    device: str | None
    """The name of the device, unique at its site."""
    reason: str
    messages: int


def quarantined_counts(messages: models.QuerySet[Any]) -> list[Quarantined]:
    """Count the messages that were not replayed, by device and reason."""
    waiting = messages.filter(replayed_at=None).order_by()
    names = ("device__site__slug", "device__name", "reason")
    counts = waiting.values_list(*names).annotate(messages=models.Count("pk")).order_by(*names)
    return [Quarantined(*row) for row in counts]


@transaction.atomic
def discard(*, messages: models.QuerySet[Any]) -> int:
    """Delete these messages, which will never be counted, and return how many."""
    pks = list(messages.order_by().values_list("pk", flat=True))
    for start in range(0, len(pks), _AT_ONCE):
        QuarantinedMessage.objects.filter(pk__in=pks[start : start + _AT_ONCE]).delete()
    return len(pks)


class UnknownThing(NamedTuple):
    """A thing that publishes but is registered nowhere, and its quarantined messages."""

    name: str
    messages: int
    latest_at: dt.datetime


MOST_UNKNOWN_TOPICS = 500
"""Topics of unknown things that are looked at, the latest first."""


def unknown_things() -> list[UnknownThing]:
    """Return the things that publish but are registered nowhere, the latest first."""
    waiting = QuarantinedMessage.objects.filter(device=None, reason=Reason.UNKNOWN_DEVICE, replayed_at=None).order_by()
    topics = waiting.values_list("topic").annotate(count=Count("pk"), latest=Max("received_at"))
    things: dict[str, UnknownThing] = {}
    for topic, count, latest in topics.order_by("-latest")[:MOST_UNKNOWN_TOPICS]:
        name = thing_of(topic)
        if is_thing_name(name):
            known = things.get(name, UnknownThing(name, 0, latest))
            things[name] = known._replace(messages=known.messages + count)
    return list(things.values())


def messages_without_place(thing: str) -> models.QuerySet[Any]:
    """Return the quarantined messages that this thing took while it was registered at no place."""
    return _of_thing(QuarantinedMessage.objects.filter(reason=Reason.NO_PLACE, replayed_at=None), thing)


def messages_of_unknown(thing: str) -> models.QuerySet[Any]:
    """Return the quarantined messages of this thing from before it was registered."""
    waiting = QuarantinedMessage.objects.filter(device=None, reason=Reason.UNKNOWN_DEVICE, replayed_at=None)
    return _of_thing(waiting, thing)


def _of_thing(waiting: models.QuerySet[Any], thing: str) -> models.QuerySet[Any]:
    topics = waiting.filter(topic__contains=f"/{thing}/").order_by().values_list("topic", flat=True).distinct()
    return waiting.filter(topic__in=[topic for topic in topics if thing_of(topic) == thing])
