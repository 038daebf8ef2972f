"""The same bytes are the same fact for ever, whatever a later version reads in them."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from analytics.models import Episode, Frame, ReportedGesture
from devices.intake.batches import accept
from devices.models import Device, DeviceLog, FormerIdentity, Thing
from devices.reading import decoding, deeplens, identity
from devices.reading.decoding import Arrival, Decoded, Delivery, LogLine, ReceivedFrame
from devices.reading.places import read_whereabouts
from edge_agent import messages
from tests import clock
from tests.devices.intake.test_batches import everything, from_deeplens

SAMPLES = [
    json.loads(line) for line in (Path(__file__).parent / "samples" / "identities.jsonl").read_text().splitlines()
]
LONG = dt.timedelta(days=20 * 365)
HOUR = dt.timedelta(hours=1)
UPGRADED_BY = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
"""After all samples had come."""

KEY_WITH_THE_LAST_VALUE = -4420375165933314912
"""The recorded key that the first version's replay gave to the sample with three faces under one key."""

each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=[sample["means"] for sample in SAMPLES])

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def devices(chicago02: Device, seattle01: Device, chicago01: Device) -> dict[str, Device]:
    """The devices of the samples. One writes its time stamps in the zone of Chicago."""
    chicago02.thing.clock_timezone = "America/Chicago"
    chicago02.thing.save()
    Thing.objects.update(bucket="b")
    return {device.thing_name: device for device in (seattle01, chicago01, chicago02)}


@pytest.fixture
def former(settings: Any) -> Iterator[FormerIdentity]:
    """An installation that was upgraded from the first version of the identity after the samples came."""
    settings.FRAME_RETENTION_DAYS = LONG.days
    identity.former_until.cache_clear()
    yield FormerIdentity.objects.create(version=1, until=UPGRADED_BY)
    identity.former_until.cache_clear()


def arrival(sample: dict[str, Any]) -> Arrival:
    delivery = Delivery("camera-hub", sample["packet_id"], 1) if "packet_id" in sample else None
    received_at = dt.datetime.fromisoformat(sample["received_at"])
    return Arrival(sample["topic"], sample["payload"].encode(), received_at, delivery)


def decode(sample: dict[str, Any], devices: dict[str, Device]) -> Decoded:
    received = arrival(sample)
    thing = decoding.thing_of(received.topic)
    return decoding.decode(received, read_whereabouts([thing])[thing], retention=LONG)


def facts(decoded: Decoded) -> list[list[Any]]:
    return [
        *(["frame", frame.taken_at.isoformat(), frame.key] for frame in decoded.frames),
        *(["line", line.at.isoformat(), line.key] for line in decoded.log),
        *(["picture", picture.taken_at.isoformat(), picture.key] for picture in decoded.pictures),
        *(["gesture", gesture.began_at.isoformat(), gesture.label] for gesture in decoded.gestures),
    ]


@each_sample
def test_a_recorded_message_keeps_its_facts_and_their_keys(sample: dict[str, Any], devices: dict[str, Device]) -> None:
    assert facts(decode(sample, devices)) == sample["facts"]


@each_sample
def test_the_keys_of_the_first_version_are_found_from_the_same_bytes(
    sample: dict[str, Any], devices: dict[str, Device]
) -> None:
    decoded = decode(sample, devices)
    stored = [fact for fact in sample["version 1"] if fact[0] in ("frame", "line")]
    found: list[ReceivedFrame | LogLine] = [*decoded.frames, *decoded.log]
    for seen, (_, at, key) in zip(found, stored, strict=True):
        formers = seen.former_keys(seen.source) if seen.former_keys else []
        assert seen.key == key or (dt.datetime.fromisoformat(at), key) in formers


def test_a_live_record_and_its_export_by_the_console_are_one_frame() -> None:
    live, exported = (s for s in SAMPLES if s["means"].startswith(("a record with its time", "the record, exported")))
    accept([arrival(live)])
    accept([arrival(exported)])
    assert Frame.objects.count() == 1


