"""Whatever arrives, the intake answers: thousands of odd payloads, on whatever database the tests run."""

import datetime as dt
import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.faults.payloads import Payloads
from devices.intake.batches import accept
from devices.models import Device, QuarantinedMessage, Reason
from devices.reading import identity
from devices.reading.decoding import Arrival
from edge_agent import messages
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)
BATCH = 50

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "payload", [b'{"id": "\xf0(", "frames": []}', b'{"\xff": 1}', b'{"id": "x", "frames": "\xed"}']
)
def test_bytes_that_are_no_text_are_quarantined(seattle01: Device, payload: bytes) -> None:
    accept([Arrival(messages.topic_from_device(places.SEATTLE01, "frames"), payload, NOW)])
    assert QuarantinedMessage.objects.get().reason in (Reason.UNREADABLE, Reason.BAD_VALUE)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("infer", rb'"\ud800"'),
        ("infer", rb'{"img": "\udc00\ud800"}'),
        ("infer", rb'{"img": "\u0000"}'),
        ("status", b'{"online": true, "outbox_messages": 9223372036854775808}'),
        ("status", b'{"online": true, "dropped_messages": -1}'),
        ("status", rb'{"online": true, "software": "\u0000"}'),
        ("frames", rb'{"id": "x", "frames": [{"taken_at": 1795285800000, "objects": [{"label": "a\u0000"}]}]}'),
    ],
)
def test_what_no_database_could_keep_has_its_own_reason(chicago01: Device, kind: str, payload: bytes) -> None:
    thing = places.CHICAGO01
    topic = f"$aws/things/{thing}/infer" if kind == "infer" else messages.topic_from_device(thing, kind)
    accept([Arrival(topic, payload, NOW)])
    assert QuarantinedMessage.objects.get().reason in (Reason.UNREADABLE, Reason.BAD_VALUE)


@pytest.mark.parametrize("nearest", [0, -1.5, 1_000.5, '"near"'])
def test_a_distance_that_no_lens_can_tell_is_quarantined_with_its_place(
    seattle01: Device, nearest: float | str
) -> None:
    visit = f'{{"id": "v", "began_at": {round(NOW.timestamp() * 1000)}, "dwell": 1000, "nearest": {nearest}}}'
    payload = f'{{"id": "x", "frames": [], "visits": [{visit}]}}'
    accept([Arrival(messages.topic_from_device(places.SEATTLE01, "frames"), payload.encode(), NOW)])
    quarantined = QuarantinedMessage.objects.get()
    assert quarantined.reason == Reason.BAD_VALUE
    assert "“visits[0].nearest” must be" in quarantined.detail


@pytest.mark.parametrize(
    ("topic", "advice"),
    [
        ("$aws/things/unregistered/infer", "Register one in the admin, then replay this message."),
        ("dt/headcount/Lobby Süd/frames", "“Lobby Süd” cannot be registered as a thing name; it has 1 to 128 letters"),
        ("$aws/things/lobby.1/infer", "“lobby.1” cannot be registered as a thing name"),
        ("$aws/things/a\x0bb/infer", "“a�b” cannot be registered as a thing name"),
    ],
)
def test_only_a_thing_name_that_can_be_registered_is_advised_to_be(topic: str, advice: str, seattle01: Device) -> None:
    accept([Arrival(topic, b"{}", NOW)])
    assert advice in QuarantinedMessage.objects.get().detail


@pytest.mark.parametrize("seed", [1, 2])
def test_every_odd_payload_is_committed_or_quarantined(seattle01: Device, chicago01: Device, seed: int) -> None:
    source = iter(Payloads(seed, places.SEATTLE01, places.CHICAGO01, lambda: round(NOW.timestamp() * 1000)))
    odd = list(itertools.islice(source, int(os.environ.get("ODD_PAYLOADS", "500"))))
    arrivals = [
        Arrival(topic, payload, NOW + dt.timedelta(microseconds=number)) for number, (topic, payload) in enumerate(odd)
    ]
    quarantined = 0
    for start in range(0, len(arrivals), BATCH):
        batch = arrivals[start : start + BATCH]
        accepted = accept(batch)
        assert accepted.committed + accepted.quarantined == len(batch)
        quarantined += accepted.quarantined
    assert 0 < quarantined < len(arrivals)
    assert not QuarantinedMessage.objects.filter(reason=Reason.REFUSED).exists()
    # A message with an id is the same one when it comes again.
    assert 0 < QuarantinedMessage.objects.count() <= quarantined


@given(st.text(st.characters(codec="utf-8")), st.binary())
def test_what_was_said_and_where_keeps_its_hash(topic: str, payload: bytes) -> None:
    said = Arrival(topic, payload, NOW)
    assert identity.content_hash(said) == identity.digest(topic, payload)
