"""An ingester finds out that its broker keeps back what it has let it subscribe to, and health says what to do."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings

from devices import health
from devices.models import QuarantinedMessage
from devices.mqtt import assignments, ingester, loopback
from devices.mqtt.broker import Subscription
from devices.mqtt.suspects import Suspects
from tests import clock
from tests.devices.mqtt.test_ingest import ingesting, subscribed
from tests.programs.brokers import mosquitto
from tests.programs.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.django_db(transaction=True)

NARROW = "topic write dt/headcount/#\ntopic read dt/headcount/lobby/#"
WITHIN_S = 0.3


@contextmanager
def subscription_under(rules: str, folder: Path, settings: Settings) -> Iterator[Subscription]:
    """A subscription at a Mosquitto whose ACL file has these lines, which are about everybody."""
    acl = folder / "acl"
    acl.write_text(f"{rules}\n")
    with mosquitto(folder / "mosquitto", f"acl_file {acl}") as broker:
        settings.MQTT_URL = broker.url
        subscription = subscribed(broker)
        try:
            yield subscription
        finally:
            subscription.stop()


@pytest.mark.parametrize(
    ("rules", "delivers"),
    [
        ("topic readwrite dt/headcount/#", True),
        (NARROW, False),
        # Whether the broker would deliver a message that it does not take is not known.
        ("topic read dt/headcount/#", None),
    ],
)
def test_whether_the_broker_delivers_shows_in_what_the_ingester_writes_to_itself(
    rules: str, delivers: bool | None, tmp_path: Path, settings: Settings
) -> None:
    with subscription_under(rules, tmp_path, settings) as subscription:
        loopback.check(subscription, lambda: False, within_s=PATIENCE_S if delivers else WITHIN_S)
        assert subscription.delivers is delivers


def test_health_says_what_is_wrong_and_what_to_do(tmp_path: Path, settings: Settings) -> None:
    stop = threading.Event()
    with subscription_under(NARROW, tmp_path, settings) as subscription, tempfile.TemporaryDirectory() as folder:
        loopback.check(subscription, lambda: False, within_s=WITHIN_S)
        ingester.Ingester(subscription, stop, suspects=Suspects(Path(folder), "tests"))._beat()
    (line,) = (line for line in health.report(clock.now()) if line.part == "ingest tests")
    assert not line.well
    assert line.text.endswith(
        "the broker delivers no messages of agents: let the user in MQTT_URL read dt/headcount/# in the broker's access"
        " rules"
    )


def test_while_other_messages_are_before_it_nothing_is_wrong(tmp_path: Path, settings: Settings) -> None:
    with subscription_under(NARROW, tmp_path, settings) as subscription:
        loopback.check(subscription, lambda: True, within_s=WITHIN_S)
        assert subscription.delivers is None


def test_what_an_ingester_writes_to_itself_is_acknowledged_and_not_quarantined(
    tmp_path: Path, settings: Settings
) -> None:
    with mosquitto(tmp_path / "mosquitto") as broker:
        settings.MQTT_URL = broker.url
        with ingesting(broker) as subscription:
            loopback.check(subscription, lambda: False, within_s=PATIENCE_S)
            assert subscription.delivers
        again = subscribed(broker)
        again.stop()
        assert again.take(1, timeout_s=WITHIN_S) == []
    assert not QuarantinedMessage.objects.exists()


def test_an_ingester_that_shares_its_messages_does_not_write_to_itself() -> None:
    # Another member of the group may get the message, and a shard reads no topics of agents.
    for assignment in (assignments.group_member("tests", "agents"), assignments.shard("tests", "0/2")):
        assert assignment.loopback == ""


def test_the_ingester_goes_on_writing_to_itself_until_it_stops(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback, "EVERY_S", 0.05)
    stop = threading.Event()
    with subscription_under("topic readwrite dt/headcount/#", tmp_path, settings) as subscription:
        thread = loopback.watch(subscription, lambda: False, stop)
        assert eventually(lambda: subscription.delivers)
        subscription.delivers = None
        assert eventually(lambda: subscription.delivers)
        stop.set()
        thread.join()
