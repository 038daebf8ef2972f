"""Several ingesters at work together count each message once, whichever of them gets it."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from analytics.models import EngagementQuarter, Frame
from devices import health
from devices.models import Device, Heartbeat, QuarantinedMessage
from devices.mqtt import assignments, broker
from edge_agent import messages
from tests import clock
from tests.devices.mqtt.test_ingest import ROOT, database_url, ingesting, peer, publish
from tests.programs.brokers import Mosquitto, mosquitto
from tests.programs.waiting import PATIENCE_S, eventually
from tests.world import places

SHARDS_OF_8 = [7, 4, 3]
"""Of the three devices: were they others, a device's session would be left behind with its messages."""

things = st.text("abcdefXYZ019:_-", min_size=1, max_size=40)


class TestRoutes:
    @given(things, st.integers(1, 9))
    def test_each_thing_belongs_to_exactly_one_shard(self, thing: str, shards: int) -> None:
        takers = [assignments.shard("ingest", f"{number}/{shards}").includes(thing) for number in range(shards)]
        assert takers.count(True) == 1

    def test_shards_are_about_equal(self) -> None:
        sizes = Counter(assignments.shard_of(f"deeplens_{number}", 4) for number in range(4_000))
        assert all(900 < sizes[shard] < 1_100 for shard in range(4))

    def test_a_shard_stays_the_same_over_releases(self) -> None:
        assert [
            assignments.shard_of(thing, 8) for thing in (places.SEATTLE01, places.CHICAGO01, places.CHICAGO02)
        ] == SHARDS_OF_8

    def test_members_of_a_group_have_names_of_their_own_and_leave_nothing_behind(self) -> None:
        first, second = assignments.group_member("ingest", "agents"), assignments.group_member("ingest", "agents")
        assert first.client_id != second.client_id
        assert first.topics == second.topics == ("$share/agents/dt/headcount/+/+",)
        assert not first.persistent

    @pytest.mark.parametrize("which", ["2/2", "1", "a/b", "-1/2", "0/0", "1/2/3", ""])
    def test_what_is_no_shard_is_refused_in_one_sentence(self, which: str) -> None:
        with pytest.raises(
            CommandError, match=r"is not a shard: write 0/2 for the first of two shards and 1/2 for the second\.$"
        ):
            call_command("ingest", f"--shard={which}")

    @pytest.mark.parametrize("group", ["", "a/b", "a+", "#"])
    def test_what_is_no_group_is_refused_in_one_sentence(self, group: str) -> None:
        with pytest.raises(CommandError, match="is not a valid name of a group"):
            call_command("ingest", f"--share={group}")

    def test_an_ingester_is_one_or_the_other(self) -> None:
        with pytest.raises(CommandError, match="not allowed with"):
            call_command("ingest", "--share=agents", "--shard=0/2")


@pytest.fixture
def mqtt(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "mosquitto", "max_inflight_messages 0") as running:
        yield running


@contextmanager
def all_ingesting(mqtt: Mosquitto, *several: assignments.Assignment) -> Iterator[list[broker.Subscription]]:
    with ExitStack() as stack:
        yield [stack.enter_context(ingesting(mqtt, route)) for route in several]


