"""What is worked out of messages before they are committed is written where it holds, and else made anew."""

import datetime as dt
from typing import Any

import pytest
from django.db import OperationalError

from analytics.models import Frame
from devices.intake import batches
from devices.intake.batches import accept
from devices.models import Device, Thing
from devices.reading.places import read_whereabouts
from tests.devices.intake.test_batches import (
    NOW,
    everything,
    frames_message,
    from_agent,
    from_deeplens,
    gesture,
    milliseconds,
)

pytestmark = pytest.mark.django_db


def test_a_draft_asks_no_database(seattle01: Device, django_assert_num_queries: Any) -> None:
    everything_odd = [from_agent(frames_message(1), "frames"), from_agent(b"{", "frames"), from_deeplens("{}")]
    things = read_whereabouts([seattle01.thing_name])
    with django_assert_num_queries(0):
        batches.draft(everything_odd, things)


def test_a_draft_that_holds_is_written_as_it_is(seattle01: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    drafted: list[batches.Batch] = []

    def sink(batch: batches.Batch) -> batches.Write:
        drafted.append(batch)
        return batches.write_nothing

    monkeypatch.setattr(batches, "_sinks", [*batches._sinks, sink])
    arrivals = [from_agent(frames_message(1), "frames")]
    accept(arrivals, batches.draft(arrivals, read_whereabouts([seattle01.thing_name])))
    assert (Frame.objects.count(), len(drafted)) == (1, 1)


@pytest.mark.parametrize("known", [True, False])
def test_a_draft_for_a_device_that_is_another_now_is_made_anew(chicago01: Device, known: bool) -> None:
    arrivals = [from_deeplens('{"thumbs-up": 0.9, "timestamp": "20261120-120000"}')]
    draft = batches.draft(arrivals, read_whereabouts([chicago01.thing_name]) if known else {})
    Thing.objects.filter(name=chicago01.thing_name).update(clock_timezone="America/Chicago")
    assert accept(arrivals, draft).quarantined == 0
    assert Frame.objects.get().taken_at == dt.datetime(2026, 11, 20, 18, 0, tzinfo=dt.UTC)


def test_a_draft_whose_message_was_committed_before_is_made_anew(chicago01: Device) -> None:
    first = from_deeplens("{}", packet_id=7, sequence=1, redelivered=False)
    accept([first])
    again = [from_deeplens("{}", at=NOW + dt.timedelta(minutes=1), packet_id=7, sequence=2, redelivered=True)]
    accept(again, batches.draft(again, read_whereabouts([chicago01.thing_name])))
    assert Frame.objects.count() == 1


def test_a_draft_may_be_written_again_after_the_database_was_away(
    seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = [OperationalError("the server closed the connection")]

    def write() -> None:
        if away:
            raise away.pop()

    monkeypatch.setattr(batches, "_sinks", [*batches._sinks, lambda _: write])
    arrivals = [from_agent(frames_message(n, id=f"m{n}"), "frames") for n in range(3)]
    arrivals += [from_agent(b"{", "frames"), from_agent(gesture(milliseconds(NOW)), "frames")]
    draft = batches.draft(arrivals, read_whereabouts([seattle01.thing_name]))
    with pytest.raises(OperationalError):
        accept(arrivals, draft)
    accept(arrivals, draft)
    once = everything()
    accept(arrivals)
    assert everything() == once
    assert (len(once["frames"]), len(once["quarantine"])) == (3, 1)
