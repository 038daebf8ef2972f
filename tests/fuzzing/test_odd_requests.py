"""Whatever a request contains, it is answered, or refused with what is wrong; nothing in it is a server's error."""

import itertools
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from faces.models import Coffee
from tests.end_to_end import access_world
from tests.fuzzing import odd_requests
from tests.world import api_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys() -> api_world.Keys:
    return api_world.fill()


@pytest.fixture
def client(client: Client, keys: api_world.Keys) -> Client:
    client.force_login(User.objects.get(username="fuzzed"))
    client.raise_request_exception = False
    return client


def is_problem(answer: Any) -> bool:
    return bool(answer.get("Content-Type") == "application/problem+json" and answer.json()["detail"])


def test_odd_values_in_the_api_are_answered_or_refused_as_problems(client: Client, keys: api_world.Keys) -> None:
    wrong = []
    for name, value in odd_requests.ODD_VALUES.items():
        for address in odd_requests.of_the_api(value):
            is_of_devices = odd_requests.OF_DEVICES.match(address)
            answer = odd_requests.sent(client, address, {"authorization": keys.device} if is_of_devices else {})
            if answer.status_code != 200 and not (answer.status_code in (400, 404) and is_problem(answer)):
                wrong.append((answer.status_code, name, address[:100]))
    assert not wrong, "\n".join(map(str, wrong))


def test_an_odd_value_in_any_place_of_a_page_or_form_is_answered_or_refused(superuser: User, owner: User) -> None:
    """Each place has one of the values here; `make fuzz-api` tries them all."""
    client, world = Client(raise_request_exception=False), access_world.fill(owner)
    client.force_login(superuser)
    wrong, values = [], itertools.cycle(odd_requests.ODD_VALUES.items())
    for method, address in odd_requests.pages(world):
        for place, with_value in odd_requests.of_page(client, method, address):
            name, value = next(values)
            if (status := odd_requests.send(client, method, *with_value(value))) >= 500:
                wrong.append((status, method, address, place, name))
    assert not wrong, "\n".join(map(str, wrong))


def test_odd_bodies_are_answered_or_refused_as_problems(client: Client, keys: api_world.Keys) -> None:
    wrong = []
    for method, address in odd_requests.writing():
        key = keys.device if odd_requests.OF_DEVICES.match(address) else keys.person
        for name, body in odd_requests.ODD_BODIES.items():
            sent = {"content_type": "application/json", "headers": {"authorization": key}}
            answer = getattr(client, method)(address, body, **sent)
            if answer.status_code >= 300 and not (answer.status_code in (400, 404, 413, 415) and is_problem(answer)):
                wrong.append((answer.status_code, name, method, address))
            if answer.status_code >= 500:
                wrong.append((answer.status_code, name, method, address))
    assert not wrong, "\n".join(map(str, wrong))


def test_a_text_that_no_column_takes_is_refused_wherever_it_is_written(client: Client, keys: api_world.Keys) -> None:
    coffee = Coffee.objects.order_by("pk")[0]
    for action in ("void", "restore"):
        address = f"/api/v1/coffees/{coffee.pk}/{action}/"
        answer = client.post(
            address, {"reason": "\x9e"}, content_type="application/json", headers={"authorization": keys.person}
        )
        assert answer.status_code == 400
        assert "cannot be printed" in str(answer.json()["errors"])


@pytest.mark.parametrize(
    "address", ["/api/v1/nothing/", "/api/v1/agent/models/a%0A/", "/api/%0A/", "/api/v1/sites/1/2/3/"]
)
def test_an_address_that_the_api_does_not_have_is_a_problem_whatever_stands_in_it(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert is_problem(answer)


@pytest.mark.parametrize("debug", [True, False])
def test_what_is_written_to_an_address_without_its_slash_is_not_lost_on_a_redirect(
    client: Client, settings: Any, debug: bool
) -> None:
    settings.DEBUG = debug
    for method in (client.post, client.put, client.patch, client.delete):
        answer = method("/api/v1/messages")
        assert (answer.status_code, is_problem(answer)) == (404, True)
        assert answer.json()["detail"] == "Addresses of the API end with a slash: write /api/v1/messages/"
    answer = client.get("/api/v1/sites?format=csv")
    assert (answer.status_code, answer["Location"]) == (302, "/api/v1/sites/?format=csv")


def test_nul_in_a_form_of_a_page_is_refused(client: Client) -> None:
    assert client.post("/account/", "name=a%00b", content_type="application/x-www-form-urlencoded").status_code == 400


def test_a_body_of_a_hundred_thousand_objects_is_refused_at_once(client: Client, keys: api_world.Keys) -> None:
    began = time.process_time()
    for address in ("/api/v1/messages/", "/api/v1/captures/", "/api/v1/people/"):
        key = keys.person if "people" in address else keys.device
        headers = {"authorization": key}
        body = odd_requests.ODD_BODIES["100,000 objects"]
        answer = client.post(address, body, content_type="application/json", headers=headers)
        assert answer.status_code == 413
    assert time.process_time() - began < 2


def test_options_are_told_everywhere(client: Client, keys: api_world.Keys) -> None:
    wrong = []
    for address in odd_requests.routes():
        key = keys.device if odd_requests.OF_DEVICES.match(address) else keys.person
        answer = client.options(address, headers={"authorization": key})
        if answer.status_code != 200 and not (answer.status_code == 404 and is_problem(answer)):
            wrong.append((answer.status_code, address))
    assert not wrong, "\n".join(map(str, wrong))
