"""Nine weeks of a camera whose last week was busier, and the moment at which its letter is made."""

import copy
import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User

from devices.models import Device
from devices.rules.roles import Role
from notifications.letters import services
from notifications.models import Letter, Unit
from tests.analytics.features.comparing.test_api import watch
from tests.clock import SetClock
from tests.world import places

MONDAY = dt.date(2026, 11, 9)
"""The first day of the week that the letter is about."""

SIX_O_CLOCK = dt.datetime(2026, 11, 16, 12, 0, tzinfo=dt.UTC)
"""In Chicago, on the Monday after."""


@pytest.fixture
def nine_weeks(chicago01: Device, set_clock: SetClock) -> Device:
    watch(chicago01, weeks=9, people=12, lift=1.5, hours=range(10, 13))
    set_clock(SIX_O_CLOCK)
    return chicago01


@pytest.fixture
def letter(nine_weeks: Device) -> Letter:
    made = services.make_letter(site=nine_weeks.site, unit=Unit.WEEK, first=MONDAY, now=SIX_O_CLOCK)
    assert made is not None
    return made


_kept: list[Any] = []


@pytest.fixture
def content(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The content of `letter`, which this process reads from the database once."""
    if not _kept:
        _kept.append(request.getfixturevalue("letter").content)
    found: dict[str, Any] = copy.deepcopy(_kept[0])
    return found


@pytest.fixture
def reader_user() -> User:
    """Sees Chicago alone, and has an address."""
    user = places.user("reader", {places.chicago(): Role.VIEWER})
    user.email = "reader@example.com"
    user.save()
    return user
