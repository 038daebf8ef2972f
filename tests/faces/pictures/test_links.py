"""A picture is served to members of its site only, by a link of their own that lasts for minutes."""

import datetime as dt
import uuid
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template import RequestContext, Template
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from devices.services import issue_api_token
from faces.models import Capture, Person
from faces.pictures import links, storage
from faces.services import forget, recognise
from tests import clock
from tests.faces.conftest import LATER, TakePicture
from tests.faces.scripted import Scripted

moments = st.floats(min_value=1.7e9, max_value=2.5e9).map(partial(dt.datetime.fromtimestamp, tz=dt.UTC))


@given(made=moments, age=st.timedeltas(min_value=dt.timedelta(), max_value=links.LIFETIME * 4), pk=st.uuids())
def test_a_link_lasts_one_period_and_never_two(made: dt.datetime, age: dt.timedelta, pk: uuid.UUID) -> None:
    link = links.link(pk, bearer="1 session", now=made)
    is_open = links.is_valid(link, pk, bearer="1 session", now=made + age)
    assert is_open if age <= links.LIFETIME else True
    assert not is_open if age >= links.LIFETIME * 2 else True


@given(pk=st.uuids(), other=st.uuids(), bearer=st.text(max_size=40), stranger=st.text(max_size=40), now=moments)
def test_a_link_opens_one_picture_to_one_bearer(
    pk: uuid.UUID, other: uuid.UUID, bearer: str, stranger: str, now: dt.datetime
) -> None:
    link = links.link(pk, bearer=bearer, now=now)
    assert links.is_valid(link, other, bearer=bearer, now=now) == (pk == other)
    assert links.is_valid(link, pk, bearer=stranger, now=now) == (bearer == stranger)


@pytest.fixture
def capture(take_picture: TakePicture) -> Capture:
    return recognise(capture_id=take_picture().pk, now=LATER, recogniser=Scripted())


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def link_on_a_page(client: Client, capture: Capture) -> str:
    request = client.get(reverse("leaderboard")).wsgi_request
    template = Template("{% load pictures %}{% picture_link capture %}")
    return template.render(RequestContext(request, {"capture": capture}))


def address(client: Client, capture: Capture, user: User, *, at: dt.datetime) -> str:
    link = links.link(capture.pk, bearer=f"{user.pk} {client.session.session_key}", now=at)
    return reverse("capture-image", args=[capture.pk, link])


def test_a_member_sees_it_by_the_link_on_a_page(capture: Capture, viewer: User) -> None:
    client = signed_in(viewer)
    answer: Any = client.get(link_on_a_page(client, capture))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert answer["Cache-Control"] == "private, max-age=300"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert b"".join(answer.streaming_content) == storage.read(capture)


def test_a_link_that_has_expired_is_refused(capture: Capture, viewer: User) -> None:
    client, now = signed_in(viewer), clock.now()
    assert client.get(address(client, capture, viewer, at=now)).status_code == 200
    assert client.get(address(client, capture, viewer, at=now - 2 * links.LIFETIME)).status_code == 404
    assert client.get(address(client, capture, viewer, at=now + 2 * links.LIFETIME)).status_code == 404


def test_a_link_of_another_session_is_refused(capture: Capture, viewer: User, operator: User) -> None:
    link = link_on_a_page(signed_in(viewer), capture)
    for other in (signed_in(operator), signed_in(viewer), Client()):
        assert other.get(link).status_code == 404


def test_a_link_ends_with_the_session(capture: Capture, viewer: User) -> None:
    client = signed_in(viewer)
    link = link_on_a_page(client, capture)
    client.post(reverse("account_logout"))
    assert client.get(link).status_code == 404
    client.force_login(viewer)
    assert client.get(link).status_code == 404


def test_a_member_who_leaves_the_site_sees_it_no_more(capture: Capture, viewer: User, outsider: User) -> None:
    client = signed_in(viewer)
    link = link_on_a_page(client, capture)
    viewer.memberships.all().delete()
    assert client.get(link).status_code == 404
    stranger = signed_in(outsider)
    assert stranger.get(address(stranger, capture, outsider, at=clock.now())).status_code == 404


def test_an_api_token_has_links_of_its_own(capture: Capture, viewer: User, operator: User) -> None:
    mine, other = (
        {"Authorization": f"Token {issue_api_token(user=user, name='test')[1]}"} for user in (viewer, operator)
    )
    client = Client()
    (found,) = client.get("/api/v1/captures/", headers=mine).json()["results"]
    answer: Any = client.get(found["image"], headers=mine)
    assert b"".join(answer.streaming_content) == storage.read(capture)
    refused = client.get(found["image"], headers=other)
    assert (refused.status_code, refused.json()["detail"]) == (404, links.EXPIRED)
    assert signed_in(viewer).get(found["image"]).status_code == 404
    assert client.get(found["image"]).status_code == 401


def test_the_picture_of_somebody_erased_is_gone(
    ada: Person, enrolled_only: None, take_picture: TakePicture, local: Any, viewer: User
) -> None:
    capture = recognise(capture_id=take_picture().pk, now=LATER, recogniser=local)
    client = signed_in(viewer)
    link = link_on_a_page(client, capture)
    forget(person=ada, by=None)
    assert client.get(link).status_code == 404
