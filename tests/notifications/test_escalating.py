"""When nobody acknowledges what a rule tells, the rule tells others, once."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from devices import services as devices
from devices.models import Device, Site
from notifications.models import Channel, ChannelKind, Happening, Kind, Notice, Rule, State
from notifications.rules import escalating, matching
from notifications.rules import services as rules
from notifications.sending import due_notices
from notifications.sending import services as sending
from tests import clock
from tests.clock import SetClock
from tests.notifications.test_rules import happen, told

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def chief(seattle: Site) -> Channel:
    return sending.add_channel(site=seattle, kind=ChannelKind.INBOX, name="Chief", address="")[0]


@pytest.fixture
def rule(seattle: Site, inbox: Channel, chief: Channel) -> Rule:
    made = Rule(site=seattle, kind=Kind.LABEL, label="alarm", texts=["It rings."], escalate_after_min=10)
    return rules.save_rule(rule=made, channels=[inbox], escalate_to=[chief])


def texts(channel: Channel) -> list[str]:
    return list(Notice.objects.filter(channel=channel).values_list("text", flat=True))


def test_others_are_told_once_when_nobody_acknowledges_in_time(
    seattle01: Device, rule: Rule, chief: Channel, set_clock: SetClock
) -> None:
    happen(seattle01, label="alarm")
    assert told() == ["It rings."]
    for minutes, alarms in ((9, 0), (1, 1), (30, 1)):
        set_clock(clock.now() + minutes * MINUTE)
        escalating.escalate(now=clock.now())
        assert len(texts(chief)) == alarms
    assert texts(chief) == ["Nobody has acknowledged this for 10 minutes: It rings."]


def test_a_link_in_the_message_acknowledges_by_a_button_and_needs_no_account(
    seattle01: Device, rule: Rule, chief: Channel, set_clock: SetClock, client: Client
) -> None:
    for number in range(3):
        happen(seattle01, label="alarm", after_s=-number)
    told()
    [parcel] = due_notices.take(now=clock.now())
    assert len(parcel.notices) == 3
    assert parcel.message.told(1000).splitlines()[-1] == f"Acknowledge: {parcel.message.acknowledge}"
    path = "/notices" + parcel.message.acknowledge.partition("/notices")[2]
    assert "It rings." in client.get(path).content.decode()
    assert not Notice.objects.exclude(acknowledged_at=None).exists()  # mail scanners open every link
    assert "Nobody else is told." in client.post(path).content.decode()
    assert Notice.objects.exclude(acknowledged_at=None).count() == 3
    set_clock(clock.now() + 11 * MINUTE)
    assert escalating.escalate(now=clock.now()) == 0
    assert texts(chief) == []
    assert client.get(path[:-3] + "xx/").status_code == 404


def test_a_camera_that_is_back_and_a_silent_rule_alarm_nobody(
    seattle01: Device, inbox: Channel, chief: Channel, set_clock: SetClock
) -> None:
    made = Rule(site=seattle01.site, kind=Kind.CAMERA_OFF, escalate_after_min=10)
    rule = rules.save_rule(rule=made, channels=[inbox], escalate_to=[chief])
    happen(seattle01, Kind.CAMERA_OFF)
    told()
    happen(seattle01, Kind.CAMERA_BACK, after_s=60)
    later = clock.now() + 20 * MINUTE
    assert escalating.escalate(now=later) == 0
    happen(seattle01, Kind.CAMERA_OFF, after_s=120)
    told()
    rules.snooze(rule=rule, until=later + MINUTE)
    assert escalating.escalate(now=later) == 0
    assert not Notice.objects.exclude(escalate_at=None).exists()


def test_an_operator_acknowledges_on_the_page(seattle01: Device, rule: Rule, client: Client, operator: User) -> None:
    happen(seattle01, label="alarm")
    told()
    client.force_login(operator)
    page = reverse("site-notices", args=[seattle01.site.slug])
    assert "after 10 minutes without an acknowledgement, tell “Chief”" in client.get(page).content.decode()
    notice = Notice.objects.get()
    shown = client.post(reverse("site-notice-acknowledge", args=["seattle", notice.pk]), follow=True).content.decode()
    assert f"by {operator}" in shown
    assert Notice.objects.get().acknowledged_by == operator


def test_a_program_acknowledges(seattle01: Device, rule: Rule, operator: User, viewer: User) -> None:
    happen(seattle01, label="alarm")
    told()
    api, notice = APIClient(), Notice.objects.get()
    for user, status in ((viewer, 403), (operator, 204)):
        api.force_authenticate(user)
        assert api.post(f"/api/v1/notices/{notice.pk}/acknowledge/").status_code == status
    assert api.get(f"/api/v1/notices/{notice.pk}/").json()["acknowledged_at"]
    assert api.get("/api/v1/notice-rules/").json()["results"][0]["escalate_after_min"] == 10


def test_a_rule_that_escalates_names_a_time_and_another_channel(seattle: Site, inbox: Channel, chief: Channel) -> None:
    for minutes, others in ((10, []), (0, [chief]), (10, [inbox]), (rules.MOST_MINUTES + 1, [chief])):
        made = Rule(site=seattle, kind=Kind.LABEL, escalate_after_min=minutes)
        with pytest.raises(ValidationError):
            rules.save_rule(rule=made, channels=[inbox], escalate_to=others)
    assert not Rule.objects.exists()


def test_cameras_that_go_off_within_a_minute_are_told_in_one_sentence(
    seattle: Site, seattle01: Device, inbox: Channel, set_clock: SetClock
) -> None:
    names = ["Seattle01", *(f"Seattle{number:02}" for number in range(2, 27))]
    cameras = [seattle01, *(devices.register_device(site=seattle, name=one, thing_name=one) for one in names[1:])]
    rules.save_rule(rule=Rule(site=seattle, kind=Kind.CAMERA_OFF), channels=[inbox])
    for device in cameras[:20]:
        happen(device, Kind.CAMERA_OFF)
    told()
    assert due_notices.take(now=clock.now()) == []
    set_clock(clock.now() + MINUTE)
    for device in cameras[20:]:
        happen(device, Kind.CAMERA_OFF)
    told()
    set_clock(clock.now() + matching.COLLECTED_FOR - MINUTE)
    [parcel] = due_notices.take(now=clock.now())
    assert parcel.message.text == f"26 cameras of Seattle are off: {', '.join(names[:20])} and 6 more."
    assert parcel.message.subject.startswith("Seattle: 26 cameras of Seattle are off: Seattle01, ")
    assert not Notice.objects.filter(state=State.WAITING, attempts=0).exists()
    assert Happening.objects.count() == 26
