"""The quarantine: how many messages wait in it, and how it is kept within its bound."""

import logging
from typing import Any

from django.db import models, transaction
from django.db.models import F, Sum
from django.utils import timezone

from devices.models import Heartbeat, QuarantinedMessage

log = logging.getLogger(__name__)


MAX_QUARANTINE_BYTES = 256 * 1024 * 1024
"""Payloads that the quarantine holds at most: some million odd messages, or two thousand of the largest."""


def bound_quarantine(*, most_bytes: int = MAX_QUARANTINE_BYTES) -> int:
    """Keep the quarantine within its bound: what was replayed goes first, then the oldest.

    Answers how many messages went; each is counted for good in the heartbeat "quarantine", and logged as an error.
    """
    messages = QuarantinedMessage.objects.all()
    excess = (messages.aggregate(total=Sum("size"))["total"] or 0) - most_bytes
    if excess <= 0:
        return 0
    going = []
    for pk, size in messages.order_by(F("replayed_at").asc(nulls_last=True), "received_at", "pk").values_list(
        "pk", "size"
    ):
        going.append(pk)
        excess -= size
        if excess <= 0:
            break
    with transaction.atomic():
        lost = messages.filter(pk__in=going, replayed_at=None).count()
        messages.filter(pk__in=going).delete()
        _count_overflow(lost)
    if lost:
        log.error("The quarantine is full: its %d oldest messages are gone for good. Look at its reasons.", lost)
    return len(going)


def _count_overflow(lost: int) -> None:
    overflow, _ = Heartbeat.objects.select_for_update().get_or_create(
        process="quarantine", defaults={"at": timezone.now()}
    )
    overflow.at = timezone.now()
    overflow.numbers = {"overflowed_messages_total": overflow.numbers.get("overflowed_messages_total", 0) + lost}
    overflow.save()


def quarantined_counts(messages: models.QuerySet[Any]) -> list[tuple[str | None, str, int]]:
    """Of these quarantined messages, how many wait for a replay: by device's name (None: unknown) and reason code."""
    waiting = messages.filter(replayed_at=None).order_by()
    counts = waiting.values("device__name", "reason").annotate(messages=models.Count("pk"))
    return [(row["device__name"], row["reason"], row["messages"]) for row in counts.order_by("device__name", "reason")]