class LaterFace(messages.Face, frozen=True, omit_defaults=True):
    track: int | None = None


class LaterFrame(messages.Frame, frozen=True, omit_defaults=True):
    faces: tuple[LaterFace, ...] | None = None
    mood: str = ""


class LaterFrames(messages.Frames, frozen=True, omit_defaults=True):
    frames: tuple[LaterFrame, ...]
    weather: str = ""


def test_a_version_that_reads_more_keys_counts_nothing_of_the_past_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals = [arrival(sample) for sample in SAMPLES]
    accept(arrivals)
    once = everything()
    monkeypatch.setitem(messages._DECODERS, "frames", msgspec.json.Decoder(LaterFrames))
    monkeypatch.setattr(deeplens, "FACE_KEYS", frozenset({*deeplens.FACE_KEYS, "coffee cup"}))
    monkeypatch.setattr(deeplens, "NOT_LABELS", deeplens.NOT_LABELS - {"qos"})
    odd = next(sample for sample in SAMPLES if "nobody knew" in sample["means"])
    read = messages.decode("frames", odd["payload"].encode())
    assert isinstance(read, LaterFrames)
    assert (read.frames[0].mood, read.frames[0].faces[0].track) == ("busy", 7)  # type: ignore[index]
    accept(arrivals)
    assert everything() == once


def as_the_first_version_stored() -> None:
    """Give the stored frames and lines the times and keys that the first version gave them."""
    for sample in SAMPLES:
        for (kind, at, key), (_, former_at, former_key) in zip(sample["facts"], sample["version 1"], strict=True):
            if kind == "frame":
                Frame.objects.filter(taken_at=at, key=key).update(taken_at=former_at, key=former_key)
            if kind == "line":
                DeviceLog.objects.filter(at=at, key=key).update(at=former_at, key=former_key)


def test_what_the_first_version_stored_is_not_counted_again(former: FormerIdentity) -> None:
    accept([arrival(sample) for sample in SAMPLES])
    as_the_first_version_stored()
    once = everything()
    accept([arrival(sample) for sample in SAMPLES])
    new = arrival({**SAMPLES[0], "payload": SAMPLES[0]["payload"].replace("0.93", "0.94").replace("5f3c", "5f3d")})
    assert everything() == once
    accept([new, arrival(SAMPLES[0])])
    assert len(everything()["frames"]) == len(once["frames"]) + 1


def test_a_gesture_that_the_first_version_stored_as_it_was_spelled_stays_one(former: FormerIdentity) -> None:
    sample = next(sample for sample in SAMPLES if sample["means"] == "a gesture of an agent")
    spelled = arrival({**sample, "payload": sample["payload"].replace("thumbs-up", "Thumbs-Up")})
    accept([spelled])
    assert ReportedGesture.objects.get().label == "thumbs-up"
    ReportedGesture.objects.update(label="Thumbs-Up")
    Episode.objects.update(label="Thumbs-Up")
    accept([spelled])
    assert (ReportedGesture.objects.get().label, Episode.objects.get().label) == ("Thumbs-Up", "Thumbs-Up")


def test_a_log_that_was_replayed_with_repeated_keys_lost_is_not_counted_again(former: FormerIdentity) -> None:
    lost = next(sample for sample in SAMPLES if "as a log was replayed" in sample["means"])
    accept([arrival({**lost, "payload": json.dumps(json.loads(lost["payload"]))})])
    (stored,) = Frame.objects.all()
    Frame.objects.update(key=KEY_WITH_THE_LAST_VALUE)
    accept([arrival(lost)])
    assert list(Frame.objects.all()) == [stored]


