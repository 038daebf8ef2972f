"""Takes in quarantined messages by the same intake, so that nothing counts twice."""

import datetime as dt
from collections.abc import Callable

from django.db import transaction

from devices.intake import batches
from devices.intake.decoding import Arrival, Rejection
from devices.models import QuarantinedMessage

_take_in: dict[str, Callable[[Arrival], None]] = {"": batches.take_in}


def register_way(prefix: str, take_in: Callable[[Arrival], None]) -> None:
    """Replay quarantined messages whose topic begins with `prefix` by calling `take_in`.

    `take_in` raises `Rejection` if the message still cannot be taken in, and then must have written nothing.
    """
    _take_in[prefix] = take_in


@transaction.atomic
def replay_quarantined(*, message: QuarantinedMessage, now: dt.datetime) -> bool:
    """Take this message in as if it had been accepted when it arrived; return whether that succeeded.

    If it is rejected again, its reason and detail are replaced by the new ones. A message that was replayed before is
    left alone, and counts as a success.
    """
    if not QuarantinedMessage.objects.filter(pk=message.pk, replayed_at=None).update(replayed_at=now):
        return True
    arrival = Arrival(message.topic, bytes(message.payload), message.received_at)
    try:
        longest = max((prefix for prefix in _take_in if arrival.topic.startswith(prefix)), key=len)
        _take_in[longest](arrival)
    except Rejection as rejection:
        QuarantinedMessage.objects.filter(pk=message.pk).update(
            replayed_at=None, reason=rejection.reason, detail=str(rejection)
        )
        return False
    return True
