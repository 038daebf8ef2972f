"""Archived facts are where the facts of the database are: in exports, timelines and ground truth, each once."""

import csv
import datetime as dt
import html
import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from analytics.features.groundtruth import reads as groundtruth
from analytics.models import Detection, Verdict, Visit
from analytics.models.archive import FactKind
from analytics.numbers.archived_facts import read_facts
from analytics.rest.facts import MovedMeanwhile
from devices.models import Device
from devices.rest import exports
from plays.attribution.services import compute_changed
from plays.models import PlayDay
from plays.numbers.timelines import read_timeline
from tests import clock
from tests.analytics.features.groundtruth.conftest import counted
from tests.analytics.frames import count, seen
from tests.analytics.visits import report, visited

MARCH = dt.datetime(2019, 3, 30, 12, tzinfo=dt.UTC)
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL has a table for each month"),
]


@pytest.fixture(autouse=True)
def _keeps_ten_years(settings: Any, tmp_path: Any) -> None:
    settings.FRAME_RETENTION_DAYS, settings.FACTS_IN_DATABASE_DAYS = 7305, 365
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def facts(seattle01: Device) -> Device:
    """Detections and visits of March 2019 and of today, not yet archived."""
    count(
        seen(seattle01, MARCH, faces=[0.9], labels=[("cup", 0.5)], key=1),
        seen(seattle01, MARCH + MINUTE, faces=[0.9, 0.8], key=2),
        seen(seattle01, clock.now(), faces=[0.7], key=3),
    )
    report(
        visited(seattle01, MARCH + MINUTE, dwell=3.0, attention=1.0),
        visited(seattle01, clock.now(), dwell=9.0, attention=2.0),
    )
    return seattle01


def exported(user: User, address: str, **query: str) -> list[dict[str, str]]:
    client = APIClient()
    client.force_authenticate(user)
    response = client.get(address, {"format": "csv", **query})
    assert response.status_code == 200, response.content
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("address", "query"),
    [
        ("/api/v1/detections/", {}),
        ("/api/v1/detections/", {"label": "face", "min_confidence": "0.85"}),
        ("/api/v1/detections/", {"from": "2019-03-30T12:01:00Z", "to": "2019-04-01"}),
        ("/api/v1/visits/", {}),
        ("/api/v1/visits/", {"min_seconds": "4"}),
    ],
)
def test_an_export_is_the_same_before_and_after_facts_are_archived(
    facts: Device, viewer: User, address: str, query: dict[str, str]
) -> None:
    before = exported(viewer, address, **query)
    assert before
    call_command("archive_facts")
    assert (Detection.objects.count(), Visit.objects.count()) == (1, 1)
    assert exported(viewer, address, **query) == before
    assert exported(viewer, address, **query, device=facts.name) == before


def test_an_export_has_no_archived_facts_of_others(facts: Device, outsider: User) -> None:
    call_command("archive_facts")
    assert exported(outsider, "/api/v1/detections/") == exported(outsider, "/api/v1/visits/") == []


def test_an_export_during_which_facts_are_archived_breaks_off(
    facts: Device, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = exports.rows_of

    def read_later(*arguments: Any) -> Iterator[Any]:
        call_command("archive_facts")
        yield from read(*arguments)

    monkeypatch.setattr(exports, "rows_of", read_later)
    with pytest.raises(MovedMeanwhile, match="export them again"):
        exported(viewer, "/api/v1/detections/")


def test_a_page_of_a_list_names_the_address_of_the_archived_facts_of_its_period(facts: Device, viewer: User) -> None:
    client = APIClient()
    client.force_authenticate(viewer)
    address = f"/api/v1/detections/?device={facts.name}&from=2019-03-01&to=2019-04-01"
    assert "Link" not in client.get(address).headers
    call_command("archive_facts")
    link = client.get(address).headers["Link"]
    archived, relation = link.removeprefix("<").split(">; ")
    assert relation == 'rel="archives"'
    assert exported(viewer, archived.removeprefix("http://testserver"))[0]["label"] in ("face", "cup")
    assert "Link" not in client.get("/api/v1/detections/?from=2019-05-01").headers


def test_the_review_page_says_that_detections_of_its_period_are_archived(
    facts: Device, viewer: User, client: Client
) -> None:
    client.force_login(viewer)
    address = f"/review/?site={facts.site.slug}&label=face&days=7&to=2019-04-01"
    assert "Read them from the archive" not in client.get(address).content.decode()
    call_command("archive_facts")
    page = client.get(address).content.decode()
    link = html.unescape(page.partition('get no further ones. <a href="')[2].partition('"')[0])
    assert len(exported(viewer, link)) == 4


def test_ground_truth_of_archived_months_stays_what_it_was(facts: Device, operator: User) -> None:
    Detection.objects.filter(confidence=0.8).update(review=Verdict.WRONG)
    session = counted(facts, operator, 1, 2, start=MARCH)
    session.counts.update(came=1)
    before = groundtruth.read_session_result(session)
    assert [minute.camera for minute in before.minutes] == [1, 1]
    call_command("archive_facts")
    assert groundtruth.read_session_result(session) == before


def test_a_timeline_shows_archived_visits(facts: Device) -> None:
    def bars() -> list[tuple[Any, ...]]:
        found = read_timeline([facts], MARCH, MARCH + DAY, now=clock.now())
        return [(visit.pk, visit.began_at, visit.dwell_ms, visit.attention_ms) for visit in found.visits]

    before = bars()
    assert len(before) == 1
    call_command("archive_facts")
    assert bars() == before


def test_what_was_shown_to_archived_visits_is_not_computed_again(facts: Device) -> None:
    day = PlayDay.objects.create(device=facts, day=MARCH.date(), is_changed=True)
    call_command("archive_facts")
    assert compute_changed(now=clock.now()) == 0
    day.refresh_from_db()
    assert day.fingerprint == ""


@pytest.mark.parametrize(
    "spans", [[], [(None, MARCH)], [(MARCH + DAY, None)], [(MARCH - DAY, MARCH), (MARCH + DAY, None)]]
)
def test_facts_outside_of_the_periods_are_not_read(facts: Device, spans: list[Any]) -> None:
    call_command("archive_facts")
    assert list(read_facts(FactKind.FRAMES, ["id"], devices=[facts.pk], spans=spans)) == []


def test_facts_of_several_periods_come_once(facts: Device) -> None:
    call_command("archive_facts")
    spans = [(MARCH, MARCH + 2 * MINUTE), (MARCH + MINUTE, None), (None, None)]
    found = list(read_facts(FactKind.FRAMES, ["taken_at", "faces"], devices=[facts.pk], spans=spans))
    assert found == [(MARCH, 1), (MARCH + MINUTE, 2)]
