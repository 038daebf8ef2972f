"""What all of the API shares: conditional requests, throttles, problems that name the field."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from rest_framework.test import APIClient

from devices.models import Device
from devices.rest.throttling import CallerThrottle, RefusedThrottle
from devices.services import issue_api_token, issue_device_token
from tests.world import places

LIST, SERIES = "/api/v1/devices/", "/api/v1/engagement/?site=seattle&from=2026-11-01&to=2026-11-02"

pytestmark = pytest.mark.django_db


def signed_in(user: User, **headers: Any) -> APIClient:
    client = APIClient(**headers)
    client.force_login(user)
    return client


@pytest.mark.parametrize("path", [LIST, SERIES])
def test_what_is_unchanged_is_not_sent_again(path: str, viewer: User, seattle01: Device) -> None:
    first = signed_in(viewer).get(path)
    again = signed_in(viewer).get(path, headers={"if-none-match": first["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_what_has_changed_is(viewer: User, seattle01: Device) -> None:
    tag = signed_in(viewer).get(LIST)["ETag"]
    places.device(seattle01.site, "Seattle02", "seattle-2")
    assert len(signed_in(viewer).get(LIST, headers={"if-none-match": tag}).json()["results"]) == 2


def test_a_file_of_everything_has_no_tag(viewer: User, seattle01: Device) -> None:
    assert "ETag" not in signed_in(viewer).get(LIST, {"format": "csv"})


@pytest.mark.parametrize(
    ("path", "name", "sentence"),
    [
        ("/api/v1/captures/?sit=seattle", "sit", "There is no such parameter here. The parameters are cursor, device,"),
        ("/api/v1/sites/?site=seattle", "site", "There is no such parameter here."),
        ("/api/v1/logs/?from=2026-11-26T00:00:00Z", "from", "There is no such parameter here."),
        ("/api/v1/leaderboard/?people=3", "people", "There is no such parameter here."),
        (f"{SERIES}&site=chicago&bucket=day", "site", "The parameter is given more than once."),
        ("/api/v1/captures/?site=seattle&site=chicago", "site", "The parameter is given more than once."),
        ("/api/v1/engagement/?site=seattle&from=2026-11-26T00:00:00+01:00", "from", "as %2B"),
        ("/api/v1/logs/?at__gte=2026-11-26T00:00:00+01:00", "at__gte", "as %2B"),
        ("/api/v1/logs/?at__gte=0001-01-01T00:00:00Z", "at__gte", "The time must lie in the years 2 to 9998."),
    ],
)
def test_a_parameter_that_is_unknown_repeated_or_not_escaped_is_named(
    path: str, name: str, sentence: str, viewer: User, seattle01: Device
) -> None:
    answer = signed_in(viewer).get(path)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert sentence in answer.json()["errors"][name][0]


def test_a_cursor_of_another_list_and_one_that_was_changed_are_not_found(viewer: User, seattle01: Device) -> None:
    places.device(seattle01.site, "Seattle02", "seattle-2")
    client = signed_in(viewer)
    following = client.get(LIST, {"page_size": 1}).json()["next"]
    assert [device["name"] for device in client.get(following).json()["results"]] == ["Seattle02"]
    cursor = parse_qs(urlsplit(following).query)["cursor"][0]
    for path, given in (("/api/v1/logs/", cursor), ("/api/v1/people/", cursor), (LIST, f"{cursor}x"), (LIST, "cD0x")):
        answer = client.get(path, {"cursor": given})
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
        assert "cursor" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/v1/nowhere/", "/api/v1/questions/0.5/result/", "/api/v9/sites/"])
def test_an_address_that_is_none_is_a_problem_and_no_page(path: str) -> None:
    for answer in (APIClient().get(path), APIClient().post(path)):
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
        assert path in answer.json()["detail"]


def test_a_format_that_is_none_is_a_problem(viewer: User) -> None:
    answer = signed_in(viewer).get(LIST, {"format": "xls"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


class TestThrottles:
    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rates = {"user": "3/min", "device": "2/min", "refused": "1/min"}
        for throttle in (CallerThrottle, RefusedThrottle):
            monkeypatch.setattr(throttle, "THROTTLE_RATES", rates)
        caches["rates"].clear()

    def statuses(self, client: APIClient, times: int, path: str = LIST) -> list[int]:
        return [client.get(path).status_code for _ in range(times)]

    def test_a_person_may_ask_so_often_by_whatever_way(self, viewer: User, outsider: User) -> None:
        token = APIClient(HTTP_AUTHORIZATION=f"Token {issue_api_token(user=viewer, name='Grafana')[1]}")
        assert self.statuses(signed_in(viewer), 2) + self.statuses(token, 2) == [200, 200, 200, 429]
        assert self.statuses(signed_in(outsider), 1) == [200]

    def test_too_many_is_a_problem_that_says_when_to_come_again(self, viewer: User) -> None:
        client = signed_in(viewer)
        answer: Any = [client.get(LIST) for _ in range(4)][-1]
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["title"] == "Too many requests"
        assert 0 < int(answer["Retry-After"]) <= 60

    def test_a_device_has_a_rate_of_its_own(self, seattle01: Device) -> None:
        client = APIClient(HTTP_AUTHORIZATION=f"Device {issue_device_token(device=seattle01)}")
        answers = [client.post("/api/v1/messages/", [], format="json").status_code for _ in range(3)]
        assert answers == [202, 202, 429]

    def test_whoever_does_not_show_who_they_are_is_counted_by_address(self, viewer: User) -> None:
        guessing = APIClient(HTTP_AUTHORIZATION="Token guess")
        assert self.statuses(guessing, 1) + self.statuses(APIClient(), 1) == [401, 429]
        assert self.statuses(APIClient(REMOTE_ADDR="192.0.2.7"), 1) == [401]
        assert self.statuses(signed_in(viewer), 1) == [200]

    def test_an_address_that_a_stranger_claims_counts_for_nothing(self) -> None:
        answers = [self.statuses(APIClient(HTTP_X_FORWARDED_FOR=f"192.0.2.{n}"), 1) for n in range(2)]
        assert answers == [[401], [429]]
