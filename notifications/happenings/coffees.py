"""Notes each coffee that is counted, in the transaction that counts it."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from faces.models import Coffee
from notifications.happenings.sink import write
from notifications.models import TOLD_WITHIN, Happening, Kind


def note(sender: Any, *, coffees: Sequence[Coffee], **_: Any) -> None:
    """Note these new coffees, unless their pictures came late; a receiver of `coffees_counted`."""
    now = timezone.now()
    write(
        Happening(
            site_id=coffee.device.site_id,
            kind=Kind.COFFEE,
            key=str(coffee.pk),
            device=coffee.device,
            person=coffee.person_id,
            count=Coffee.objects.counted().filter(person=coffee.person_id).count() if coffee.person_id else 1,
            at=coffee.taken_at,
            noted_at=now,
        )
        for coffee in coffees
        if now - coffee.taken_at < TOLD_WITHIN
    )
