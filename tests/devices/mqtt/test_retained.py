"""What a real broker retains counts once, whether it was retained before the ingester came or while it listened."""

import datetime as dt
import time

import pytest

from analytics.models import Frame
from devices.intake import redelivery
from devices.models import Device, DeviceLog, QuarantinedMessage
from devices.mqtt import broker
from tests.devices.mqtt.test_ingest import INFER, ingesting, mqtt, peer, publish
from tests.programs.brokers import Mosquitto
from tests.programs.waiting import PATIENCE_S, eventually

__all__ = ["mqtt"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_retained_message_counts_once_in_the_life_of_three_ingesters(mqtt: Mosquitto, chicago01: Device) -> None:
    with peer(mqtt) as (client, _):
        client.publish(INFER, b'{"thumbs-up": 0.97}', qos=1, retain=True).wait_for_publish(PATIENCE_S)
        for number in (1, 2, 3):
            with ingesting(mqtt):
                publish(client, INFER, b"Opened Pipe")
                assert eventually(lambda lines=number: DeviceLog.objects.count() == lines)  # type: ignore[misc]
        client.publish(INFER, b"", qos=1, retain=True).wait_for_publish(PATIENCE_S)
        with ingesting(mqtt):
            time.sleep(0.5)
    assert Frame.objects.count() == 1
    assert not QuarantinedMessage.objects.exists()


def test_a_message_that_came_live_and_was_retained_counts_once_after_any_number_of_others(
    mqtt: Mosquitto, chicago01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redelivery, "RECEIVE_MAXIMUM", 3)
    with peer(mqtt) as (client, _):
        with ingesting(mqtt):
            for payload in (b'{"thumbs-up": 0.96}', b'{"thumbs-up": 0.97}'):
                client.publish(INFER, payload, qos=1, retain=True).wait_for_publish(PATIENCE_S)
            for _ in range(9):
                publish(client, INFER, b"Opened Pipe")
            assert eventually(lambda: DeviceLog.objects.count() == 9)
        for number in (10, 11):
            with ingesting(mqtt):
                publish(client, INFER, b"Opened Pipe")
                assert eventually(lambda lines=number: DeviceLog.objects.count() == lines)  # type: ignore[misc]
    assert Frame.objects.count() == 2


def test_equal_messages_of_a_device_that_has_each_retained_are_as_many_frames(
    mqtt: Mosquitto, chicago01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "KEPT_FOR", dt.timedelta(0))
    with peer(mqtt) as (client, _):
        with ingesting(mqtt):
            for _ in range(3):
                client.publish(INFER, b"{}", qos=1, retain=True).wait_for_publish(PATIENCE_S)
            assert eventually(lambda: Frame.objects.count() == 3)
        with ingesting(mqtt):
            publish(client, INFER, b"Opened Pipe")
            assert eventually(DeviceLog.objects.exists)
    assert Frame.objects.count() == 3
