"""Ground truth by /api/v1/ground-truth/."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from analytics.models.groundtruth import GroundTruthSession
from devices.models import Device

pytestmark = pytest.mark.usefixtures("at_half_past_nine")

ROUTE = "/api/v1/ground-truth/"
KEY = str(uuid.uuid4())


def client(user: User) -> Any:
    made = APIClient()
    made.force_login(user)
    return made


def note(*counts: Any, **more: Any) -> dict[str, Any]:
    return {"sent_at": "2026-11-20T17:30:00Z", "counts": list(counts), **more}


def count(at: str, people: int | None, key: str = KEY) -> dict[str, Any]:
    return {"key": key, "at": f"2026-11-20T17:{at}Z", "people": people}


def test_a_session_is_started_counted_in_and_ended(seattle01: Device, operator: User) -> None:
    made = client(operator).post(ROUTE, {"device": "Seattle01", "people": 1})
    assert made.status_code == 201
    session = GroundTruthSession.objects.get()
    GroundTruthSession.objects.update(started_at="2026-11-20T17:20:00Z")
    address = f"{ROUTE}{made.json()['id']}/counts/"
    for _ in range(2):
        answer = client(operator).post(address, note(count("25:00", 3)))
        assert answer.status_code == 200
    answer = client(operator).post(
        address, note(count("28:00", None, str(uuid.uuid4())), ended_at="2026-11-20T17:29:00Z")
    )
    assert answer.json()["ended_at"] == "2026-11-20T17:29:00Z"
    assert [each.people for each in session.counts.all()] == [3, None, 1]


def test_a_count_that_is_wrong_harms_no_other(seattle01: Device, operator: User) -> None:
    made = client(operator).post(ROUTE, {"device": "Seattle01"})
    wrong = [
        count("25:00", -1),
        count("25:00", 1, "no key"),
        count("25:99", 1),
        {"key": KEY, "at": count("25:00", 1)["at"]},
    ]
    answer = client(operator).post(
        f"{ROUTE}{made.json()['id']}/counts/", note(*wrong, 17, count("26:00", 3)), format="json"
    )
    assert answer.status_code == 200
    assert [each["number"] for each in answer.json()["refused"]] == [0, 1, 2, 3, 4]
    assert [each["detail"].split(":")[0] for each in answer.json()["refused"][:4]] == [
        *("“people”", "“key”", "“at”", "“people”"),
    ]
    assert set(GroundTruthSession.objects.get().counts.values_list("people", flat=True)) == {0, 3}


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_the_clock_of_a_page_may_show_any_year(seattle01: Device, operator: User, year: str) -> None:
    made = client(operator).post(ROUTE, {"device": "Seattle01"})
    sent = {"sent_at": f"{year}-06-01T00:00:00Z", "counts": [count("25:00", 3), count("26:00", 4, str(uuid.uuid4()))]}
    answer = client(operator).post(f"{ROUTE}{made.json()['id']}/counts/", sent, format="json")
    assert answer.status_code == 200
    session = GroundTruthSession.objects.get()
    assert {each.at for each in session.counts.all()} == {session.started_at}


def test_people_who_come_are_kept_where_the_session_counts_them(seattle01: Device, operator: User) -> None:
    kept = []
    for counts_arrivals in (True, False):
        made = client(operator).post(ROUTE, {"device": "Seattle01", "counts_arrivals": counts_arrivals})
        address = f"{ROUTE}{made.json()['id']}/counts/"
        client(operator).post(address, note(count("25:00", 3, str(uuid.uuid4())) | {"came": 4}))
        session = GroundTruthSession.objects.get(pk=made.json()["id"])
        kept.append(sorted((each.people, each.came) for each in session.counts.all()))
    assert kept == [[(0, 0), (3, 4)], [(0, None), (3, None)]]


def test_the_result_of_a_session(session: GroundTruthSession, viewer: User) -> None:
    found = client(viewer).get(f"{ROUTE}{session.pk}/result/").json()
    assert (found["average"], found["session"]["counted_by"]) == (2.4, "operator")
    assert (found["comparison"]["minutes"], found["comparison"]["minutes_off"]) == (3, 2)
    assert found["comparison"]["bias"] == pytest.approx(-1 / 6)
    assert found["comparison"]["bias_low"] < found["comparison"]["bias"] < found["comparison"]["bias_high"]
    assert found["minutes"][3] == {"start": "2026-11-20T17:03:00Z", "person": 3.0, "camera": None}
    assert len(found["counts"]) == 5


def test_the_accuracy_of_a_sites_devices(session: GroundTruthSession, viewer: User) -> None:
    (found,) = client(viewer).get(f"{ROUTE}accuracy/", {"site": "seattle"}).json()
    assert (found["device"], found["sessions"], found["ended"]) == ("Seattle01", 1, None)
    assert found["counted_at"] == "2026-11-20T17:00:00Z"
    assert found["visits"] is None
    assert found["comparison"]["share"] == pytest.approx(6.5 / 7)


def test_the_accuracy_of_a_device_that_nobody_counted_at_is_unknown(seattle01: Device, viewer: User) -> None:
    (found,) = client(viewer).get(f"{ROUTE}accuracy/", {"device": "Seattle01"}).json()
    assert (found["sessions"], found["comparison"]["minutes"], found["comparison"]["share"]) == (0, 0, None)
    assert found["comparison"]["share_low"] is None


def test_lists_are_of_own_sites(session: GroundTruthSession, viewer: User, outsider: User) -> None:
    (row,) = client(viewer).get(ROUTE).json()["results"]
    assert (row["site"], row["device"], row["ended_at"]) == ("seattle", "Seattle01", "2026-11-20T17:05:00Z")
    assert client(outsider).get(ROUTE).json()["results"] == []
    for path in ("", "result/"):
        assert client(outsider).get(f"{ROUTE}{session.pk}/{path}").status_code == 404
    assert client(outsider).post(f"{ROUTE}{session.pk}/counts/", note()).status_code == 404
    assert client(outsider).get(f"{ROUTE}accuracy/", {"site": "seattle"}).status_code == 404


def test_viewers_neither_start_nor_count_nor_delete(session: GroundTruthSession, viewer: User) -> None:
    assert client(viewer).post(ROUTE, {"device": "Seattle01"}).status_code == 403
    assert client(viewer).post(f"{ROUTE}{session.pk}/counts/", note()).status_code == 403
    assert client(viewer).delete(f"{ROUTE}{session.pk}/").status_code == 403


def test_an_operator_deletes_a_session(session: GroundTruthSession, operator: User) -> None:
    assert client(operator).delete(f"{ROUTE}{session.pk}/").status_code == 204
    assert not GroundTruthSession.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"counts": []}, "sent_at"),
        (note(*[count("25:00", 1)] * 1001), "counts"),
        (note(ended_at="soon"), "ended_at"),
        ({"sent_at": "2026-11-20T17:30:00Z", "counts": {}}, "counts"),
    ],
)
def test_what_is_no_count_is_refused_by_field(
    session: GroundTruthSession, operator: User, body: Any, field: str
) -> None:
    answer = client(operator).post(f"{ROUTE}{session.pk}/counts/", body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert session.counts.count() == 5


def test_a_request_must_select_a_place(session: GroundTruthSession, operator: User) -> None:
    assert "site" in client(operator).get(f"{ROUTE}accuracy/").json()["errors"]
    assert client(operator).post(ROUTE, {"device": "Seattle99"}).status_code == 404
    assert client(operator).post(ROUTE, {"site": "seattle"}).status_code == 400
