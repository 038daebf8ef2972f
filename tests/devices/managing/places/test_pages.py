"""The pages on which a camera is moved, replaced, retired, renamed and dated, which say first what will happen."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from analytics.models import Frame
from devices import services
from devices.intake.batches import accept
from devices.managing.places.changes import CHANGES
from devices.models import Device, Membership, Site
from devices.reading.decoding import Arrival
from devices.rules.roles import Role
from edge_agent import messages
from tests import clock
from tests.world import places

pytestmark = pytest.mark.django_db


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def change(user: User, device: Device, action: str, **typed: str) -> Any:
    return client_of(user).post(reverse("device-place-change", args=[device.site.slug, device.pk, action]), typed)


def shown(response: Any) -> str:
    return str(response.content.decode())


def local(at: dt.datetime, site: Site) -> str:
    return at.astimezone(site.zone).strftime("%Y-%m-%dT%H:%M")


def see(thing: str, *times: dt.datetime) -> None:
    """Take in a frame of each time."""
    frames = tuple(messages.Frame(round(at.timestamp() * 1000), faces=()) for at in times)
    topic = messages.topic_from_device(thing, "frames")
    accept([Arrival(topic, messages.encode(messages.Frames(id="m", frames=frames)), clock.now())])


@pytest.fixture
def both(operator: User, chicago: Site) -> User:
    """The operator of Seattle, who is one of Chicago as well."""
    Membership.objects.create(user=operator, site=chicago, role=Role.OPERATOR)
    return operator


def test_a_move_says_first_what_will_happen_and_then_happens(both: User, seattle01: Device, chicago: Site) -> None:
    now = clock.now()
    see(places.SEATTLE01, now - dt.timedelta(days=2), now - dt.timedelta(hours=1))
    typed = {"site": str(chicago.pk), "name": "Lobby"}
    page = shown(change(both, seattle01, "move", **typed))
    assert f"what {places.SEATTLE01} sees belongs to Lobby at Chicago." in page
    assert "stays with Seattle01 at Seattle: 3 days" in page
    assert "Members of Chicago see what it sees from then on" in page
    seattle01.refresh_from_db()
    assert seattle01.is_open
    response = change(both, seattle01, "move", confirmed="yes", **typed)
    moved = Device.objects.open().get(thing=places.SEATTLE01)
    assert (moved.site, moved.name) == (chicago, "Lobby")
    assert response.headers["Location"] == reverse("device-place", args=["chicago", moved.pk])


def test_a_retirement_needs_one_click_once_its_page_is_open(operator: User, seattle01: Device) -> None:
    page = shown(client_of(operator).get(reverse("device-place-change", args=["seattle", seattle01.pk, "retire"])))
    assert "is at no place: what it takes is quarantined." in page
    assert ">Retire it</button>" in page
    seattle01.refresh_from_db()
    assert seattle01.is_open


def test_a_date_is_the_sites_own_time(operator: User, seattle01: Device) -> None:
    left = clock.now().replace(second=0, microsecond=0) - dt.timedelta(hours=5)
    change(operator, seattle01, "retire", confirmed="yes", at=local(left, seattle01.site))
    seattle01.refresh_from_db()
    assert seattle01.until == left


def test_a_date_before_facts_is_refused_beside_the_field_and_nothing_happens(operator: User, seattle01: Device) -> None:
    now = clock.now()
    see(places.SEATTLE01, now - dt.timedelta(hours=1))
    at = local(now - dt.timedelta(hours=2), seattle01.site)
    response = change(operator, seattle01, "retire", confirmed="yes", at=at)
    assert response.status_code == 400
    assert "facts stay at their place" in shown(response)
    assert at in shown(response)
    seattle01.refresh_from_db()
    assert seattle01.is_open


def test_a_camera_moves_only_to_sites_where_the_user_may_change_devices(
    operator: User, seattle01: Device, chicago: Site
) -> None:
    response = change(operator, seattle01, "move", confirmed="yes", site=str(chicago.pk), name="Lobby")
    assert response.status_code == 400
    assert "Chicago" not in shown(response)
    assert not Device.objects.filter(name="Lobby").exists()


def test_nobody_takes_over_a_camera_of_another_site(operator: User, seattle01: Device, chicago01: Device) -> None:
    services.retire_device(device=chicago01, at=clock.now())
    response = change(operator, seattle01, "replace", confirmed="yes", thing_name=places.CHICAGO01)
    assert response.status_code == 400
    assert "belongs to a camera of another site" in shown(response)
    assert "Chicago" not in shown(response)


def test_a_replacement_goes_on_at_the_place(operator: User, seattle01: Device) -> None:
    change(operator, seattle01, "replace", confirmed="yes", thing_name="lobby-2")
    here = Device.objects.open().get(site=seattle01.site)
    assert (here.name, here.thing_name) == ("Seattle01", "lobby-2")
    page = shown(client_of(operator).get(reverse("device-place", args=["seattle", here.pk])))
    assert places.SEATTLE01 in page  # the history of the spot


def test_a_retired_camera_is_re_opened_and_its_dates_are_corrected(operator: User, seattle01: Device) -> None:
    now = clock.now().replace(second=0, microsecond=0)
    services.retire_device(device=seattle01, at=now)
    earlier = now - dt.timedelta(days=1)
    change(operator, seattle01, "left", confirmed="yes", at=local(earlier, seattle01.site))
    change(operator, seattle01, "came", confirmed="yes", at=local(earlier - dt.timedelta(days=1), seattle01.site))
    seattle01.refresh_from_db()
    assert (seattle01.since, seattle01.until) == (earlier - dt.timedelta(days=1), earlier)
    see(places.SEATTLE01, now - dt.timedelta(hours=1))
    assert not Frame.objects.exists()
    foreseen = shown(change(operator, seattle01, "reopen"))
    assert "counts as having stayed" in foreseen
    assert "1 of its messages were taken when it was at no place, and are replayed" in foreseen
    change(operator, seattle01, "reopen", confirmed="yes")
    seattle01.refresh_from_db()
    assert seattle01.is_open
    assert Frame.objects.count() == 1


def test_a_name_that_is_taken_is_told_beside_the_field(operator: User, seattle01: Device) -> None:
    places.device(seattle01.site, "Lobby", "lobby-2")
    response = change(operator, seattle01, "rename", name="Lobby")
    assert response.status_code == 400
    assert escape("has, or had, another device of the name “Lobby”") in shown(response)


def test_only_a_camera_that_never_sent_is_removed(operator: User, seattle01: Device) -> None:
    new = services.register_device(site=seattle01.site, name="Typo", thing_name="tpyo")
    change(operator, new, "remove", confirmed="yes")
    assert not Device.objects.filter(pk=new.pk).exists()
    see(places.SEATTLE01, clock.now())
    assert change(operator, seattle01, "remove", confirmed="yes").status_code == 404
    assert Device.objects.filter(pk=seattle01.pk).exists()


def test_the_history_of_a_camera_names_only_the_users_own_sites(
    operator: User, outsider: User, seattle01: Device, chicago: Site
) -> None:
    moved = services.move_device(device=seattle01, site=chicago, name="Lobby", at=clock.now())
    here = shown(client_of(operator).get(reverse("device-place", args=["seattle", seattle01.pk])))
    assert "Lobby" not in here
    there = shown(client_of(outsider).get(reverse("device-place", args=["chicago", moved.pk])))
    assert "Seattle01" not in there


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_viewer_is_offered_no_change(name: str, viewer: User, seattle01: Device) -> None:
    page = shown(client_of(viewer).get(reverse("device-place", args=["seattle", seattle01.pk])))
    assert CHANGES[name].title not in page
    assert change(viewer, seattle01, name, confirmed="yes").status_code == 403


def test_an_operator_is_offered_what_suits_the_camera(operator: User, seattle01: Device) -> None:
    page = shown(client_of(operator).get(reverse("device-place", args=["seattle", seattle01.pk])))
    offered = {name for name, change in CHANGES.items() if f">{change.title}</a>" in page}
    assert offered == {"move", "replace", "retire", "rename", "came", "remove"}


def test_a_new_token_is_shown_once_and_works(operator: User, seattle01: Device) -> None:
    page = shown(client_of(operator).post(reverse("device-token", args=["seattle", seattle01.pk])))
    seattle01.thing.refresh_from_db()
    token = page.partition('<code class="secret">')[2].partition("<")[0]
    assert services.token_digest(token) == seattle01.thing.token_digest


def camera(user: User, device: Device, **typed: Any) -> Any:
    address = reverse("device-camera", args=[device.site.slug, device.pk])
    return client_of(user).post(address, {"clock_timezone": "UTC", **typed})


def test_an_operator_changes_the_settings_of_a_camera(operator: User, seattle01: Device) -> None:
    typed = {"cadence": "5", "detectors": ["faces"], "labels_sought": "thumbs-up, cup", "faces_sought": "true"}
    assert camera(operator, seattle01, **typed).status_code == 302
    seattle01.refresh_from_db()
    assert seattle01.thing.desired_config == {"cadence": 5.0, "detectors": ["faces"]}
    assert (seattle01.labels_sought, seattle01.sought_is_corrected) == (["cup", "thumbs-up"], True)
    page = shown(client_of(operator).get(reverse("device-camera", args=["seattle", seattle01.pk])))
    assert 'value="cup, thumbs-up"' in page
    assert 'value="5.0"' in page


def test_a_setting_that_the_camera_would_refuse_is_told_in_words_beside_its_field(
    operator: User, seattle01: Device
) -> None:
    response = camera(operator, seattle01, cadence="61")
    assert response.status_code == 400
    assert "This must be a number of at most 60." in shown(response)
    seattle01.thing.refresh_from_db()
    assert seattle01.thing.desired_config == {}
