"""Each kind of channel delivers to a real other side, and refuses an address that it must not or cannot use."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from django.core.exceptions import ValidationError
from paho.mqtt.enums import CallbackAPIVersion

from devices.models import Site
from faces import aws
from notifications.models import ChannelKind
from notifications.sending import channels, services, services_known
from notifications.sending.addresses import Failed, Refused
from notifications.sending.channels import Message
from tests import clock
from tests.notifications.conftest import Receiver
from tests.programs.aws import moto
from tests.programs.brokers import Mosquitto, mosquitto
from tests.programs.waiting import eventually

pytestmark = pytest.mark.django_db


def message(text: str = "Thanks, Seattle01!") -> Message:
    return Message("an-id", "label", "seattle", "Seattle: Thanks", text, clock.now())


@pytest.fixture
def broker(tmp_path: Path, settings: Any) -> Iterator[Mosquitto]:
    rules = tmp_path / "acl"
    rules.write_text("pattern readwrite headcount/notices/#\npattern readwrite alarms/#\n")
    rules.chmod(0o700)
    with mosquitto(tmp_path / "broker", f"acl_file {rules}") as one:
        settings.MQTT_URL = one.url
        yield one


class Listener:
    """Reads what is published below a topic."""

    def __init__(self, broker: Mosquitto, topic: str) -> None:
        self.heard: list[tuple[str, dict[str, str]]] = []
        granted: list[bool] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda client, data, told: self.heard.append((told.topic, json.loads(told.payload)))
        self.client.on_subscribe = lambda *_: granted.append(True)
        self.client.connect(broker.host, broker.port)
        self.client.subscribe(topic)
        self.client.loop_start()
        assert eventually(lambda: bool(granted))

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_mqtt_tells_at_the_platforms_broker_below_the_sites_own_topic(broker: Mosquitto, seattle: Site) -> None:
    channel, _ = services.add_channel(site=seattle, kind=ChannelKind.MQTT, name="Bus", address="lobby/alarms")
    with Listener(broker, "headcount/notices/seattle/#") as listener:
        assert services.send_test(channel=channel, now=clock.now()) == "The test was taken by the other side."
        assert eventually(lambda: bool(listener.heard))
    [(topic, told)] = listener.heard
    assert (topic, told["kind"], told["site"]) == ("headcount/notices/seattle/lobby/alarms", "test", "seattle")


def test_mqtt_tells_at_another_broker_and_shows_no_password(broker: Mosquitto, seattle: Site, settings: Any) -> None:
    address = f"mqtt://ada:secret@127.0.0.1:{broker.port}/alarms/seattle"
    channel, _ = services.add_channel(site=seattle, kind=ChannelKind.MQTT, name="Bus", address=address)
    assert channel.shown == "127.0.0.1/alarms/seattle"
    assert "private network" in services.send_test(channel=channel, now=clock.now())
    settings.NOTIFY_PRIVATE_ADDRESSES = True
    with Listener(broker, "alarms/#") as listener:
        channels.send(channel.kind, {"address": address}, message())
        assert eventually(lambda: bool(listener.heard))
    assert listener.heard[0][1]["id"] == "an-id"


def test_a_topic_that_the_broker_refuses_is_said_in_a_sentence(broker: Mosquitto, settings: Any) -> None:
    settings.NOTIFY_PRIVATE_ADDRESSES = True
    with pytest.raises(Failed, match="The broker refused the message on other: Not authorized"):
        channels.send(ChannelKind.MQTT, {"address": f"{broker.url}/other"}, message())


@pytest.mark.parametrize(
    "address",
    [
        *("mqtt://mqtt.example.com", "mqtt://mqtt.example.com/a/#", "mqtt://mqtt.example.com/cmd/headcount/one/config"),
        *("mqtt:///alarms", "mqtt://mqtt.example.com:x/alarms", "https://mqtt.example.com/alarms"),
        *("+/alarms", "a\nb", "x" * 300, "mqtt://mqtt.example.com/$aws/things/one/infer", "mqtt://[::1/alarms"),
    ],
)
def test_a_topic_of_cameras_or_with_wildcards_is_refused(address: str, seattle: Site) -> None:
    with pytest.raises(ValidationError):
        services.add_channel(site=seattle, kind=ChannelKind.MQTT, name="Bus", address=address)


@pytest.mark.parametrize("name", ["alarms", "alarms.fifo"])
def test_sns_gets_the_text_with_its_id(name: str, seattle: Site, settings: Any) -> None:
    settings.NOTIFY_TOPIC_ARNS = ["arn:aws:sns:us-west-2:*:alarms*"]
    with moto():
        fifo = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
        sns, sqs = aws.client("sns", "us-west-2"), aws.client("sqs", "us-west-2")
        topic = sns.create_topic(Name=name, Attributes=fifo)["TopicArn"]
        queue = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if fifo else {})["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
        channel, _ = services.add_channel(site=seattle, kind=ChannelKind.SNS, name="Topic", address=topic)
        channels.send(channel.kind, {"address": topic}, message())
        (got,) = sqs.receive_message(QueueUrl=queue)["Messages"]
        sqs.delete_queue(QueueUrl=queue)
        sns.delete_topic(TopicArn=topic)
        with pytest.raises(Refused, match="Amazon SNS answered NotFound"):
            channels.send(channel.kind, {"address": topic}, message())
    told = json.loads(got["Body"])
    assert (told["Message"], told["Subject"]) == ("Thanks, Seattle01!", "Seattle: Thanks")
    assert told["MessageAttributes"]["id"]["Value"] == "an-id"


@pytest.mark.parametrize(
    ("arn", "sentence"),
    [
        ("arn:aws:sns:us-west-2:123456789012:payroll", "may not publish to arn:aws:sns:us-west-2:123456789012:payroll"),
        ("arn:aws:s3:us-west-2:123456789012:alarms", "Give a topic such as"),
        ("arn:aws:sns:us-west-2.evil.example/:123456789012:alarms", "Give a topic such as"),
    ],
)
def test_only_topics_that_the_administrator_allows_get_anything(
    arn: str, sentence: str, seattle: Site, settings: Any
) -> None:
    settings.NOTIFY_TOPIC_ARNS = ["arn:aws:sns:us-west-2:123456789012:alarms*"]
    with pytest.raises(ValidationError, match=sentence):
        services.add_channel(site=seattle, kind=ChannelKind.SNS, name="Topic", address=arn)
    with pytest.raises(Refused):
        channels.send(ChannelKind.SNS, {"address": arn}, message())


def test_mastodon_gets_a_post_that_is_cut_at_a_word_and_comes_once(receiver: Receiver, seattle: Site) -> None:
    address = f"mastodon://a-token@127.0.0.1:{receiver.port}"
    channel, _ = services.add_channel(site=seattle, kind=ChannelKind.MASTODON, name="Posts", address=address)
    assert channel.shown == "127.0.0.1"
    channels.send(channel.kind, {"address": address}, message("word " * 2000))
    [(headers, body)] = receiver.received
    assert (headers["Authorization"], headers["Idempotency-Key"]) == ("Bearer a-token", "an-id")
    assert body.startswith(b"status=word+word")
    assert len(body.decode().removeprefix("status=").replace("%E2%80%A6", "…")) <= 500


def test_teams_gets_a_card(receiver: Receiver) -> None:
    channels.send(ChannelKind.TEAMS, {"address": receiver.url}, message())
    [(_, body)] = receiver.received
    [card] = json.loads(body)["attachments"]
    assert [line["text"] for line in card["content"]["body"]] == ["Seattle: Thanks", "Thanks, Seattle01!"]


@pytest.mark.parametrize("address", ["mastodons://mastodon.example", "https://token@mastodon.example", "mastodons://["])
def test_mastodon_needs_a_token_and_a_server(address: str, seattle: Site) -> None:
    with pytest.raises(ValidationError, match="Give the token and the server"):
        services.add_channel(site=seattle, kind=ChannelKind.MASTODON, name="Posts", address=address)


def test_a_text_is_cut_to_what_a_service_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def keep(self: object, body: str, **_: object) -> bool:
        sent.append(body)
        return True

    address = f"twitter://{'/'.join('abcd' * 8 for _ in range(4))}?mode=tweet"
    service = services_known._service(address)
    assert service is not None
    monkeypatch.setattr(type(service), "send", keep)
    services_known.send(address, "Seattle", "word " * 2000)
    [text] = sent
    assert (len(text) <= 280, text[:10], text[-1]) == (True, "word word ", "…")
