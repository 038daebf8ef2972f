"""The fleet shows every camera with what is wrong, and changes settings and versions of many at once."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from devices.cameras.fleet import reads
from devices.cameras.fleet.reads import State
from devices.cameras.releases import wheel
from devices.models import AgentUpdate, BoxReport, Device, DeviceState, Site, Thing
from tests import clock
from tests.world import places


def camera(site: Site, name: str, **state: Any) -> Device:
    device = places.device(site, name, f"thing-of-{name}")
    if state:
        DeviceState.objects.create(thing=device.thing, **state)
    return device


@pytest.fixture
def fleet(seattle: Site, chicago: Site) -> None:
    now = clock.now()
    camera(seattle, "live", last_seen_at=now, software="headcount-edge-agent 0.1.0", online=True)
    camera(seattle, "quiet", last_seen_at=now - dt.timedelta(hours=1))
    camera(seattle, "never")
    camera(seattle, "hot", last_seen_at=now, temperature=86.0)
    camera(chicago, "elsewhere", last_seen_at=now)


def names(user: User, **filters: str) -> list[str]:
    return [device.name for device in reads.fleet_of(user, now=clock.now(), **filters)]


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (State.LIVE, ["hot", "live"]),
        (State.QUIET, ["quiet"]),
        (State.NEVER, ["never"]),
        (State.TROUBLE, ["hot"]),
        ("", ["hot", "live", "never", "quiet"]),
    ],
)
def test_cameras_are_selected_by_how_they_are(fleet: None, operator: User, state: str, found: list[str]) -> None:
    assert names(operator, state=state) == found


@pytest.mark.parametrize(("q", "found"), [("qui", ["quiet"]), ("thing-of-n", ["never"]), ("SEATTLE liv", ["live"])])
def test_cameras_are_found_by_words(fleet: None, operator: User, q: str, found: list[str]) -> None:
    assert names(operator, q=q) == found


def test_the_states_of_the_filter_are_those_of_the_rows(fleet: None, superuser: User) -> None:
    now = clock.now()
    rows = reads.rows_of(reads.fleet_of(superuser, now=now), now=now)
    assert {row.device.name for row in rows if row.is_live} == set(names(superuser, state=State.LIVE))
    assert {row.device.name for row in rows if row.problems} == set(names(superuser, state=State.TROUBLE))


def test_what_a_box_reports_is_shown_as_a_problem(fleet: None, operator: User, client: Client) -> None:
    thing = Thing.objects.get(name="thing-of-quiet")
    BoxReport.objects.create(thing=thing, received_at=clock.now(), trouble="the camera /dev/video0 cannot be opened")
    client.force_login(operator)
    assert "/dev/video0 cannot be opened" in client.get("/fleet/").content.decode()
    assert names(operator, state=State.TROUBLE) == ["hot", "quiet"]


def test_a_page_takes_as_many_queries_and_bytes_for_thousands_as_for_fifty(operator: User, client: Client) -> None:
    site = places.seattle()
    client.force_login(operator)

    def grow(count: int) -> None:
        things = Thing.objects.bulk_create(Thing(name=f"t{Thing.objects.count()}-{n}") for n in range(count))
        Device.objects.bulk_create(Device(site=site, name=thing.name, thing=thing) for thing in things)

    def cost() -> tuple[int, int]:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = client.get("/fleet/")
        return len(queries), len(response.content)

    grow(60)
    client.get("/fleet/")  # builds the wheel
    queries, size = cost()
    grow(1_940)
    more_queries, more_size = cost()
    assert more_queries == queries
    assert more_size < 1.1 * size
    assert more_size < 100_000


def test_settings_of_the_selected_cameras_change_and_their_others_stay(
    fleet: None, operator: User, client: Client
) -> None:
    Thing.objects.filter(name="thing-of-live").update(desired_config={"cadence": 1.0, "countdown": 2.0})
    client.force_login(operator)
    selected = Device.objects.filter(name__in=["live", "quiet", "elsewhere"]).values_list("pk", flat=True)
    body = {"action": "settings", "cadence": "4", "detectors": ["faces"], "device": list(selected)}
    assert client.post("/fleet/", body).status_code == 302
    desired = dict(Thing.objects.values_list("name", "desired_config"))
    assert desired["thing-of-live"] == {"cadence": 4.0, "countdown": 2.0, "detectors": ["faces"]}
    assert desired["thing-of-quiet"] == {"cadence": 4.0, "detectors": ["faces"]}
    assert desired["thing-of-never"] == desired["thing-of-elsewhere"] == {}


def test_all_that_match_may_be_changed_at_once(fleet: None, operator: User, client: Client) -> None:
    client.force_login(operator)
    client.post("/fleet/?state=never", {"action": "settings", "accuracy": "high", "all": "yes"})
    changed = Thing.objects.exclude(desired_config={}).values_list("name", flat=True)
    assert list(changed) == ["thing-of-never"]


def test_a_value_out_of_its_range_changes_nothing(fleet: None, operator: User, client: Client) -> None:
    client.force_login(operator)
    response = client.post("/fleet/", {"action": "settings", "cadence": "4000", "all": "yes"})
    assert response.status_code == 400
    assert not Thing.objects.exclude(desired_config={}).exists()


def test_a_pinned_version_is_for_the_operator_s_own_cameras(fleet: None, operator: User, client: Client) -> None:
    release = wheel.current_release()
    client.force_login(operator)
    client.post("/fleet/", {"action": "update", "version": release.version, "all": "yes"})
    pinned = set(AgentUpdate.objects.values_list("thing__name", flat=True))
    assert pinned == {"thing-of-live", "thing-of-quiet", "thing-of-never", "thing-of-hot"}
    assert "0 of 4 run it" in client.get("/fleet/").content.decode()


def test_a_viewer_sees_the_fleet_and_changes_nothing(fleet: None, viewer: User, client: Client) -> None:
    client.force_login(viewer)
    page = client.get("/fleet/").content.decode()
    assert "Pin a version" not in page
    assert client.post("/fleet/", {"action": "settings", "cadence": "4", "all": "yes"}).status_code == 403


def test_the_api_selects_changes_and_pins_as_the_page_does(fleet: None, operator: User, client: Client) -> None:
    client.force_login(operator)
    listed = client.get("/api/v1/devices/?state=trouble").json()["results"]
    assert [(each["name"], each["state"]["temperature"]) for each in listed] == [("hot", 86.0)]
    keys = list(Device.objects.values_list("pk", flat=True))
    body = {"devices": keys, "settings": {"cadence": 4}}
    changed = client.post("/api/v1/devices/settings/", body, content_type="application/json")
    assert changed.json() == {"changed": 4}
    version = wheel.current_release().version
    body = {"devices": keys, "version": version}
    pinned = client.post("/api/v1/rollouts/", body, content_type="application/json")
    assert (pinned.status_code, pinned.json()["version"]) == (201, version)
    assert AgentUpdate.objects.count() == 4
    unknown = {"devices": keys, "settings": {"colour": "red"}}
    assert client.post("/api/v1/devices/settings/", unknown, content_type="application/json").status_code == 400
