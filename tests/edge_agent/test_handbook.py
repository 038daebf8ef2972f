"""What docs/edge-agent.md tells an operator to write and run works as it stands there."""

import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent import config
from tests.house.files import ROOT
from tests.programs.brokers import Mosquitto, free_port
from tests.programs.waiting import PATIENCE_S

TEXT = (ROOT / "docs" / "edge-agent.md").read_text()
BROKER = "localhost"
"""Stands for the handbook's broker.example, which no test can reach."""

DENIED = "Not authorized"


def block(beginning: str) -> str:
    """Return the code block of the handbook that begins with this text, without its indent."""
    [found] = re.findall(rf"^( *)```\w*\n( *{re.escape(beginning)}.*?)^ *```", TEXT, re.DOTALL | re.MULTILINE)
    indent, code = found
    return re.sub(rf"^{indent}", "", code, flags=re.MULTILINE)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """The folder in which the handbook's commands have made an authority and certificates."""
    commands = block("new() {").replace("broker.example", BROKER)
    platform = "new platform -out platform.csr && sign platform"
    subprocess.run(["bash", "-ec", f"{commands}\n{platform}"], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_the_agents_settings_are_accepted(certificates: Path) -> None:
    path = certificates / "agent.toml"
    path.write_text(block('thing = "lobby-1"').replace("/etc/headcount/", f"{certificates}/"))
    settings = config.load(path, {})
    assert (settings.thing, settings.source) == ("lobby-1", "0")


@pytest.fixture
def port(certificates: Path) -> Iterator[int]:
    """The port of a Mosquitto with the handbook's configuration."""
    number = free_port()
    settings = block("listener 8883").replace("listener 8883", f"listener {number} 127.0.0.1")
    settings = settings.replace("/etc/mosquitto/", f"{certificates}/").replace("broker.example", BROKER)
    (certificates / "acl").write_text(block("pattern write"))
    broker = Mosquitto(certificates / "broker", settings)
    broker.start()
    try:
        yield number
    finally:
        broker.stop()


@contextmanager
def connected(folder: Path, port: int, name: str) -> Iterator[paho.Client]:
    """Connect with the certificate of this name."""
    client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5)
    client.tls_set(f"{folder}/ca.pem", f"{folder}/{name}.pem", f"{folder}/{name}.key")
    client.connect(BROKER, port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def reasons(client: paho.Client) -> Callable[[str], str]:
    """Return a function that publishes to a topic and returns the broker's answer."""
    answers: SimpleQueue[str] = SimpleQueue()
    client.on_publish = lambda client, data, mid, reason, properties: answers.put(str(reason))

    def publish(topic: str) -> str:
        client.publish(topic, b"{}", qos=1)
        return answers.get(timeout=PATIENCE_S)

    return publish


def test_a_device_publishes_on_its_own_topics_only(certificates: Path, port: int) -> None:
    received: SimpleQueue[str] = SimpleQueue()
    subscribed: SimpleQueue[None] = SimpleQueue()
    with connected(certificates, port, "platform") as platform, connected(certificates, port, "lobby-1") as device:
        platform.on_message = lambda client, data, message: received.put(message.topic)
        platform.on_subscribe = lambda *arguments: subscribed.put(None)
        platform.subscribe("dt/headcount/#", qos=1)
        subscribed.get(timeout=PATIENCE_S)
        publish = reasons(device)
        assert publish("dt/headcount/lobby-2/frames") == DENIED
        assert publish("cmd/headcount/lobby-1/config") == DENIED
        assert publish("dt/headcount/lobby-1/frames") == "Success"
        assert received.get(timeout=PATIENCE_S) == "dt/headcount/lobby-1/frames"
        with pytest.raises(Empty):
            received.get(timeout=0.2)


def test_a_client_without_a_certificate_is_refused(certificates: Path, port: int) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.tls_set(f"{certificates}/ca.pem")
    refused: SimpleQueue[None] = SimpleQueue()
    connections: list[str] = []
    client.on_connect = lambda client, data, flags, reason, properties: connections.append(str(reason))
    client.on_disconnect = lambda *arguments: refused.put(None)
    try:
        client.connect(BROKER, port)
        client.loop_start()
        refused.get(timeout=PATIENCE_S)
    except (ssl.SSLError, ConnectionError):
        pass
    finally:
        client.loop_stop()
    assert connections == []
