"""The admin of sites and devices, for administrators. tests/end_to_end/test_admin_access.py says who may open it."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.intake.batches import accept
from devices.models import Device, QuarantinedMessage, Site, Thing
from devices.reading.decoding import Arrival
from tests import clock
from tests.world import places

pytestmark = pytest.mark.django_db


def logged_in(user: User) -> Client:
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
    assert "“Mars/Base” is not a time zone. Choose one from the list." in answer.content.decode()


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


def test_an_administrator_decides_whose_a_bucket_is(superuser: User, seattle: Site, seattle01: Device) -> None:
    form = {"site": seattle.pk, "name": "Renamed", "thing_name": seattle01.thing_name, "clock_timezone": "UTC"}
    form |= {"bucket": "own-bucket", "bucket_prefix": "pictures/", "labels_sought": "[]"}
    logged_in(superuser).post(f"/admin/devices/device/{seattle01.pk}/change/", form)
    device = Device.objects.select_related("thing").get(pk=seattle01.pk)
    assert (device.name, device.thing.bucket) == ("Renamed", "own-bucket")


@pytest.mark.parametrize("change", ["closed", "deleted"])
def test_the_account_of_a_sites_only_owner_stays(superuser: User, owner: User, change: str) -> None:
    address = f"/admin/auth/user/{owner.pk}/"
    client = logged_in(superuser)
    if change == "deleted":
        assert client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    else:
        page = client.post(f"{address}change/", {"username": owner.username, "email": ""}).content.decode()
        assert "owner is the only owner of Seattle. Make somebody else owner first." in page
    assert User.objects.get(pk=owner.pk).is_active
