import logging
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent import messages
from edge_agent.config import AgentConfig
from edge_agent.delivery import sendings
from edge_agent.delivery.link import (
    TAKEN_OVER,
    Link,
    LinkError,
)
from edge_agent.delivery.outbox import Message, Outbox
from edge_agent.vision.files import models_id
from tests.edge_agent.platforms import platform
from tests.programs.brokers import Mosquitto, mosquitto
from tests.programs.waiting import PATIENCE_S, eventually

THING = "cam1"
STATUS = messages.topic_from_device(THING, "status")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def link(broker: Mosquitto, outbox: Outbox) -> Iterator[Link]:
    link = Link(AgentConfig(thing=THING, mqtt_url=broker.url), outbox, software="test", epoch_ms=lambda: 17)
    link.start()
    yield link
    link.stop(1.0)


def fill(outbox: Outbox, count: int, start: int = 0) -> list[str]:
    ids = [f"m{number}" for number in range(start, start + count)]
    for id in ids:
        frame = messages.Frame(taken_at=1_000, faces=(messages.Face(0.9),))
        outbox.put(Message(id, "frames", messages.encode(messages.Frames(id, (frame,)))))
    return ids


def test_the_outbox_empties_on_receipts_and_the_newest_go_first(broker: Mosquitto, outbox: Outbox) -> None:
    ids = fill(outbox, 25)
    with platform(broker) as listening:
        link = Link(AgentConfig(thing=THING, mqtt_url=broker.url), outbox, software="test", epoch_ms=lambda: 17)
        link.start()
        assert eventually(lambda: outbox.messages == 0)
        link.stop(1.0)
        assert listening.ids() == ids[::-1]


def test_without_receipts_nothing_leaves_the_outbox(broker: Mosquitto, outbox: Outbox, link: Link) -> None:
    with platform(broker, confirms=False) as listening:
        ids = fill(outbox, 5)
        assert eventually(lambda: len(listening.ids()) == 5)
        assert outbox.messages == 5
        listening.tell(THING, "receipt", messages.encode(messages.Receipt((ids[0], "of another device"))))
        assert eventually(lambda: outbox.messages == 4)


def test_what_got_no_receipt_is_sent_again_in_time(
    broker: Mosquitto, outbox: Outbox, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sendings, "FIRST_RETRY", 0.3)
    with platform(broker, confirms=False) as listening:
        fill(outbox, 1)
        assert eventually(listening.ids)
        listening.confirms = True
        assert eventually(lambda: outbox.messages == 0)
        assert len(listening.ids()) > 1
        assert set(listening.ids()) == {"m0"}


def test_what_nobody_hears_is_not_taken_for_delivered(
    broker: Mosquitto, outbox: Outbox, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sendings, "QUIET_SECONDS", 0.3)
    monkeypatch.setattr(sendings, "FIRST_RETRY", 10 * PATIENCE_S)
    assert eventually(lambda: link._ready.is_set())
    fill(outbox, 3)
    assert eventually(lambda: link._sendings._quiet_until > 0)
    with platform(broker):
        assert eventually(lambda: outbox.messages == 0)


