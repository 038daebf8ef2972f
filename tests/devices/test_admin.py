"""The admin: what staff see and may change is what belongs to their own sites."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from devices.intake.batches import accept
from devices.intake.decoding import Arrival
from devices.models import Device, QuarantinedMessage, Site, Thing
from devices.roles import Role
from tests import clock, places

pytestmark = pytest.mark.django_db


def logged_in(user: User, *, staff: bool = False) -> Client:
    if staff:
        user.is_staff = True
        user.save()
        user.user_permissions.set(Permission.objects.filter(content_type__app_label="devices"))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("model", ["site", "membership", "device", "devicelog", "quarantinedmessage"])
def test_every_list_opens(model: str, superuser: User, seattle01: Device) -> None:
    accept([Arrival(f"$aws/things/{places.SEATTLE01}/infer", b'{"face": 17}', clock.now())])
    assert logged_in(superuser).get(f"/admin/devices/{model}/").status_code == 200


def test_a_quarantined_message_shows_what_it_said(superuser: User, seattle01: Device) -> None:
    accept([Arrival(f"$aws/things/{places.SEATTLE01}/infer", b'{"face": <17>}', clock.now())])
    page = logged_in(superuser).get(f"/admin/devices/quarantinedmessage/{QuarantinedMessage.objects.get().pk}/change/")
    assert "&lt;17&gt;" in page.content.decode()


def test_the_quarantine_is_counted_by_device_and_reason(superuser: User, seattle01: Device) -> None:
    topic, now = f"$aws/things/{places.SEATTLE01}/infer", clock.now()
    accept([Arrival(topic, b'{"face": 17}', now), Arrival(topic, b'{"face": 18}', now), Arrival(topic, b"{", now)])
    page = logged_in(superuser).get("/admin/devices/quarantinedmessage/")
    counted = page.context["quarantined_counts"]
    assert [(site, device, reason, count) for site, device, reason, _, count in counted] == [
        ("seattle", "Seattle01", "bad-value", 2),
        ("seattle", "Seattle01", "unreadable", 1),
    ]
    assert "Waiting for a replay" in page.content.decode()


def replayed(client: Client) -> str:
    chosen = [str(message.pk) for message in QuarantinedMessage.objects.all()]
    data = {"action": "replay", "_selected_action": chosen}
    return client.post("/admin/devices/quarantinedmessage/", data, follow=True).content.decode()


def test_what_was_mended_is_replayed_from_the_admin(superuser: User) -> None:
    accept([Arrival(f"$aws/things/{places.SEATTLE01}/infer", b'{"face": 0.5}', clock.now())])
    assert "0 messages were taken in, 1 stay in quarantine." in replayed(logged_in(superuser))
    places.seattle01()
    assert "1 messages were taken in, 0 stay in quarantine." in replayed(logged_in(superuser))
    assert not QuarantinedMessage.objects.filter(replayed_at=None).exists()


def test_a_viewer_of_the_site_replays_nothing(viewer: User, seattle01: Device) -> None:
    accept([Arrival(f"$aws/things/{places.SEATTLE01}/infer", b'{"face": 17}', clock.now())])
    page = replayed(logged_in(viewer, staff=True))
    assert "Your role does not allow you to replay 1 of the selected messages." in page


def test_a_site_and_a_device_can_be_registered(superuser: User) -> None:
    client = logged_in(superuser)
    empty_inline = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    client.post("/admin/devices/site/add/", {"name": "Oslo", "slug": "oslo", "timezone": "Europe/Oslo"} | empty_inline)
    site = Site.objects.get()
    device = {"site": site.pk, "name": "Oslo01", "thing_name": "oslo-1", "clock_timezone": "UTC"}
    client.post("/admin/devices/device/add/", device)
    assert Device.objects.get().site == site


def test_a_wrong_time_zone_is_named(superuser: User) -> None:
    answer = logged_in(superuser).post("/admin/devices/site/add/", {"name": "O", "slug": "o", "timezone": "Mars/Base"})
    assert "is not an IANA time zone" in answer.content.decode()


def test_staff_see_their_own_sites_only(outsider: User, seattle01: Device, chicago01: Device) -> None:
    page = logged_in(outsider, staff=True).get("/admin/devices/device/").content.decode()
    assert "Chicago01" in page
    assert "Seattle01" not in page


@pytest.mark.parametrize("model", ["membership", "device", "devicelog", "quarantinedmessage"])
def test_no_filter_names_another_site_or_its_devices(
    model: str, outsider: User, seattle01: Device, chicago01: Device
) -> None:
    page = logged_in(outsider, staff=True).get(f"/admin/devices/{model}/").content.decode()
    assert "Seattle" not in page


def test_staff_cannot_open_another_sites_device(outsider: User, seattle01: Device) -> None:
    response = logged_in(outsider, staff=True).get(f"/admin/devices/device/{seattle01.pk}/change/")
    assert response.status_code == 302  # back to the index: no such device for them


def test_staff_cannot_move_a_device_to_another_site(outsider: User, seattle: Site, chicago01: Device) -> None:
    form = {"site": seattle.pk, "name": "Chicago01", "thing_name": chicago01.thing_name, "clock_timezone": "UTC"}
    logged_in(outsider, staff=True).post(f"/admin/devices/device/{chicago01.pk}/change/", form)
    chicago01.refresh_from_db()
    assert chicago01.site.slug == "chicago"


def test_a_viewer_changes_nothing(seattle: Site, seattle01: Device) -> None:
    viewer = places.user("looker", {seattle: Role.VIEWER})
    form = {"site": seattle.pk, "name": "Renamed", "thing_name": seattle01.thing_name, "clock_timezone": "UTC"}
    response = logged_in(viewer, staff=True).post(f"/admin/devices/device/{seattle01.pk}/change/", form)
    assert response.status_code == 403


@pytest.mark.parametrize("is_superuser", [True, False])
def test_superusers_alone_decide_whose_a_bucket_is(seattle: Site, seattle01: Device, is_superuser: bool) -> None:
    somebody = places.superuser("chief") if is_superuser else places.user("owner", {seattle: Role.OWNER})
    form = {"site": seattle.pk, "name": "Renamed", "thing_name": seattle01.thing_name, "clock_timezone": "UTC"}
    form |= {"bucket": "another-sites-bucket", "bucket_prefix": "pictures/", "labels_sought": "[]"}
    client = logged_in(somebody, staff=True)
    client.post(f"/admin/devices/device/{seattle01.pk}/change/", form)
    device = Device.objects.select_related("thing").get(pk=seattle01.pk)
    assert device.name == "Renamed"
    assert device.thing.bucket == ("another-sites-bucket" if is_superuser else "")


def test_a_device_can_be_deleted_only_while_nothing_was_heard_of_it(
    superuser: User, seattle01: Device, chicago01: Device
) -> None:
    accept([Arrival(f"$aws/things/{places.SEATTLE01}/infer", b"{}", clock.now())])
    client = logged_in(superuser)
    pages = {device: f"/admin/devices/device/{device.pk}/delete/" for device in (seattle01, chicago01)}
    assert "retire it instead" in client.post(pages[seattle01], {"post": "yes"}, follow=True).content.decode()
    assert client.post(pages[chicago01], {"post": "yes"}).status_code == 302
    assert [thing.name for thing in Thing.objects.all()] == [places.SEATTLE01]
    assert list(Device.objects.all()) == [seattle01]
    assert "delete_selected" not in client.get("/admin/devices/device/").content.decode()


def test_a_token_is_shown_once_and_stored_as_a_digest(superuser: User, seattle01: Device) -> None:
    chosen = {"action": "issue_token", "_selected_action": [seattle01.pk]}
    page = logged_in(superuser).post("/admin/devices/device/", chosen, follow=True).content.decode()
    token = page.split("<code>")[1].split("</code>")[0]
    seattle01.refresh_from_db()
    assert token not in seattle01.thing.token_digest
    assert len(seattle01.thing.token_digest) == 64
