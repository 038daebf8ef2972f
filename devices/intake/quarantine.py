"""The size of the quarantine: counts of its messages, and the limit on their payloads."""

import logging
from typing import Any, NamedTuple

from django.db import models, transaction
from django.db.models import F, Sum
from django.utils import timezone

from devices.models import Heartbeat, QuarantinedMessage

log = logging.getLogger(__name__)


MAX_QUARANTINE_BYTES = 256 * 1024 * 1024
"""Limit on the payloads of all quarantined messages: about a million small messages, or two thousand of the largest."""


def bound_quarantine(*, most_bytes: int = MAX_QUARANTINE_BYTES) -> int:
    """Delete messages until the quarantine is within its limit: replayed ones first, then the oldest.

    Returns how many were deleted. Those that were never replayed are lost: they are added to the counter in the
    heartbeat "quarantine", and logged as an error.
    """
    messages = QuarantinedMessage.objects.all()
    excess = (messages.aggregate(total=Sum("size"))["total"] or 0) - most_bytes
    if excess <= 0:
        return 0
    deleted = []
    for pk, size in messages.order_by(F("replayed_at").asc(nulls_last=True), "received_at", "pk").values_list(
        "pk", "size"
    ):
        deleted.append(pk)
        excess -= size
        if excess <= 0:
            break
    with transaction.atomic():
        lost = messages.filter(pk__in=deleted, replayed_at=None).count()
        messages.filter(pk__in=deleted).delete()
        _count_overflow(lost)
    if lost:
        log.error(
            "The quarantine was full, and its %d oldest messages were deleted. See the reasons in the admin.", lost
        )
    return len(deleted)


def _count_overflow(lost: int) -> None:
    overflow, _ = Heartbeat.objects.select_for_update().get_or_create(
        process="quarantine", defaults={"at": timezone.now()}
    )
    overflow.at = timezone.now()
    overflow.numbers = {"overflowed_messages_total": overflow.numbers.get("overflowed_messages_total", 0) + lost}
    overflow.save()


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
