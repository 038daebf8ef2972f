"""Logged and quarantined messages can be taken in again, and still count once."""

import codecs
import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import models

from analytics.models import EngagementQuarter, Frame
from devices.intake import replay
from devices.intake.batches import accept
from devices.models import Device, DeviceLog, DeviceState, QuarantinedMessage, Reason
from devices.reading.decoding import Arrival
from tests import clock
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)
TOPIC = f"$aws/things/{places.SEATTLE01}/infer"

pytestmark = pytest.mark.django_db


def log_file(folder: Path, *lines: object) -> Path:
    file = folder / "messages.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return written_at(file, NOW)


def written_at(file: Path, at: dt.datetime) -> Path:
    os.utime(file, (at.timestamp(), at.timestamp()))
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
    assert "Line 2 contains no message: it lacks “topic”." in errors


def face_counts() -> list[int | None]:
    return list(Frame.objects.order_by("taken_at", "pk").values_list("faces", flat=True))


def test_repeated_keys_of_a_payload_that_is_written_as_an_object_survive(tmp_path: Path, seattle01: Device) -> None:
    three = '{"1": 0.53, "1": 0.61, "1": 0.72, "null": 0.0}'
    call_command("replay", log_file(tmp_path, f'{{"topic": "{TOPIC}", "payload": {three}}}'))
    call_command("replay", log_file(tmp_path, {"topic": TOPIC, "payload": three, "received_at": NOW.isoformat()}))
    assert face_counts() == [3, 3]


def test_a_message_of_a_console_export_counts_at_the_export_s_own_time(
    tmp_path: Path, seattle01: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = {"format": "json", "payload": {"face": 0.56}, "qos": 0, "timestamp": 1554853281975, "topic": TOPIC}
    call_command("replay", log_file(tmp_path, exported))
    assert Frame.objects.get().taken_at == dt.datetime(2019, 4, 9, 23, 41, 21, 975_000, dt.UTC)
    assert "neither received_at nor timestamp" not in capsys.readouterr().out


def test_messages_without_a_time_are_counted_and_the_command_says_when(
    tmp_path: Path, seattle01: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("replay", log_file(tmp_path, {"topic": TOPIC, "payload": {"face": 0.5}}))
    said = capsys.readouterr().out
    assert "1 messages have neither received_at nor timestamp." in said
    assert f"when the file was last changed, at {NOW:%Y-%m-%d %H:%M:%S} UTC." in said


@pytest.mark.parametrize("indent", [None, 2])
def test_an_export_that_is_one_array_is_read(tmp_path: Path, seattle01: Device, indent: int | None) -> None:
    exported = [
        {"topic": TOPIC, "payload": {"face": 0.5}, "timestamp": 1554853281975},
        {"topic": TOPIC, "payload": "Opened Pipe", "timestamp": 1554853281976, "format": "text"},
        {"topic": TOPIC, "payload": {}, "timestamp": 1554853281977},
    ]
    call_command("replay", log_file(tmp_path, json.dumps(exported, indent=indent)))
    assert (count(Frame), count(DeviceLog)) == (2, 1)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("12:01 camera started", "it is not a JSON object"),
        ('{"topic": "x", "payl', "broken JSON, unterminated string"),
        ('{"topic": "x", "payload":', "broken JSON"),
        ('{"topic": "x", "payload": {}, "received_at": "2026-11-20T10:00:00"}', "“received_at” has no offset from UTC"),
        ('{"topic": "x", "payload": {}, "received_at": "0001-01-01T00:00:00+14:00"}', "date value out of range"),
        ('{"topic": "x", "payload": {}, "received_at": "2031-01-01T00:00:00Z"}', "lies in the future"),
        ('{"topic": 7, "payload": {}}', "“topic” must be a text"),
        ('{"topic": "x", "payload": "\\ud83d"}', "truncated"),
        ("{" * 100_000, "broken JSON"),
        ('{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_an_odd_line_costs_that_line_alone(
    tmp_path: Path, seattle01: Device, odd: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {"topic": TOPIC, "payload": {"face": 0.5}}
    with pytest.raises(CommandError, match="Some lines contain no message"):
        call_command("replay", log_file(tmp_path, good, odd, good, good))
    assert count(Frame) == 3
    errors = capsys.readouterr().err
    assert "Line 2 contains no message" in errors
    assert reason in errors


def test_a_line_that_is_not_utf_8_costs_that_line_alone(
    tmp_path: Path, seattle01: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    file = log_file(tmp_path, {"topic": TOPIC, "payload": {"face": 0.5}})
    latin = '{"topic": "Caf\u00e9"}\n'.encode("latin-1")
    written_at(file, NOW).write_bytes(latin + file.read_bytes())
    with pytest.raises(CommandError):
        call_command("replay", written_at(file, NOW))
    assert count(Frame) == 1
    assert "byte 15 is not UTF-8; save the file as UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    ],
)
def test_a_log_that_a_windows_program_has_written_is_read(
    tmp_path: Path, seattle01: Device, encode: Callable[[str], bytes]
) -> None:
    file = log_file(tmp_path, {"topic": TOPIC, "payload": {"face": 0.5}}, {"topic": TOPIC, "payload": {}})
    file.write_bytes(encode(file.read_text().replace("\n", "\r\n")))
    call_command("replay", written_at(file, NOW))
    assert count(Frame) == 2


def test_a_log_tells_nothing_of_how_the_device_is_now(tmp_path: Path, seattle01: Device) -> None:
    now = clock.now()
    yesterday = (now - dt.timedelta(days=1)).timestamp()
    status = {"online": True, "sent_at": 0, "software": "1.0"}
    call_command(
        "replay",
        log_file(
            tmp_path,
            {"topic": TOPIC, "payload": {"unix_time": yesterday, "face": 0.5}, "received_at": now.isoformat()},
            {"topic": f"dt/headcount/{places.SEATTLE01}/status", "payload": status, "received_at": now.isoformat()},
        ),
    )
    state = DeviceState.objects.get(thing=seattle01.thing)
    assert not state.is_live(now)
    assert not state.clock_is_off
    assert state.online is None


def test_the_past_counts_once_even_when_its_frames_are_gone(tmp_path: Path, seattle01: Device) -> None:
    exported = {"payload": {"face": 0.5}, "timestamp": 1554853281975, "topic": TOPIC}
    call_command("replay", log_file(tmp_path, exported))
    call_command("forget_old_frames")
    assert not Frame.objects.exists()
    call_command("replay", log_file(tmp_path, json.dumps(exported, indent=1)))
    assert EngagementQuarter.objects.get().frames == 1


def test_what_the_registered_device_has_sent_beyond_the_retention_is_not_counted_again(
    tmp_path: Path, seattle01: Device, set_clock: clock.SetClock
) -> None:
    at = clock.now() + dt.timedelta(days=1)
    file = log_file(tmp_path, {"topic": TOPIC, "payload": {"face": 0.5}, "received_at": at.isoformat()})
    set_clock(at)
    call_command("replay", file)
    set_clock(at + dt.timedelta(days=402))
    call_command("forget_old_frames")
    assert not Frame.objects.exists()
    call_command("replay", file)
    assert EngagementQuarter.objects.get().frames == 1
    assert QuarantinedMessage.objects.get().reason == Reason.TOO_OLD


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
    places.device(seattle01.site, "Later", "later")
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
