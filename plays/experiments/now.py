"""What a screen shall show now, for any player that asks."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q

from plays.models import Arm, Block, Content, Screen


@dataclass(frozen=True, slots=True)
class Now:
    """What a screen shall show, and until when."""

    content: Content | None
    """None where no experiment decides: the player shows what it likes."""
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


def what_now(screens: Iterable[Screen], *, now: dt.datetime) -> dict[int, Now]:
    """Return what each of these screens shall show now, by the screen's key; in two queries."""
    keys = [screen.pk for screen in screens]
    under_way = Block.objects.filter(experiment__screen__in=keys, ends_at__gt=now).filter(
        Q(experiment__stopped_at=None)
    )
    current = under_way.filter(starts_at__lte=now).annotate(screen=F("experiment__screen"))
    found: dict[int, Now] = {}
    blocks = {block.screen: block for block in current}
    arms = {
        (arm.experiment_id, arm.number): arm.content
        for arm in Arm.objects.filter(experiment__in=[block.experiment_id for block in blocks.values()]).select_related(
            "content"
        )
    }
    for screen, block in blocks.items():
        found[screen] = Now(arms[block.experiment_id, block.arm], block.ends_at, block.experiment_id)
    for screen in keys:
        if screen not in found:
            following = under_way.filter(experiment__screen=screen, starts_at__gt=now).order_by("starts_at").first()
            found[screen] = Now(None, following.starts_at if following else None)
    return found
