"""Start and delete ground-truth sessions, and store their counts; operators and owners of the site may do so."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db import transaction

from analytics.models.groundtruth import GroundTruthCount, GroundTruthSession
from devices.models import Device
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User


CLOCK_WAS_SET = dt.timedelta(minutes=1)
"""A change of the page's clock by more than this, longer than any request takes, means that the clock was set."""


@dataclass(frozen=True, slots=True)
class ReportedCount:
    """A count as the page reports it."""

    key: uuid.UUID
    at: dt.datetime
    """The time by the clock of the phone's page."""
    people: int | None
    """The number of people from then on; None where nobody was counting."""
    came: int | None = None
    """The number of people who have come since the session began; None where nobody counts them."""


@transaction.atomic
def start_session(
    *, device: Device, by: "User", people: int, now: dt.datetime, counts_arrivals: bool = False
) -> GroundTruthSession:
    """Start a session at this device, with its first count; `counts_arrivals` says that people who come are counted.

    Raises `PermissionDenied` with a sentence unless the user is operator or owner of the device's site.
    """
    check_role(device, by)
    if not device.is_open:
        raise PermissionDenied(f"{device} has left {device.site}, so nobody can count there.")
    session = GroundTruthSession.objects.create(
        device=device, counted_by=by, started_at=now, heard_at=now, counts_arrivals=counts_arrivals
    )
    came = 0 if counts_arrivals else None
    GroundTruthCount.objects.create(session=session, key=uuid.uuid4(), at=now, people=people, came=came)
    return session


@transaction.atomic
def store_counts(
    *,
    session: GroundTruthSession,
    by: "User",
    counts: Sequence[ReportedCount],
    sent_at: dt.datetime,
    ended_at: dt.datetime | None,
    now: dt.datetime,
) -> GroundTruthSession:
    """Store the counts, idempotently by their keys, and the time of this request; `ended_at` ends the session.

    All times are by the page's clock, which showed `sent_at` when the platform's clock showed `now`. They are stored by
    the platform's clock. A session ends once. Raises `PermissionDenied` with a sentence unless the user started the
    session.
    """
    check_starter(session, by)
    session = GroundTruthSession.objects.select_for_update().get(pk=session.pk)

    offset = _clock_offset(session, now - sent_at)

    def platform_time(at: dt.datetime) -> dt.datetime:
        # As a distance from now, because a page's clock may show the year 1 or 9999, which no offset may pass.
        from_now = min(at - now + offset, dt.timedelta(0))
        return now + max(from_now, session.started_at - now)

    GroundTruthCount.objects.bulk_create(
        (
            GroundTruthCount(
                session=session,
                key=count.key,
                at=platform_time(count.at),
                people=count.people,
                came=count.came if session.counts_arrivals else None,
            )
            for count in counts
        ),
        ignore_conflicts=True,
    )
    if session.ended_at is None:
        session.heard_at = max(session.heard_at, now)
        session.ended_at = platform_time(ended_at) if ended_at else None
    session.clock_offset = offset
    session.save(update_fields=["heard_at", "ended_at", "clock_offset"])
    return session


def _clock_offset(session: GroundTruthSession, measured: dt.timedelta) -> dt.timedelta:
    """Return the page clock's offset: the first offset of the session, unless the clock was set since.

    If each request had its own offset, network delays could swap two counts that were made shortly after each other.
    """
    first = session.clock_offset
    return measured if first is None or abs(measured - first) > CLOCK_WAS_SET else first


@transaction.atomic
def delete_session(*, session: GroundTruthSession, by: "User") -> None:
    """Delete a session with its counts. Raises `PermissionDenied` as `start_session` does."""
    check_role(session.device, by)
    session.delete()


def check_role(device: Device, by: "User") -> None:
    """Raise `PermissionDenied` with a sentence unless the user may count at the device."""
    if not device.site.allows(by, Right.OPERATE):
        raise PermissionDenied(f"Only operators and owners of {device.site} may count people at its displays.")


def check_starter(session: GroundTruthSession, by: "User") -> None:
    """Raise `PermissionDenied` with a sentence unless the user started the session."""
    if session.counted_by_id != by.pk:
        raise PermissionDenied("Only the person who started a session may count in it; start a session of your own.")
