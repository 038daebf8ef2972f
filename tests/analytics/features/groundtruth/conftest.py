"""A session of five minutes in Seattle, and what the camera saw of it."""

import datetime as dt
import uuid
from collections.abc import Sequence

import pytest
from django.contrib.auth.models import User

from analytics.features.groundtruth import services
from analytics.models.groundtruth import GroundTruthCount, GroundTruthSession
from devices.models import Device
from tests.analytics.frames import count, seen
from tests.clock import SetClock

NINE = dt.datetime(2026, 11, 20, 17, tzinfo=dt.UTC)
"""09:00 in Seattle."""

MINUTE, SECOND = dt.timedelta(minutes=1), dt.timedelta(seconds=1)


@pytest.fixture
def at_half_past_nine(set_clock: SetClock) -> None:
    set_clock(NINE + 30 * MINUTE)


def counted(
    device: Device, by: User, *people: int | None, start: dt.datetime = NINE, ended: bool = True
) -> GroundTruthSession:
    """A session in which each of these numbers stood for a minute."""
    end = start + len(people) * MINUTE
    session = GroundTruthSession.objects.create(
        device=device, counted_by=by, started_at=start, heard_at=end, ended_at=end if ended else None
    )
    GroundTruthCount.objects.bulk_create(
        GroundTruthCount(session=session, key=uuid.uuid4(), at=start + place * MINUTE, people=number)
        for place, number in enumerate(people)
    )
    return session


def camera(device: Device, *minutes: Sequence[int], start: dt.datetime = NINE) -> None:
    """Frames with so many faces, spread over each minute; none in an empty one."""
    for place, faces in enumerate(minutes):
        count(
            *(
                seen(device, start + place * MINUTE + number * SECOND, faces=[0.9] * number_of, key=number)
                for number, number_of in enumerate(faces)
            )
        )


@pytest.fixture
def session(seattle01: Device, operator: User) -> GroundTruthSession:
    """The person sees 3, 2, 2, 3 and 2 people; the camera 2, 2 and 2.5, then it is off."""
    camera(seattle01, [2, 2], [2, 2], [2, 3])
    return counted(seattle01, operator, 3, 2, 2, 3, 2)


def noted(at: dt.datetime, people: int | None) -> services.ReportedCount:
    return services.ReportedCount(uuid.uuid4(), at, people)
