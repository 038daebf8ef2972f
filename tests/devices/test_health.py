"""Whoever asks learns in one line for each part whether the platform is at work."""

import datetime as dt
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test import Client
from rest_framework.test import APIClient

from benchmarks.faults.disks import small_disk
from devices import health, pictures_folder
from devices.intake import batches, quarantine
from devices.intake.batches import accept
from devices.intake.quarantine import ROW_BYTES
from devices.models import Device, DeviceState, Heartbeat, QuarantinedMessage
from devices.mqtt import ingester
from devices.mqtt.assignments import all_messages
from devices.mqtt.broker import Subscription
from devices.mqtt.suspects import Suspects
from devices.reading.decoding import Arrival
from tests import clock
from tests.world import places

TOPIC = f"$aws/things/{places.SEATTLE01}/infer"

pytestmark = pytest.mark.django_db


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def lines(now: dt.datetime | None = None) -> dict[str, health.Line]:
    return {line.part: line for line in health.report(now or clock.now())}


def test_an_ingester_that_beats_is_well_and_one_that_is_silent_is_not() -> None:
    now = clock.now()
    health.beat("ingest one", at=now, numbers={"commit_age_seconds": 2.0, "waiting": 3})
    line = lines(now + dt.timedelta(seconds=4))["ingest one"]
    assert str(line) == "ok   ingest one: heartbeat 4 s ago, last commit 2 s before that, 3 messages waiting"
    silent = lines(now + dt.timedelta(minutes=1))["ingest one"]
    assert not silent.well
    assert "manage.py health --forget one" in silent.text


@pytest.mark.parametrize(
    ("numbers", "remedy"),
    [
        ({"broker_connected": False, "subscribed": True}, "check MQTT_URL"),
        ({"broker_connected": True, "subscribed": False}, "check its access rules"),
        ({"subscribed": True, "delivers": False}, "let the user in MQTT_URL read dt/headcount/#"),
        ({"certificate_seconds": 13.0 * 86_400}, "the broker's certificate expires in 13 days: renew it"),
        ({"certificate_seconds": -1.0}, "the broker's certificate has expired: renew it"),
    ],
)
def test_an_ingester_without_a_broker_is_not_well_and_says_what_to_do(numbers: dict[str, float], remedy: str) -> None:
    health.beat("ingest one", at=clock.now(), numbers=numbers)
    line = lines()["ingest one"]
    assert not line.well
    assert remedy in line.text


def test_an_ingester_that_was_taken_out_of_use_is_forgotten_by_name_or_after_a_week() -> None:
    health.beat("ingest left", at=clock.now() - dt.timedelta(days=1))
    assert not lines()["ingest left"].well
    with suppress(SystemExit):  # because there is no ingester at all
        call_command("health", forget="left")
    assert "ingest left" not in lines()
    with pytest.raises(CommandError, match="There is no process “left”"):
        call_command("health", forget="left")
    health.beat("ingest gone", at=clock.now() - health.GONE_AFTER)
    health.beat("ingest here", at=clock.now())
    assert "ingest gone" not in lines(clock.now() + dt.timedelta(seconds=1))
    assert health.forget_the_gone(clock.now() + dt.timedelta(seconds=1)) == 1
    left = Heartbeat.objects.exclude(process=pictures_folder.PROCESS)
    assert [each.process for each in left] == ["ingest here"]


@pytest.mark.once
@pytest.mark.django_db(transaction=True)  # so that it is no quick test: it starts `mount`
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk of one megabyte")
def test_a_disk_that_is_full_is_told_until_there_is_room_again(tmp_path: Path, settings: Any) -> None:
    disk, filler = tmp_path / "disk", tmp_path / "disk" / "filler"
    with small_disk(disk, 2**20):
        settings.DATA_DIR = disk
        assert lines()["disk"].well
        with pytest.raises(OSError, match="No space left"):
            filler.write_bytes(bytes(2**21))
        line = lines()["disk"]
        assert not line.well
        assert line.text == f"0.0 GiB free for {disk}: make room"
        assert line.numbers["disk_free_bytes"] == 0
        filler.unlink()
        assert lines()["disk"].well


def test_a_large_disk_has_room_while_a_gibibyte_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: _Usage(total=2**40, used=2**40 - 2**29, free=2**29))
    assert lines()["disk"].text.startswith("0.5 GiB free")
    assert not lines()["disk"].well
    monkeypatch.setattr("shutil.disk_usage", lambda path: _Usage(total=2**40, used=2**40 - 2**30, free=2**30))
    assert lines()["disk"].well


@pytest.mark.real_clock
def test_a_clock_that_differs_from_the_databases_is_told(settings: Any, set_clock: clock.SetClock) -> None:
    settings.HEALTH_COMPARES_CLOCKS = True
    if connection.vendor != "postgresql":
        assert "clock" not in lines()
        return
    assert lines()["clock"].well
    set_clock(clock.now() + 2 * health.CLOCK_TOLERANCE)
    line = lines()["clock"]
    assert not line.well
    assert "set both by NTP" in line.text


