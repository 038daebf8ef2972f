"""Logged and quarantined messages can be taken in again, and still count once."""

import datetime as dt
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import models

from analytics.models import Frame
from devices.intake import replay
from devices.intake.batches import accept
from devices.intake.decoding import Arrival
from devices.models import Device, DeviceLog, QuarantinedMessage, Reason
from tests import places

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)
TOPIC = f"$aws/things/{places.SEATTLE01}/infer"

pytestmark = pytest.mark.django_db


def log_file(folder: Path, *lines: object) -> Path:
    file = folder / "messages.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return file


def count(model: type[models.Model]) -> int:
    return model._default_manager.count()


def test_a_log_replayed_twice_counts_once_also_where_it_tells_no_times(tmp_path: Path, seattle01: Device) -> None:
    file = log_file(
        tmp_path,
        {"topic": TOPIC, "payload": "{}"},
        {"topic": TOPIC, "payload": "{}"},
        {"topic": TOPIC, "payload": {"face": 0.5}, "received_at": NOW.isoformat()},
        {"topic": TOPIC, "payload": "Opened Pipe"},
    )
    for _ in range(2):
        call_command("replay", file)
        assert (count(Frame), count(DeviceLog)) == (3, 1)


def test_a_bad_line_is_named_and_the_others_are_taken_in(
    tmp_path: Path, seattle01: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    file = log_file(tmp_path, '{"topic": "x', {"payload": "{}"}, {"topic": TOPIC, "payload": "{}"})
    with pytest.raises(CommandError, match="Some lines contain no message"):
        call_command("replay", file)
    assert count(Frame) == 1
    errors = capsys.readouterr().err
    assert "Line 1 contains no message" in errors
    assert "Line 2 contains no message: “topic” is missing." in errors


def test_a_missing_log_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("replay", tmp_path / "nothing.jsonl")


def test_after_the_device_is_registered_its_messages_are_taken_in_at_their_time(db: None) -> None:
    accept([Arrival(TOPIC, b'{"face": 0.9}', NOW), Arrival(TOPIC, b'{"face": 17}', NOW)])
    places.seattle01()
    for _ in range(2):
        call_command("replay_quarantine")
        assert Frame.objects.get().taken_at == NOW
    left = QuarantinedMessage.objects.get(replayed_at=None)
    assert left.reason == Reason.BAD_VALUE  # not the unknown device any more


def test_only_the_chosen_reason_is_replayed(seattle01: Device) -> None:
    accept([Arrival("$aws/things/later/infer", b"{}", NOW), Arrival(TOPIC, b'{"face": 17}', NOW)])
    Device.objects.create(site=seattle01.site, name="Later", thing_name="later")
    call_command("replay_quarantine", reason="bad-value")
    assert not Frame.objects.exists()
    call_command("replay_quarantine", device="Seattle01")
    assert not Frame.objects.exists()
    call_command("replay_quarantine", reason="unknown-device")
    assert Frame.objects.count() == 1


def test_a_message_replayed_by_two_at_once_counts_once(db: None) -> None:
    accept([Arrival(TOPIC, b'{"face": 0.9}', NOW)])
    places.seattle01()
    message = QuarantinedMessage.objects.get()
    assert replay.replay_quarantined(message=message, now=NOW)
    assert replay.replay_quarantined(message=message, now=NOW)
    assert Frame.objects.count() == 1
