"""A past for two sites, and a token that sees one or both."""

import datetime as dt
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from analytics.features.galaxy.serving import views
from analytics.features.galaxy.serving.services import create_wall_token
from devices.models import Device, Site
from tests.analytics.frames import count, seen
from tests.clock import SetClock

NOW = dt.datetime(2026, 11, 20, 18, 30, 12, tzinfo=dt.UTC)
"""10:30 in Seattle, 12:30 in Chicago, and 12 seconds into a slot."""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """No test sees what the process has cached for another test."""
    views.clear_process_caches()
    yield
    views.clear_process_caches()


@pytest.fixture
def at_half_past(set_clock: SetClock) -> None:
    set_clock(NOW)


def people(device: Device, start: dt.datetime, *faces: int) -> None:
    """A frame a minute from `start` on, with so many faces."""
    count(*(seen(device, start + dt.timedelta(minutes=n), faces=[0.9] * some, key=n) for n, some in enumerate(faces)))


@pytest.fixture
def placed(seattle: Site, chicago: Site) -> None:
    for site, latitude, longitude in ((seattle, 47.6062, -122.3321), (chicago, 41.8781, -87.6298)):
        Site.objects.filter(pk=site.pk).update(latitude=latitude, longitude=longitude)


@pytest.fixture
def past(placed: None, seattle01: Device, chicago01: Device) -> None:
    """Seattle: two people all through nine o'clock, none after ten. Chicago: one person around noon."""
    people(seattle01, NOW.replace(hour=17, minute=0, second=0), *[2] * 60)
    people(seattle01, NOW.replace(hour=18, minute=0, second=0), *[0] * 30)
    people(chicago01, NOW.replace(hour=18, minute=0, second=0), *[1] * 30)


@pytest.fixture
def token(seattle: Site, chicago: Site, superuser: User) -> str:
    """Sees Seattle only."""
    return create_wall_token(name="Lobby", sites=[seattle], by=superuser)[1]


@pytest.fixture
def both(seattle: Site, chicago: Site, superuser: User) -> str:
    """Sees Seattle and Chicago."""
    return create_wall_token(name="Headquarters", sites=[seattle, chicago], by=superuser)[1]
