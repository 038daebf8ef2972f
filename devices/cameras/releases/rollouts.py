"""Rollouts: boxes install a version of the agent in waves, and a failure stops the waves that follow.

The first wave is one box. The second is a tenth of all, and the third the rest. A wave begins when each box of the
waves before it runs the new version.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count
from django.urls import reverse

from devices.audit.recording import record
from devices.models import Action, AgentRelease, AgentUpdate, Device, Rollout, Thing

if TYPE_CHECKING:
    from devices.models import User

log = logging.getLogger(__name__)

SECOND_WAVE = 0.1
"""Share of the boxes, beyond the first, that update before all others do."""


def waves(count: int) -> list[int]:
    """Return the wave of each of so many boxes: one 0, then a tenth of the others 1, the rest 2."""
    second = 1 + round((count - 1) * SECOND_WAVE)
    return [0 if number == 0 else 1 if number < second else 2 for number in range(count)]


@transaction.atomic
def start_rollout(*, things: Sequence[Thing], version: str, by: "User | None", now: dt.datetime) -> Rollout:
    """Pin this version for these things, in place of what was pinned for them. Raises `ValidationError`.

    The things are updated in their order: put first whose failure matters least.
    """
    release = AgentRelease.objects.defer("wheel").filter(version=version).first()
    if release is None:
        raise ValidationError(f"The platform has no version “{version}” of the agent.")
    if not things:
        raise ValidationError("Select at least one camera.")
    rollout = Rollout.objects.create(release=release, started_at=now, started_by=by)
    AgentUpdate.objects.filter(thing__in=things).delete()
    AgentUpdate.objects.bulk_create(
        AgentUpdate(thing=thing, rollout=rollout, wave=wave)
        for thing, wave in zip(things, waves(len(things)), strict=True)
    )
    names = [thing.name for thing in things]
    here = Device.objects.open().filter(thing__name__in=names).order_by()
    for site, cameras in here.values_list("site").annotate(cameras=Count("pk")):
        record(
            action=Action.CHANGED,
            subject="version of the agent",
            label=version,
            site=site,
            changes={"cameras": [None, cameras]},
            by=by,
        )
    return rollout


def next_release(*, thing: Thing, version: str, failed: str, why: str, now: dt.datetime) -> dict[str, Any] | None:
    """Note which version the box runs, or which failed and why; return the one that it shall install now, if any."""
    update = AgentUpdate.objects.filter(thing=thing).select_related("rollout").first()
    if update is None:
        return None
    release = AgentRelease.objects.defer("wheel").get(pk=update.rollout.release_id)
    if failed and failed == release.version:
        AgentUpdate.objects.filter(pk=update.pk).update(failure=why or "The box gave no reason.", done_at=None)
        log.error("The update of %s to %s failed: %s", thing, failed, why)
        return None
    if version == release.version:
        if update.done_at is None:
            AgentUpdate.objects.filter(pk=update.pk).update(done_at=now, failure="")
        return None
    if update.failure or not version:
        return None
    others = AgentUpdate.objects.filter(rollout=update.rollout)
    if others.exclude(failure="").exists() or others.filter(wave__lt=update.wave, done_at=None).exists():
        return None
    path = reverse("agent-wheel", args=[release.file_name]).replace("+", "%2B")
    return {"version": release.version, "sha256": release.sha256, "path": path}


@transaction.atomic
def retry(*, rollout: Rollout) -> int:
    """Let the boxes whose update failed try again, and the waves go on. Return how many."""
    return AgentUpdate.objects.filter(rollout=rollout).exclude(failure="").update(failure="")


@dataclass(frozen=True)
class RolloutState:
    """How far a rollout has come."""

    rollout: Rollout
    done: int
    failed: int
    total: int
    failure: str
    """Why the first that failed did."""

    @property
    def is_stopped(self) -> bool:
        return self.failed > 0
