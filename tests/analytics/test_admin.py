import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.models import Detection, Frame, LabelQuarter, Verdict
from devices.models import Device
from tests.analytics.frames import count, seen

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
LIST = "admin:analytics_detection_changelist"


@pytest.fixture
def cup(seattle01: Device, chicago01: Device) -> Detection:
    """A cup in Seattle; there is a thumb in Chicago too."""
    count(seen(seattle01, NOON, labels=[("cup", 0.9)]), seen(chicago01, NOON, labels=[("thumbs-up", 0.8)]))
    return Detection.objects.get(label="cup")


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def call(client: Client, action: str, *detections: Detection) -> str:
    data = {"action": action, "_selected_action": [detection.pk for detection in detections]}
    return client.post(reverse(LIST), data, follow=True).content.decode()


def test_an_administrator_calls_a_detection_wrong_and_takes_it_back(cup: Detection, superuser: User) -> None:
    client = logged_in(superuser)
    assert "1 reviewed; the tallies are corrected." in call(client, "call_wrong", cup)
    cup.refresh_from_db()
    assert (cup.review, cup.reviews.get().reviewer) == (Verdict.WRONG, superuser)
    assert LabelQuarter.objects.get(label="cup").rejected == 1
    call(client, "call_right", cup)
    cup.refresh_from_db()
    assert (cup.review, LabelQuarter.objects.get(label="cup").rejected) == (Verdict.RIGHT, 0)
    call(client, "take_back", cup)
    cup.refresh_from_db()
    assert cup.review is None


@pytest.mark.parametrize("model", ["frame", "detection"])
def test_nothing_can_be_added_changed_or_deleted(cup: Detection, superuser: User, model: str) -> None:
    client = logged_in(superuser)
    pk = {"frame": cup.frame_id, "detection": cup.pk}[model]
    assert client.get(reverse(f"admin:analytics_{model}_change", args=[pk])).status_code == 200
    assert client.post(reverse(f"admin:analytics_{model}_change", args=[pk]), {"label": "mug"}).status_code == 403
    assert client.post(reverse(f"admin:analytics_{model}_delete", args=[pk]), {"post": "yes"}).status_code == 403
    assert client.get(reverse(f"admin:analytics_{model}_add")).status_code == 403
    assert (Frame.objects.count(), Detection.objects.count()) == (2, 2)
