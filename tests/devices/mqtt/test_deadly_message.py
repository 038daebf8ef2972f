"""A message at which the real ingester dies is found after some restarts, and is quarantined alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analytics.models import Frame
from devices.models import Device, QuarantinedMessage, Reason
from devices.mqtt.suspects import MOST_ENDS
from tests import clock
from tests.devices.mqtt.test_ingest import ROOT, database_url, peer, subscribed
from tests.programs.brokers import mosquitto
from tests.programs.waiting import PATIENCE_S, eventually

DEADLY = """
import os, sys
sys.path.insert(0, "platform")
import django
django.setup()
from devices.reading import deeplens
read = deeplens.read
def deadly(payload, *args, **more):
    if b"deadly" in payload:
        os._exit(9)
    return read(payload, *args, **more)
deeplens.read = deadly
from django.core.management import call_command
call_command("ingest")
"""
"""The real ingester, but for a decoder that ends the process at one message, as a lack of memory would."""

MESSAGES = 8


@pytest.mark.real_clock
@pytest.mark.django_db(transaction=True)
def test_a_message_at_which_the_ingester_dies_ends_alone_in_quarantine(seattle01: Device, tmp_path: Path) -> None:
    with mosquitto(tmp_path / "broker") as mqtt:
        subscribed(mqtt).stop()
        topic = f"$aws/things/{seattle01.thing_name}/infer"
        with peer(mqtt) as (client, _):
            for number in range(MESSAGES):
                note = "deadly" if number == 5 else "usual"
                payload = f'{{"face": 0.{number + 1}, "unix_time": {clock.epoch_ms() - number}, "{note}": 0.5}}'
                client.publish(topic, payload, qos=1).wait_for_publish(PATIENCE_S)
        environment = os.environ | {"MQTT_URL": mqtt.url, "DATABASE_URL": database_url(), "DATA_DIR": str(tmp_path)}
        environment |= {"MQTT_CLIENT_ID": "tests", "LOG_LEVEL": "ERROR"}
        ends = 0
        while not _is_found(environment):
            ends += 1
            assert ends < 10
    assert ends == 1 + MOST_ENDS
    message = QuarantinedMessage.objects.get()
    assert b"deadly" in bytes(message.payload)
    assert (message.reason, message.device) == (Reason.REFUSED, seattle01)


def _is_found(environment: dict[str, str]) -> bool:
    """Run the ingester until it dies, or has quarantined the message and counted the others."""
    process = subprocess.Popen([sys.executable, "-c", DEADLY], cwd=ROOT, env=environment)
    try:
        assert eventually(lambda: process.poll() is not None or QuarantinedMessage.objects.exists())
        if process.poll() is not None:
            return False
        assert eventually(lambda: Frame.objects.count() == MESSAGES - 1)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        return True
    finally:
        process.kill()
