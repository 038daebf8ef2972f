"""The section about visitors on the pages of a site and of a device."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.features.visitors.cards import describe_shares
from devices.models import Device
from faces.models import ExpressionQuarter, Mode
from faces.people.feelings import confirm_feelings
from faces.services import set_policy
from tests.analytics.features.visitors.test_reads import DAY, NOW, see, somebody
from tests.analytics.frames import count, seen
from tests.clock import SetClock

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon(set_clock: SetClock, seattle01: Device) -> None:
    set_clock(NOW)
    count(seen(seattle01, NOW - dt.timedelta(minutes=1), faces=[0.9]))


@pytest.fixture
def recognised(owner: User, seattle01: Device) -> None:
    """Five people yesterday, two of them guests, and one today."""
    set_policy(site=seattle01.site, mode=Mode.EVERYONE, confirmed_by=owner, now=NOW - 3 * DAY)
    people: list[Any] = [somebody(seattle01.site, f"Secret {n}", guest=n if n > 3 else None) for n in range(1, 6)]
    see(seattle01, NOW - DAY, *people)
    confirm_feelings(
        site=seattle01.site,
        jurisdiction="Washington",
        nobody_at_work_or_school=True,
        notice_is_public=True,
        by=owner,
        now=NOW,
    )
    counts = {"happy": 75, "calm": 22, "sad": 3}
    ExpressionQuarter.objects.create(device=seattle01, start=NOW - DAY, counts=counts, settled=True)
    see(seattle01, NOW, people[0])


def page(user: User, address: str) -> str:
    client = Client()
    client.force_login(user)
    return " ".join(client.get(address).content.decode().split())


@pytest.mark.parametrize("address", ["/sites/seattle/devices/Seattle01/", "/sites/seattle/"])
def test_a_page_tells_visitors_and_reactions_and_no_name(recognised: None, viewer: User, address: str) -> None:
    told = page(viewer, address)
    rows = told[told.index('id="visitors"') : told.index('id="reactions"')]
    assert "<td>5</td><td>2</td>" in rows
    assert "<td>1</td><td>0</td>" in rows
    assert rows.count("nobody could be recognised") == 3
    assert "happy 75 %, calm 22 %</td>" in told
    assert "sad" not in told[told.index('id="reactions"') :].partition("</section>")[0]
    assert "Secret" not in told[told.index('id="visitors"') : told.index('id="confidence"')]


def test_a_page_names_that_its_site_recognises_nobody(viewer: User, seattle01: Device) -> None:
    told = page(viewer, "/sites/seattle/devices/Seattle01/")
    assert "Recognition is off here, so unique visitors are unknown." in told
    assert 'id="reactions"' not in told


def test_only_what_many_showed_is_named() -> None:
    assert describe_shares({"sad": 0.049, "calm": 0.4, "happy": 0.5}) == "happy 50 %, calm 40 %"
    assert describe_shares(None) == ""
