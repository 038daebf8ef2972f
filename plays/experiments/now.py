"""What a screen shall show now, for any player that asks."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Min

from plays.models import Arm, Block, Content, Screen


@dataclass(frozen=True, slots=True)
class Now:
    """What a screen shall show, and until when."""

    content: Content | None
    """None where neither an experiment decides nor the screen has a usual content: the player shows what it likes."""
    until: dt.datetime | None
    """When to ask again at the latest; None where nothing is planned."""
    experiment: int | None = None

    def as_json(self) -> dict[str, Any]:
        content = self.content
        return {
            "content": content.key if content else None,
            "name": content.name if content else None,
            "address": (content.address or None) if content else None,
            "until": self.until.isoformat() if self.until else None,
            "experiment": self.experiment,
        }


def what_now(screens: Collection[Screen], *, now: dt.datetime) -> dict[int, Now]:
    """Return what each of these screens shall show now, by the screen's key; in four queries."""
    blocks = Block.objects.filter(
        experiment__screen__in=[screen.pk for screen in screens], experiment__stopped_at=None, ends_at__gt=now
    ).order_by()
    begins = dict(blocks.filter(starts_at__gt=now).values_list("experiment__screen").annotate(Min("starts_at")))
    usual = Content.objects.in_bulk({screen.usual_id for screen in screens} - {None})
    found = {screen.pk: Now(usual.get(screen.usual_id), begins.get(screen.pk)) for screen in screens}
    current = list(blocks.filter(starts_at__lte=now).annotate(screen=F("experiment__screen")))
    shown = Arm.objects.filter(experiment__in=[block.experiment_id for block in current]).select_related("content")
    arms = {(arm.experiment_id, arm.number): arm.content for arm in shown}
    for block in current:
        found[block.screen] = Now(arms[block.experiment_id, block.arm], block.ends_at, block.experiment_id)
    return found