def test_without_any_ingester_health_says_what_to_start() -> None:
    assert "manage.py ingest" in lines()["ingest"].text


def test_cameras_that_complain_of_their_picture_are_named_and_counted(seattle01: Device, chicago01: Device) -> None:
    for device, problem in ((seattle01, "covered"), (chicago01, "")):
        DeviceState.objects.create(thing=device.thing, online=True, picture_problem=problem)
    line = lines()["pictures"]
    assert (line.well, line.text, line.numbers) == (True, f"{places.SEATTLE01} covered", {"bad_pictures": 1})


def test_healthz_answers_503_while_a_part_is_not_at_work(client: Client) -> None:
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.content == b"not ok\n"


def test_healthz_names_the_parts_to_staff_alone(client: Client, viewer: User, superuser: User) -> None:
    client.force_login(viewer)
    assert client.get("/healthz").content == b"not ok\n"
    client.force_login(superuser)
    assert client.get("/healthz").content.decode().splitlines()[1].startswith("FAIL ingest")


def test_the_command_ends_with_an_error_while_a_part_is_not_at_work(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("health")
    assert "FAIL ingest" in capsys.readouterr().out


def test_a_database_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(now: dt.datetime) -> list[health.Line]:
        raise OperationalError("connection refused")

    monkeypatch.setattr(health, "_checks", [away])
    database, disk = health.report(clock.now())
    assert str(database).startswith("FAIL database: cannot be reached: connection refused")
    assert disk.part == "disk"


def test_metrics_answer_while_the_database_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.METRICS_TOKEN = "token"

    def away(*_: object) -> Any:
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.db.models.query.QuerySet._fetch_all", away)
    monkeypatch.setattr("django.db.models.query.QuerySet.aggregate", away)
    response = client.get("/metrics", headers={"authorization": "Bearer token"})
    assert response.status_code == 200
    assert 'headcount_part_well{part="database"} 0.0' in response.content.decode()


def test_metrics_tell_the_state_of_each_camera_in_use(client: Client, seattle01: Device, settings: Any) -> None:
    settings.METRICS_TOKEN = "token"
    state = DeviceState(thing=seattle01.thing, online=True, last_seen_at=clock.now(), clock_skew_ms=-1500)
    state.outbox_messages, state.dropped_messages = 7, 3
    state.save()
    text = client.get("/metrics", headers={"authorization": "Bearer token"}).content.decode()
    place = '{device="Seattle01",site="seattle"}'
    assert f"headcount_device_online{place} 1.0" in text
    assert f"headcount_device_last_seen_timestamp_seconds{place} {clock.now().timestamp():.5e}"[:60] in text
    assert f"headcount_device_outbox_messages{place} 7.0" in text
    assert f"headcount_device_dropped_messages_total{place} 3.0" in text
    assert f"headcount_device_clock_skew_seconds{place} -1.5" in text


def test_metrics_are_for_staff_and_count_the_quarantine(superuser: User, viewer: User, seattle01: Device) -> None:
    accept([Arrival(TOPIC, b'{"face": 17}', clock.now()), Arrival("$aws/things/x/infer", b"{}", clock.now())])
    api = APIClient()
    assert api.get("/metrics").status_code in (401, 403)
    api.force_authenticate(viewer)
    assert api.get("/metrics").status_code == 403
    api.force_authenticate(superuser)
    text = api.get("/metrics").content.decode()
    assert 'headcount_quarantined{device="Seattle01",reason="bad-value",site="seattle"} 1.0' in text
    assert 'headcount_quarantined{device="unknown",reason="unknown-device",site=""} 1.0' in text


def test_devices_of_one_name_at_two_sites_are_two_metrics(
    superuser: User, seattle01: Device, chicago01: Device
) -> None:
    chicago01.name = seattle01.name
    chicago01.save()
    for device in (seattle01, chicago01):
        accept([Arrival(f"$aws/things/{device.thing_name}/infer", b'{"face": 17}', clock.now())])
    api = APIClient()
    api.force_authenticate(superuser)
    lines = [line for line in api.get("/metrics").content.decode().splitlines() if 'reason="bad-value"' in line]
    assert len(lines) == 2
    assert len({line.partition("}")[0] for line in lines}) == 2


def test_prometheus_reads_the_metrics_with_a_token_of_its_own(settings: Any) -> None:
    api = APIClient()
    settings.METRICS_TOKEN = "a token"
    assert api.get("/metrics", HTTP_AUTHORIZATION="Bearer a-token").status_code in (401, 403)
    settings.METRICS_TOKEN = "token"
    assert api.get("/metrics", HTTP_AUTHORIZATION="Bearer token").status_code == 200
    settings.METRICS_TOKEN = ""
    assert api.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code in (401, 403)


def test_quarantined_messages_are_counted_by_device_and_reason(viewer: User, seattle01: Device) -> None:
    accept([Arrival(TOPIC, b'{"face": 17}', clock.now())])
    api = APIClient()
    api.force_authenticate(viewer)
    counts = {"site": "seattle", "device": "Seattle01", "reason": "bad-value", "count": 1}
    assert api.get("/api/v1/quarantine/counts/").json() == [counts]


class TestBound:
    def test_a_full_quarantine_loses_its_oldest_loudly(
        self, seattle01: Device, caplog: pytest.LogCaptureFixture
    ) -> None:
        for minute in range(4):
            accept([Arrival(TOPIC, b"{" * 100, clock.now() - dt.timedelta(minutes=minute))])
        for _ in range(2):
            quarantine.bound_quarantine(most_bytes=2 * (100 + ROW_BYTES) + 50)
        ages = [clock.now() - each.received_at for each in QuarantinedMessage.objects.all()]
        assert len(ages) == 2
        assert max(ages) < dt.timedelta(minutes=2)
        assert "2 oldest messages were deleted" in caplog.text
        assert lines()["intake"].numbers["quarantine_overflowed_messages_total"] == 2

    def test_a_device_that_fills_its_share_displaces_no_other_devices_messages(
        self, seattle01: Device, chicago01: Device
    ) -> None:
        other = f"$aws/things/{chicago01.thing_name}/infer"
        accept([Arrival(other, b"{" * 100, clock.now() - dt.timedelta(days=1))])
        accept([Arrival(TOPIC, b"{" * 100 + b"%d" % number, clock.now()) for number in range(5)])
        quarantine.bound_quarantine(most_of_device=3 * (101 + ROW_BYTES))
        assert QuarantinedMessage.objects.filter(device=chicago01).count() == 1
        assert QuarantinedMessage.objects.filter(device=seattle01).count() == 3

    @pytest.mark.django_db(transaction=True)
    def test_the_limits_hold_at_every_door_without_an_ingester(
        self, seattle01: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limits = {"MAX_DEVICE_BYTES": 10 * ROW_BYTES, "BOUNDED_EVERY_BYTES": 2 * ROW_BYTES, "_growth": 0}
        for name, value in limits.items():
            monkeypatch.setattr(quarantine, name, value)
        for number in range(30):
            accept([Arrival(TOPIC, b"{%d" % number, clock.now())])
        assert QuarantinedMessage.objects.count() <= 12

    def test_what_was_replayed_goes_first_and_is_no_loss(self, seattle01: Device) -> None:
        for minute in range(2):
            accept([Arrival(TOPIC, b"{" * 100, clock.now() - dt.timedelta(minutes=minute))])
        youngest = QuarantinedMessage.objects.first()
        assert youngest is not None
        QuarantinedMessage.objects.filter(pk=youngest.pk).update(replayed_at=clock.now())
        quarantine.bound_quarantine(most_bytes=100 + ROW_BYTES)
        assert QuarantinedMessage.objects.filter(replayed_at=None).count() == 1
        assert lines()["intake"].numbers["quarantine_overflowed_messages_total"] == 0


class TestWatchdog:
    def test_messages_in_hand_without_a_commit_are_a_stall(
        self, seattle01: Device, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        seconds = [0.0]
        stop = threading.Event()
        subscription = Subscription("mqtt://127.0.0.1:1", all_messages("watched"), first_sequence=1, clock=clock.now)
        suspects = Suspects(tmp_path, "watched")
        loop = ingester.Ingester(subscription, stop, suspects=suspects, monotonic=lambda: seconds[0])
        found: list[Any] = []

        def hang(*_: Any) -> Any:
            seconds[0] += ingester.STALLED_AFTER_S + 1
            found.append(loop.stalled())
            stop.set()
            raise OperationalError("hung")

        monkeypatch.setattr(batches, "accept", hang)
        subscription._waiting.put(_delivered())
        loop.step()
        assert found == ["No commit for 121 s while messages arrive."]

    def test_a_dead_network_thread_is_a_stall(self, tmp_path: Path) -> None:
        subscription = Subscription("mqtt://127.0.0.1:1", all_messages("watched"), first_sequence=1, clock=clock.now)
        loop = ingester.Ingester(subscription, threading.Event(), suspects=Suspects(tmp_path, "watched"))
        assert loop.stalled() == "The thread that talks to the broker has died."


def _delivered() -> Any:
    from devices.mqtt.broker import Unacknowledged

    return Unacknowledged(Arrival(TOPIC, b"{}", clock.now()), 1, 1, 0)


def test_a_heartbeat_is_one_row_a_process() -> None:
    for _ in range(3):
        health.beat("ingest one", at=clock.now())
    assert Heartbeat.objects.count() == 1
