import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.counting import corrections
from analytics.models import DurationQuarter, Visit, VisitQuarter
from analytics.models.quarters import DURATION_EDGES_MS, duration_bin
from devices.intake.batches import accept
from devices.models import Device, QuarantinedMessage
from devices.reading.decoding import Arrival, ReceivedVisit
from edge_agent import messages
from tests.analytics.frames import undone
from tests.analytics.visits import (
    duration_tallies,
    report,
    stored_duration_tallies,
    stored_visit_tallies,
    stored_visits,
    visit_table,
    visit_tallies,
    visited,
)

pytestmark = pytest.mark.django_db

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
NOW = NOON + dt.timedelta(days=1)


def at(seconds: float) -> dt.datetime:
    return NOON + dt.timedelta(seconds=seconds)


def reports_of(devices: list[Device]) -> st.SearchStrategy[ReceivedVisit]:
    """Reports of few visits, so that many are about the same one, around the edges of minutes and of a quarter."""
    return st.builds(
        lambda device, second, key, dwell, share, nearest, ended, bodies: visited(
            device,
            at(second),
            key=key,
            dwell=dwell,
            attention=None if share is None else dwell * share,
            nearest=nearest,
            ended=ended,
            bodies=bodies,
        ),
        st.sampled_from(devices),
        st.sampled_from([-1, 0, 5, 59, 60, 900]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([0.0, 0.5, 1.0, 3.0, 42.042]),
        st.sampled_from([None, 0.0, 0.5, 1.0]),
        st.sampled_from([None, 0.5, 2.25]),
        st.booleans(),
        st.booleans(),
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@given(data=st.data())
def test_reports_in_any_order_and_number_give_the_same_visits_and_tallies(
    seattle01: Device, chicago01: Device, data: st.DataObject
) -> None:
    devices = [seattle01, chicago01]
    reports = data.draw(st.lists(reports_of(devices), min_size=1, max_size=10))
    arrivals = data.draw(st.permutations(reports + reports[:3]))
    with undone():
        while arrivals:
            size = data.draw(st.integers(1, len(arrivals)))
            report(*arrivals[:size])
            arrivals = arrivals[size:]
        table = visit_table(reports)
        assert stored_visits() == table
        assert stored_visit_tallies() == visit_tallies(table)
        assert stored_duration_tallies() == duration_tallies(table)
        assert sum(map(corrections.rebuild, corrections.stretches(devices=devices, now=NOW))) == 0
        VisitQuarter.objects.update(visits=77)
        DurationQuarter.objects.all().delete()
        assert sum(map(corrections.rebuild, corrections.stretches(devices=devices, now=NOW))) > 0
        assert stored_visit_tallies() == visit_tallies(table)
        assert stored_duration_tallies() == duration_tallies(table)


def test_a_visit_counts_in_the_quarter_in_which_it_began_also_while_it_goes_on(seattle01: Device) -> None:
    report(visited(seattle01, at(890), dwell=1, ended=False))
    report(visited(seattle01, at(890), dwell=600, attention=300, ended=True))
    assert list(VisitQuarter.objects.values_list("start", "visits", "dwell_ms_sum", "attention_ms_sum")) == [
        (NOON, 1, 600_000, 300_000)
    ]
    assert DurationQuarter.objects.count() == 2


def test_an_agent_that_crashed_leaves_the_visit_as_long_as_it_last_reported(seattle01: Device) -> None:
    report(visited(seattle01, NOON, dwell=5, attention=2, ended=False))
    assert Visit.objects.values_list("dwell_ms", "attention_ms", "ended").get() == (5000, 2000, False)


def test_somebody_who_looked_for_less_than_a_second_is_no_viewer(seattle01: Device) -> None:
    report(*(visited(seattle01, NOON, attention=attention, key=str(attention)) for attention in (0.999, 1.0, None)))
    assert VisitQuarter.objects.values_list("visits", "told", "viewers").get() == (3, 2, 1)


def test_visits_of_a_message_are_counted_and_those_that_cannot_be_are_quarantined(seattle01: Device) -> None:
    def sent(visit: messages.Visit) -> Arrival:
        payload = messages.encode(messages.Frames(messages.new_id(), (), visits=(visit,)))
        return Arrival(messages.topic_from_device(seattle01.thing_name, "frames"), payload, at(60))

    began_at = round(NOON.timestamp() * 1000)
    right = messages.Visit("a", began_at, 3000, 2000, 1.5, ended=True)
    more_attention_than_dwell = messages.Visit("b", began_at, 3000, 3001)
    next_week = messages.Visit("c", began_at + 7 * 86_400_000, 3000)
    accept([sent(each) for each in (right, more_attention_than_dwell, next_week, right)])
    assert stored_visits() == [(seattle01.pk, NOON, "a", 3000, 2000, 1.5, True, False)]
    details = sorted(QuarantinedMessage.objects.values_list("detail", flat=True))
    assert len(details) == 2
    assert details[1] == "The visit “b” has 3001 ms of attention in 3000 ms of dwell."


def test_visits_past_the_retention_go_and_their_tallies_stay(seattle01: Device, settings: Any) -> None:
    settings.FRAME_RETENTION_DAYS = 10
    long_ago = NOON - dt.timedelta(days=12)
    report(visited(seattle01, long_ago), visited(seattle01, NOON))
    tallies = stored_visit_tallies(), stored_duration_tallies()
    list(corrections.forget_old_frames(now=NOW))
    assert [began_at for _, began_at, *_ in stored_visits()] == [NOON]
    assert sum(map(corrections.rebuild, corrections.stretches(devices=[seattle01], now=NOW))) == 0
    assert (stored_visit_tallies(), stored_duration_tallies()) == tallies


@given(st.integers(0, 7 * 24 * 3_600_000))
def test_the_bins_of_durations_have_no_gaps_and_a_second_is_an_edge(milliseconds: int) -> None:
    number = duration_bin(milliseconds)
    assert DURATION_EDGES_MS[number] <= milliseconds
    assert number == len(DURATION_EDGES_MS) - 1 or milliseconds < DURATION_EDGES_MS[number + 1]
    assert 1000 in DURATION_EDGES_MS