def test_what_is_larger_than_a_message_may_be_does_not_reach_the_box(
    broker: Mosquitto, outbox: Outbox, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with platform(broker) as listening:
        assert eventually(lambda: link._ready.is_set())
        listening.tell(THING, "greeting", bytes(32 * 1024 * 1024))
        listening.tell(THING, "greeting", messages.encode(messages.Greeting("Ada", 3)))
        assert eventually(lambda: link.take_order() == messages.Greeting("Ada", 3))
        assert link._ready.is_set()
    assert caplog.text == ""


@pytest.mark.parametrize("force", [True, False])
def test_a_broker_that_goes_away_in_between_costs_nothing(
    broker: Mosquitto, outbox: Outbox, link: Link, force: bool
) -> None:
    with platform(broker) as listening:
        ids = fill(outbox, 20)
        assert eventually(lambda: outbox.messages == 0)
        broker.kill() if force else broker.stop()
        ids += fill(outbox, 20, start=20)
        broker.start()
        assert eventually(lambda: outbox.messages == 0)
        assert set(listening.ids()) == set(ids)


def test_a_broker_that_comes_later_is_found(tmp_path: Path, outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    late = Mosquitto(tmp_path / "late")
    link = Link(AgentConfig(thing=THING, mqtt_url=late.url), outbox, software="test", epoch_ms=lambda: 17)
    link.start()
    assert eventually(lambda: "cannot be reached" in caplog.text)
    late.start()
    with platform(late):
        fill(outbox, 3)
        assert eventually(lambda: outbox.messages == 0)
    link.stop(1.0)
    late.stop()


def test_the_status_is_retained_and_a_lost_device_is_told_by_the_broker(broker: Mosquitto, outbox: Outbox) -> None:
    link = Link(AgentConfig(thing=THING, mqtt_url=broker.url), outbox, software="v1", epoch_ms=lambda: 17)
    link.start()
    assert eventually(lambda: link._ready.is_set())
    with platform(broker, topics=STATUS) as listening:
        assert eventually(lambda: bool(listening.received))
        here = messages.Status(
            online=True,
            sent_at=17,
            software="v1",
            settings=link._config.settings,
            instance=link._instance,
            camera=link._config.camera_id,
            models=models_id(),
        )
        assert listening.of_kind("status")[0] == here
        # The connection breaks without a goodbye, as in a power cut.
        sock = link._client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(2)
        assert eventually(lambda: messages.Status(online=False, software="v1") in listening.of_kind("status"))
        assert eventually(lambda: listening.of_kind("status")[-1] == here)
        link.stop(PATIENCE_S)
        gone = msgspec.structs.replace(here, online=False)
        assert eventually(lambda: listening.of_kind("status")[-1] == gone)


SHARED = "another agent uses the thing name “cam1” too"


def test_an_agent_says_once_that_another_has_its_name_and_lets_it_be(
    broker: Mosquitto, outbox: Outbox, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with platform(broker) as listening:
        assert eventually(lambda: link._ready.is_set())
        for _ in range(2):
            listening.tell(THING, "receipt", messages.encode(messages.Receipt((), name_is_shared=True)))
        assert eventually(lambda: SHARED in caplog.text)
        other = Link(AgentConfig(thing=THING, mqtt_url=broker.url), outbox, software="test", epoch_ms=lambda: 18)
        other.start()
        assert eventually(lambda: other._ready.is_set() and not link._ready.is_set())
        fill(outbox, 3)
        assert eventually(lambda: outbox.messages == 0)
        assert not link._ready.is_set()  # it waits before it takes the name back
        other.stop(1.0)
    assert caplog.text.count(SHARED) == 1
    assert "the connection to the broker ended" not in caplog.text


def test_an_agent_learns_from_the_broker_that_another_has_its_name(
    link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    taken_over = ReasonCode(PacketTypes.DISCONNECT, identifier=TAKEN_OVER)
    for _ in range(2):
        link._on_disconnect(link._client, None, mqtt.DisconnectFlags(True), taken_over, None)
    assert caplog.text.count(SHARED) == 1


def test_nonsense_on_its_topics_stops_nothing(
    broker: Mosquitto, outbox: Outbox, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with platform(broker) as listening:
        assert eventually(lambda: link._ready.is_set())
        for payload in (b"\xff", b"{}", b'{"ids": [1]}', b""):
            listening.tell(THING, "receipt", payload)
        listening.tell(THING, "greeting", messages.encode(messages.Greeting("Ada", 3, "Enjoy!")))
        assert eventually(lambda: "greeting somebody who is known" in caplog.text)
        fill(outbox, 2)
        assert eventually(lambda: outbox.messages == 0)
    assert caplog.text.count("is invalid") == 4


def test_a_refused_connection_says_why(tmp_path: Path, outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    passwords.chmod(0o600)
    with mosquitto(tmp_path / "strict", f"password_file {passwords}\nallow_anonymous false") as strict:
        link = Link(AgentConfig(thing=THING, mqtt_url=strict.url), outbox, software="test", epoch_ms=lambda: 17)
        link.start()
        assert eventually(lambda: "refused the connection: Not authorized" in caplog.text)
        link.stop(1.0)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key: broker's, authority's and client's at once."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    new = [
        "openssl",
        "req",
        "-x509",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*new, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def test_it_speaks_tls_and_shows_its_own_certificate(
    tmp_path: Path, outbox: Outbox, certificate: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pem, key = certificate
    files = f"cafile {pem}\ncertfile {pem}\nkeyfile {key}\nrequire_certificate true"
    with mosquitto(tmp_path / "tls", files) as secure:
        url = secure.url.replace("mqtt://", "mqtts://")
        config = AgentConfig(thing=THING, mqtt_url=url, mqtt_ca=pem, mqtt_cert=pem, mqtt_key=key)
        link = Link(config, outbox, software="test", epoch_ms=lambda: 17)
        link.start()
        assert eventually(lambda: "connected to the broker" in caplog.text)
        link.stop(1.0)
        stranger = Link(AgentConfig(thing="x", mqtt_url=url), outbox, software="test", epoch_ms=lambda: 17)
        stranger.start()
        assert eventually(lambda: "certificate verify failed" in caplog.text)
        stranger.stop(1.0)


def test_files_that_are_no_certificates_are_one_sentence(tmp_path: Path, outbox: Outbox) -> None:
    nonsense = tmp_path / "ca.pem"
    nonsense.write_text("nonsense")
    config = AgentConfig(thing=THING, mqtt_url="mqtts://127.0.0.1", mqtt_ca=nonsense)
    with pytest.raises(LinkError, match="is not a usable PEM file"):
        Link(config, outbox, software="test", epoch_ms=lambda: 17)
