"""Pages of a period read tallies, never frames, detections or visits one by one: their time grows with none of them."""

import datetime as dt
import re

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.models import Detection, Frame, Visit
from devices.models import Device
from tests.analytics.frames import count, seen
from tests.analytics.pages.test_pages import page
from tests.clock import NOW

FACTS = {model._meta.db_table for model in (Frame, Detection, Visit)}


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["days=30", "period=year", "days=3660"])
@pytest.mark.parametrize("part", ["", "plots/"])
def test_no_query_of_a_period_reads_facts(seattle01: Device, viewer: User, query: str, part: str) -> None:
    count(seen(seattle01, NOW - dt.timedelta(hours=1), faces=[0.9], labels=[("thumbs-up", 0.9)]))
    addresses = [seattle01.get_absolute_url(), "/sites/seattle/"]
    with CaptureQueriesContext(connection) as made:
        for address in addresses:
            assert page(viewer, f"{address}{part}?{query}").status_code == 200
    tables = {table for each in made for table in re.findall(r'(?:FROM|JOIN) "(\w+)"', each["sql"])}
    assert "analytics_engagementquarter" in tables
    assert tables & FACTS == set()


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["", "plots/"])
def test_a_page_reads_quarter_hours_and_episodes_once_for_its_numbers_and_for_the_past(
    seattle01: Device, viewer: User, part: str
) -> None:
    count(seen(seattle01, NOW - dt.timedelta(hours=1), faces=[0.9], labels=[("thumbs-up", 0.9)]))
    for address in (seattle01.get_absolute_url(), "/sites/seattle/"):
        with CaptureQueriesContext(connection) as made:
            assert page(viewer, f"{address}{part}?days=30").status_code == 200
        for table in ("analytics_engagementquarter", "analytics_episode"):
            assert sum(f'FROM "{table}"' in each["sql"] for each in made) == 1, table
        caches["process"].clear()
