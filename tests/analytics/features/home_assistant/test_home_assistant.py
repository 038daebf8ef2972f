"""What Home Assistant finds at a real broker: retained, true, and gone when it is switched off."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from analytics.features.home_assistant import discovery
from analytics.features.home_assistant.reads import read_devices_now
from analytics.features.home_assistant.services import publish_states
from analytics.models import Episode
from analytics.models.home_assistant import AnnouncedTopic
from analytics.tasks import tell_home_assistant
from devices.models import Device, DeviceState
from tests.analytics.frames import count, seen
from tests.analytics.visits import report, visited
from tests.edge_agent.platforms import platform
from tests.programs.brokers import Mosquitto, free_port, mosquitto
from tests.programs.waiting import eventually

NOW = dt.datetime(2026, 11, 20, 20, 30, tzinfo=dt.UTC)
"""12:30 in Seattle."""

DISCOVERED = re.compile(r"homeassistant/sensor/[a-zA-Z0-9_-]+/config")
"""What Home Assistant takes for the announcement of a sensor."""

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker(tmp_path: Path, settings: Settings) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as running:
        settings.MQTT_URL, settings.HOME_ASSISTANT_PREFIX = running.url, "homeassistant"
        yield running


def retained(broker: Mosquitto) -> dict[str, Any]:
    """What whoever comes now is given."""
    end = "homeassistant/end/of/all"
    with platform(broker, confirms=False, topics="homeassistant/#") as listening:
        listening._client.publish(end, b"", qos=1)
        assert eventually(lambda: any(topic == end for topic, _ in listening.received))
        found = {topic: payload.decode() for topic, payload in listening.received if topic != end}
    return {topic: json.loads(text) if text.startswith("{") else text for topic, text in found.items()}


def online(device: Device, at: dt.datetime = NOW) -> None:
    DeviceState.objects.update_or_create(
        thing=device.thing, defaults={"last_seen_at": at, "online": True, "software": "headcount-edge 1.0"}
    )


def minutes_ago(number: float) -> dt.datetime:
    return NOW - dt.timedelta(minutes=number)


def test_a_device_is_announced_with_sensors_that_read_its_state(broker: Mosquitto, seattle01: Device) -> None:
    online(seattle01)
    count(seen(seattle01, minutes_ago(1), faces=[0.9, 0.8]), seen(seattle01, minutes_ago(20), faces=[]))
    report(visited(seattle01, minutes_ago(1), attention=3), visited(seattle01, minutes_ago(2), attention=0.5))
    assert publish_states(now=NOW) == 1
    found = retained(broker)
    sensors = {config["name"]: config for topic, config in found.items() if DISCOVERED.fullmatch(topic)}
    assert set(sensors) == {
        "People facing now",
        "Engagement this hour",
        "Visits today",
        "Viewers today",
        "Passers-by today",
        "Conversion today",
        "Median dwell today",
        "Median attention today",
        "Thumbs-up today",
        "Picture problem",
        "Online",
    }
    for name, config in sensors.items():
        assert config["device"]["identifiers"] == [f"headcount_{seattle01.thing_name}"]
        assert config["device"]["name"] == "Seattle01"
        assert config["expire_after"] > discovery.EVERY_SECONDS
        if name != "Online":
            assert found[config["availability_topic"]] == config["payload_available"]
    said = {name: found[config["state_topic"]][value_of(config)] for name, config in sensors.items()}
    assert said == {
        "People facing now": 2,
        "Engagement this hour": 1.0,
        "Visits today": 2,
        "Viewers today": 1,
        "Passers-by today": None,
        "Conversion today": None,
        "Median dwell today": pytest.approx(10, rel=0.1),
        "Median attention today": pytest.approx(0.5, rel=0.1),
        "Thumbs-up today": 0,
        "Picture problem": None,
        "Online": "online",
    }
    assert len({config["unique_id"] for config in sensors.values()}) == 11


def value_of(config: dict[str, Any]) -> str:
    template = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", config["value_template"])
    assert template is not None
    return template[1]


def test_a_picture_that_the_camera_complains_of_is_told(broker: Mosquitto, seattle01: Device) -> None:
    for problem, said in (("dark", "dark"), ("", "none")):
        DeviceState.objects.update_or_create(
            thing=seattle01.thing,
            defaults={"last_seen_at": NOW, "online": True, "status_at": NOW, "picture_problem": problem},
        )
        publish_states(now=NOW)
        [state] = [value for topic, value in retained(broker).items() if topic.endswith("/state")]
        assert state["picture"] == said


def test_a_silent_device_is_unavailable_and_not_at_zero(broker: Mosquitto, seattle01: Device) -> None:
    online(seattle01, at=minutes_ago(30))
    publish_states(now=NOW)
    found = retained(broker)
    [state] = [value for topic, value in found.items() if topic.endswith("/state")]
    assert state == {
        "people": None,
        "engagement": None,
        "visits": None,
        "viewers": None,
        "passers_by": None,
        "conversion": None,
        "dwell": None,
        "attention": None,
        "thumbs_up": None,
        "picture": None,
        "online": "offline",
    }
    assert [value for topic, value in found.items() if topic.endswith("/availability")] == ["offline"]


def test_switching_it_off_removes_all_messages(broker: Mosquitto, settings: Settings, seattle01: Device) -> None:
    publish_states(now=NOW)
    assert len(retained(broker)) == AnnouncedTopic.objects.count() == 13
    settings.HOME_ASSISTANT_PREFIX = ""
    assert publish_states(now=NOW) == 0
    assert retained(broker) == {}
    assert AnnouncedTopic.objects.count() == 0


def test_a_device_that_is_no_more_is_taken_back(broker: Mosquitto, seattle01: Device, chicago01: Device) -> None:
    publish_states(now=NOW)
    chicago01.delete()
    publish_states(now=NOW)
    assert {topic for topic in retained(broker) if chicago01.thing_name in topic} == set()
    assert len(retained(broker)) == 13


def test_another_prefix_removes_the_messages_under_the_old_one(
    broker: Mosquitto, settings: Settings, seattle01: Device
) -> None:
    publish_states(now=NOW)
    settings.HOME_ASSISTANT_PREFIX = "ha/discovery/"
    publish_states(now=NOW)
    assert retained(broker) == {}
    assert all(topic.startswith("ha/discovery/") for topic in AnnouncedTopic.objects.values_list("topic", flat=True))


def test_what_a_broker_that_was_away_still_holds_is_removed_later(
    broker: Mosquitto, settings: Settings, seattle01: Device
) -> None:
    publish_states(now=NOW)
    broker.stop()
    settings.HOME_ASSISTANT_PREFIX = ""
    assert publish_states(now=NOW) == 0
    assert AnnouncedTopic.objects.count() == 13
    broker.start()
    publish_states(now=NOW)
    assert retained(broker) == {}


def test_it_is_off_by_default_and_reaches_no_broker(
    settings: Settings, seattle01: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.MQTT_URL = f"mqtt://127.0.0.1:{free_port()}"
    assert settings.HOME_ASSISTANT_PREFIX == ""
    with django_assert_num_queries(1):
        assert tell_home_assistant() == 0


def test_the_people_are_those_of_the_latest_frame(seattle01: Device) -> None:
    count(seen(seattle01, minutes_ago(1), faces=[0.9]), seen(seattle01, minutes_ago(1.5), faces=[0.9] * 3))
    assert [device.people for device in read_devices_now(now=NOW)] == [1]
    assert [device.people for device in read_devices_now(now=NOW + dt.timedelta(minutes=5))] == [None]


def test_a_device_that_counts_no_faces_has_an_unknown_number_of_people(seattle01: Device) -> None:
    count(seen(seattle01, minutes_ago(1), faces=None))
    [device] = read_devices_now(now=NOW)
    assert (device.people, device.engagement) == (None, None)


def test_a_thumb_that_is_held_up_counts_once_on_its_own_day(seattle01: Device) -> None:
    midnight = dt.datetime(2026, 11, 20, 8, tzinfo=dt.UTC)
    count(seen(seattle01, minutes_ago(1), faces=[]))
    for number, started in enumerate([midnight - dt.timedelta(minutes=1), midnight, minutes_ago(2)]):
        ended = started + dt.timedelta(seconds=5)
        Episode.objects.create(
            device=seattle01, label="thumbs-up", started=started, ended=ended, peak=number + 1, confidence=0.9
        )
    assert [device.thumbs_up for device in read_devices_now(now=NOW)] == [2]


def test_many_devices_take_as_many_queries_as_one(
    seattle01: Device, chicago01: Device, chicago02: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(7):
        assert len(read_devices_now(now=NOW)) == 3


def device_now(thing: str) -> discovery.DeviceNow:
    return discovery.DeviceNow(thing, "Lobby", "Seattle", "", True, 1, 1.0, 1, 1, 1, 50.0, 9.0, 4.0, 1, "none")


def test_a_thing_name_with_a_colon_is_announced_as_home_assistant_takes_it() -> None:
    assert all(DISCOVERED.fullmatch(topic) for topic in discovery.announcements("homeassistant", [device_now("a:b")]))


def test_no_thing_name_takes_the_sensors_of_another() -> None:
    things = ["lobby:1", "lobby__1", "lobby_1", "lobby-1"]
    hashed = discovery.announcements("homeassistant", [device_now("lobby:1")])
    things += [topic.split("/")[2].removeprefix("headcount-").removesuffix("_people") for topic in hashed]
    topics = discovery.announcements("homeassistant", [device_now(thing) for thing in things])
    assert len(topics) == len(things) * len(hashed)