@pytest.mark.parametrize("until", [dt.datetime(2018, 1, 1, tzinfo=dt.UTC), UPGRADED_BY])
def test_only_what_is_older_than_the_upgrade_is_looked_up_under_former_keys(
    former: FormerIdentity, until: dt.datetime
) -> None:
    FormerIdentity.objects.update(until=until)
    assert identity.former_until()
    with CaptureQueriesContext(connection) as queries:
        accept([arrival(SAMPLES[0])])
    looked_up = [query for query in queries.captured_queries if '"taken_at" IN' in query["sql"]]
    assert len(looked_up) == (until == UPGRADED_BY)


def test_what_the_first_version_stored_is_looked_up_until_the_retention_has_passed(
    former: FormerIdentity, settings: Any, set_clock: clock.SetClock
) -> None:
    settings.FRAME_RETENTION_DAYS = 30
    before = UPGRADED_BY - HOUR
    set_clock(UPGRADED_BY + dt.timedelta(days=30))
    assert before < identity.former_before()
    set_clock(UPGRADED_BY + dt.timedelta(days=33))
    assert identity.former_before() == identity.NEVER


def test_a_message_of_the_hour_that_comes_twice_is_known_again_when_it_is_redelivered_an_hour_later(
    chicago01: Device,
) -> None:
    chicago01.thing.clock_timezone = "America/Chicago"
    chicago01.thing.save()
    record = '{"timestamp": "20261101-013000", "objects": []}'
    at = dt.datetime(2026, 11, 1, 6, 30, 2, tzinfo=dt.UTC)
    accept([from_deeplens(record, at=at, packet_id=7, sequence=1)])
    accept([from_deeplens(record, at=at + dt.timedelta(hours=1), packet_id=7, sequence=2, redelivered=True)])
    assert Frame.objects.get().taken_at == at.replace(second=0)
    accept([from_deeplens(record, at=at + dt.timedelta(hours=1), packet_id=8, sequence=3)])
    assert Frame.objects.count() == 2


spaces = st.text(" \t\r\n", max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**53) | st.floats(0, 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
frames = st.lists(st.dictionaries(st.text(max_size=8), values, max_size=4), min_size=1, max_size=3)


def keys(payload: str) -> list[int]:
    return [identity.frame_key(frame) for frame in identity.frames_in(payload.encode())]


@given(frames, spaces, spaces)
def test_white_space_and_the_message_around_it_do_not_change_a_frame(
    sent: Sequence[Any], colon: str, comma: str
) -> None:
    spaced = json.dumps({"id": "another", "frames": sent}, separators=(f"{comma},", f"{colon}:"))
    assert keys(spaced) == keys(json.dumps({"frames": sent, "id": "m"}, separators=(",", ":")))


@given(frames, frames)
def test_different_frames_have_different_keys(one: Sequence[Any], other: Sequence[Any]) -> None:
    same = json.dumps(one[0]) == json.dumps(other[0])
    assert (keys(json.dumps({"frames": one}))[0] == keys(json.dumps({"frames": other}))[0]) == same


def blake(*parts: bytes) -> int:
    """Return the hash of the parts as the format of keys has it, without any of the short cuts."""
    framed = b"".join(len(part).to_bytes(8) + part for part in parts)
    return int.from_bytes(hashlib.blake2b(framed, digest_size=8).digest(), signed=True)


@given(
    st.lists(st.tuples(st.text(), st.floats(0.0, 1.0) | st.floats() | st.text() | st.lists(st.floats()))),
    st.text(st.characters(codec="utf-8")),
)
def test_the_key_of_a_record_is_the_hash_of_its_pairs_as_python_writes_them(
    pairs: list[tuple[str, Any]], packet: str
) -> None:
    text = json.dumps(pairs, separators=(",", ":"))
    assert identity.record_key(pairs, packet) == blake(b"record", text.encode(), packet.encode())


@given(st.text(st.characters(codec="utf-8")), st.binary())
def test_the_hash_of_a_message_is_that_of_topic_and_payload(topic: str, payload: bytes) -> None:
    assert identity.content_hash(Arrival(topic, payload, clock.NOW)) == blake(topic.encode(), payload)