@contextmanager
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How many messages each client has acknowledged."""
    acknowledged: Counter[str] = Counter()
    ack: Callable[..., None] = broker.Subscription.ack

    def counting(self: broker.Subscription, delivered: list[broker.Unacknowledged]) -> None:
        acknowledged[self.client_id] += len(delivered)
        ack(self, delivered)

    with monkeypatch.context() as patch:
        patch.setattr(broker.Subscription, "ack", counting)
        yield acknowledged


def frames_messages(count: int) -> dict[str, bytes]:
    """Messages by their ids, each with one frame of a moment of its own."""
    now = clock.epoch_ms()
    return {
        f"m{number}": messages.encode(
            messages.Frames(id=f"m{number}", frames=(messages.Frame(taken_at=now - number, faces=()),))
        )
        for number in range(count)
    }


def devices(count: int) -> list[Device]:
    return [places.device(places.chicago(), f"Camera{number}", f"camera{number}") for number in range(count)]


@pytest.mark.django_db(transaction=True)
class TestShards:
    def test_each_message_counts_once_of_known_and_unknown_devices(self, mqtt: Mosquitto) -> None:
        cameras = devices(6)
        things = [camera.thing_name for camera in cameras] + ["stranger"]
        with (
            all_ingesting(mqtt, *(assignments.shard("tests", f"{number}/3") for number in range(3))),
            peer(mqtt) as (to, _),
        ):
            for _ in range(30):
                for thing in things:
                    publish(to, f"$aws/things/{thing}/infer", b'{"face": 0.5}')
            assert eventually(lambda: Frame.objects.count() >= 30 * len(cameras))
            assert eventually(lambda: QuarantinedMessage.objects.count() >= 30)
            time.sleep(0.5)
        assert Counter(Frame.objects.values_list("device__thing", flat=True)) == {
            camera.thing_name: 30 for camera in cameras
        }
        assert QuarantinedMessage.objects.count() == 30

    def test_a_device_that_is_registered_meanwhile_is_neither_lost_nor_counted_twice(self, mqtt: Mosquitto) -> None:
        with (
            all_ingesting(mqtt, *(assignments.shard("tests", f"{number}/2") for number in range(2))),
            peer(mqtt) as (to, _),
        ):
            for number in range(40):
                if number == 20:
                    devices(1)
                publish(to, "$aws/things/camera0/infer", b'{"face": 0.5}')
            assert eventually(lambda: Frame.objects.count() + QuarantinedMessage.objects.count() >= 40)
            time.sleep(0.5)
        assert Frame.objects.count() + QuarantinedMessage.objects.count() == 40
        assert Frame.objects.count() >= 20

    def test_messages_wait_for_the_shard_that_is_away_and_for_no_other(self, mqtt: Mosquitto) -> None:
        cameras = devices(4)
        of_two = [assignments.shard("tests", f"{number}/2") for number in range(2)]
        with all_ingesting(mqtt, *of_two):
            pass
        mine = [camera.thing_name for camera in cameras if of_two[0].includes(camera.thing_name)]
        with ingesting(mqtt, of_two[0]), peer(mqtt) as (to, _):
            for camera in cameras:
                publish(to, f"$aws/things/{camera.thing_name}/infer", b"{}")
            assert eventually(lambda: Frame.objects.count() == len(mine))
        with ingesting(mqtt, of_two[1]):
            assert eventually(lambda: Frame.objects.count() == len(cameras))
        assert EngagementQuarter.objects.count() >= len(cameras)


@pytest.mark.django_db(transaction=True)
class TestShares:
    def test_members_share_the_work_and_count_everything_once(
        self, mqtt: Mosquitto, seattle01: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent = frames_messages(300)
        members = [assignments.group_member("tests", "agents") for _ in range(2)]
        receipts = messages.topic_to_device(places.SEATTLE01, "receipt")
        with noted(monkeypatch) as taken, all_ingesting(mqtt, *members), peer(mqtt, receipts) as (to, heard):
            for payload in sent.values():
                publish(to, messages.topic_from_device(places.SEATTLE01, "frames"), payload)
            assert eventually(lambda: receipted(heard) >= sent.keys())
        assert Frame.objects.count() == len(sent)
        assert sum(EngagementQuarter.objects.values_list("frames", flat=True)) == len(sent)
        assert all(taken[member.client_id] > 0 for member in members)

    def test_what_a_lost_member_had_is_sent_again_and_counts_once(self, mqtt: Mosquitto, seattle01: Device) -> None:
        """As an agent does: it sends again, in any order, whatever brought no receipt."""
        left = frames_messages(200)
        receipts = messages.topic_to_device(places.SEATTLE01, "receipt")
        chance = random.Random(5)
        with ingesting(mqtt, assignments.group_member("tests", "agents")), peer(mqtt, receipts) as (to, heard):
            lost = assignments.group_member("tests", "agents")
            member = broker.Subscription(mqtt.url, lost, first_sequence=1, clock=clock.now)
            member.start()  # takes its share, commits nothing, and is gone
            assert member.subscribed.wait(PATIENCE_S)
            send(to, left, chance)
            member.stop()

            def all_are_receipted() -> bool:
                time.sleep(0.3)
                send(to, {key: left[key] for key in left.keys() - receipted(heard)}, chance)
                return not left.keys() - receipted(heard)

            assert eventually(all_are_receipted)
        assert receipted(heard) == left.keys()
        assert Frame.objects.count() == len(left)

    def test_the_command_takes_its_share_and_is_not_missed_when_it_has_ended(
        self, mqtt: Mosquitto, seattle01: Device
    ) -> None:
        died = clock.now() - health.SILENT_FOR * 2
        health.beat("ingest tests-agents-killed", at=died)
        health.beat("ingest tests", at=died)
        topic = messages.topic_from_device(places.SEATTLE01, "frames")
        [payload] = frames_messages(1).values()
        environment = os.environ | {"MQTT_URL": mqtt.url, "DATABASE_URL": database_url(), "MQTT_CLIENT_ID": "tests"}
        command = [sys.executable, "manage.py", "ingest", "--share", "agents"]
        with subprocess.Popen(command, cwd=ROOT, env=environment) as process, peer(mqtt) as (to, _):
            # Until it has subscribed, there is nobody to keep the message for.
            def has_come() -> bool:
                publish(to, topic, payload)
                return Frame.objects.exists()

            assert eventually(has_come)
            assert eventually(lambda: Heartbeat.objects.filter(process__startswith="ingest").count() == 3)
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
        assert Frame.objects.count() == 1
        left = Heartbeat.objects.filter(process__startswith="ingest").values_list("process", flat=True)
        assert list(left) == ["ingest tests"]


def receipted(heard: list[paho.MQTTMessage]) -> set[str]:
    """The ids of all messages that a receipt came for."""
    return {id for receipt in list(heard) for id in json.loads(receipt.payload)["ids"]}


def send(to: paho.Client, left: dict[str, bytes], chance: random.Random) -> None:
    for key in chance.sample(sorted(left), len(left)):
        publish(to, messages.topic_from_device(places.SEATTLE01, "frames"), left[key])
