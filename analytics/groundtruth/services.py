"""Every write about ground truth: sessions are started, counted into and deleted by those who run the site."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db import transaction

from analytics.models.groundtruth import GroundTruthCount, GroundTruthSession
from devices.models import Device
from devices.roles import Right

if TYPE_CHECKING:
    from devices.models import User


CLOCK_WAS_SET = dt.timedelta(minutes=1)
"""No request takes so long: if the page's clock seems to have moved by more, somebody has set it."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A count as a page noted it, by the clock of the machine that the page runs on."""

    key: uuid.UUID
    at: dt.datetime
    people: int | None


@transaction.atomic
def start(*, device: Device, by: "User", people: int, now: dt.datetime) -> GroundTruthSession:
    """Begin to count at this device, with so many people there already.

    Raises `PermissionDenied` with a sentence unless this user is operator or owner of the device's site.
    """
    check_role(device, by)
    session = GroundTruthSession.objects.create(device=device, counted_by=by, started_at=now, heard_at=now)
    GroundTruthCount.objects.create(session=session, key=uuid.uuid4(), at=now, people=people)
    return session


@transaction.atomic
def note(
    *,
    session: GroundTruthSession,
    by: "User",
    counts: Sequence[Noted],
    sent_at: dt.datetime,
    ended_at: dt.datetime | None,
    now: dt.datetime,
) -> GroundTruthSession:
    """Keep these counts, each once however often it is sent, and that the page is there; `ended_at` ends the session.

    All times are the page's, whose clock read `sent_at` when the platform's read `now`; what is kept is by the
    platform's. A session ends once. Raises `PermissionDenied` with a sentence unless it is this user's own session.
    """
    if session.counted_by_id != by.pk:
        raise PermissionDenied("Only who started a session counts in it; start one of your own.")
    session = GroundTruthSession.objects.select_for_update().get(pk=session.pk)

    offset = _clock_offset(session, now - sent_at)

    def ours(at: dt.datetime) -> dt.datetime:
        return max(session.started_at, min(now, at + offset))

    GroundTruthCount.objects.bulk_create(
        (GroundTruthCount(session=session, key=each.key, at=ours(each.at), people=each.people) for each in counts),
        ignore_conflicts=True,
    )
    if session.ended_at is None:
        session.heard_at = max(session.heard_at, now)
        session.ended_at = ours(ended_at) if ended_at else None
    session.clock_offset = offset
    session.save(update_fields=["heard_at", "ended_at", "clock_offset"])
    return session


def _clock_offset(session: GroundTruthSession, told: dt.timedelta) -> dt.timedelta:
    """The session's first stays, a slow request's delay included: with one for each, quick taps would change places."""
    known = session.clock_offset
    return told if known is None or abs(told - known) > CLOCK_WAS_SET else known


@transaction.atomic
def discard(*, session: GroundTruthSession, by: "User") -> None:
    """Delete a session with its counts, as if it had not been. Raises `PermissionDenied` as `start` does."""
    check_role(session.device, by)
    session.delete()


def check_role(device: Device, by: "User") -> None:
    """Raises `PermissionDenied` with a sentence unless this user may count at the device."""
    if not device.site.allows(by, Right.OPERATE):
        raise PermissionDenied(
            f"Only operators and owners of {device.site} may count what its cameras are measured by."
        )
