"""The pages of ground truth, for those who may see or use them."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.models.groundtruth import GroundTruthSession
from devices.models import Device
from tests.analytics.features.groundtruth.conftest import counted
from tests.analytics.pages.test_pages import figure, page, words

pytestmark = pytest.mark.usefixtures("at_half_past_nine")

OF_DEVICE = "/sites/seattle/devices/Seattle01/ground-truth/"


def post(user: User, address: str, **values: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(address, values)


def test_a_device_shows_its_accuracy_and_its_sessions(session: GroundTruthSession, viewer: User) -> None:
    assert reverse("ground-truth-device", args=["seattle", "Seattle01"]) == OF_DEVICE
    shown = words(page(viewer, OF_DEVICE))
    assert "Measures 93% of what a person counts (" in shown
    assert "In 2 more minutes the camera was off; they are not compared." in shown
    assert "Fri 20 Nov 2026, 09:00 operator 3 2.33 2.17 −0.17 93%" in shown
    assert "Count by eye" not in shown


def test_before_the_first_session_the_page_explains_what_counting_is_for(
    seattle01: Device, viewer: User, operator: User
) -> None:
    shown = words(page(viewer, OF_DEVICE))
    assert "Nobody has counted here yet" in shown
    assert "Operators and owners of Seattle can count." in shown
    assert "Count by eye" in words(page(operator, OF_DEVICE))


def test_an_operator_starts_and_comes_to_the_counting_page(seattle01: Device, operator: User) -> None:
    answer = post(operator, OF_DEVICE, people="2", counts_arrivals="on")
    session = GroundTruthSession.objects.get()
    assert session.counts_arrivals
    assert answer.headers["Location"] == session.get_absolute_url()
    shown = page(operator, session.get_absolute_url()).content.decode()
    assert 'data-people="2" data-came="0"' in shown
    assert 'id="came"' in shown
    assert reverse("ground-truth-counts", args=[session.pk]) in shown


@pytest.mark.parametrize("people", ["", "-1", "many", "1001"])
def test_a_start_without_a_number_is_refused(seattle01: Device, operator: User, people: str) -> None:
    answer = post(operator, OF_DEVICE, people=people)
    assert answer.status_code == 200
    assert 'class="errors"' in answer.content.decode()
    assert not GroundTruthSession.objects.exists()


def test_others_see_a_session_under_way_as_its_result(seattle01: Device, operator: User, viewer: User) -> None:
    session = counted(seattle01, operator, 1, ended=False)
    assert "counter" in page(operator, session.get_absolute_url()).content.decode()
    shown = words(page(viewer, session.get_absolute_url()))
    assert "counted by operator" in shown
    assert "not ended" in shown


def test_a_session_shows_both_minute_by_minute(session: GroundTruthSession, viewer: User) -> None:
    answer = page(viewer, reverse("ground-truth-session", args=[session.pk]))
    shown = words(answer)
    assert "Fri 20 Nov 2026, 09:00–09:05 PST" in shown
    assert "2.40 people on average over the whole session" in shown
    assert "09:03 PST 3.00 camera off" in shown
    assert len(figure(answer, "session-figure")["data"][-2]["y"]) == 10
    assert "Delete this session" not in shown


def test_a_session_too_short_for_a_minute_has_no_plot(seattle01: Device, operator: User) -> None:
    session = counted(seattle01, operator)
    GroundTruthSession.objects.filter(pk=session.pk).update(ended_at=session.started_at)
    shown = words(page(operator, session.get_absolute_url()))
    assert "There is no full minute yet" in shown
    assert "Minute by minute" not in shown


def test_a_device_page_shows_the_accuracy_of_the_camera(session: GroundTruthSession, viewer: User) -> None:
    shown = words(page(viewer, session.device.get_absolute_url()))
    assert "Measures 93% of what a person counts (" in shown
    assert "3 minutes in 1 session were compared." in shown


def test_a_session_can_be_deleted(session: GroundTruthSession, operator: User) -> None:
    answer = post(operator, reverse("ground-truth-discard", args=[session.pk]))
    assert answer.headers["Location"] == OF_DEVICE
    assert not GroundTruthSession.objects.exists()


def test_roles_and_sites(session: GroundTruthSession, viewer: User, outsider: User) -> None:
    discard, own = reverse("ground-truth-discard", args=[session.pk]), session.get_absolute_url()
    assert [post(viewer, address, people="1").status_code for address in (OF_DEVICE, discard)] == [403, 403]
    assert [post(outsider, address, people="1").status_code for address in (OF_DEVICE, discard)] == [404, 404]
    assert [page(outsider, address).status_code for address in (OF_DEVICE, own)] == [404, 404]
    assert [page(None, address).status_code for address in (OF_DEVICE, own)] == [302, 302]
    assert GroundTruthSession.objects.count() == 1
