"""Who counts, by whose clock, and that what is sent twice is kept once."""

import datetime as dt
import itertools

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.features.groundtruth import services
from analytics.features.groundtruth.comparison import average
from analytics.models.groundtruth import GroundTruthCount, GroundTruthSession
from devices.models import Device
from tests.analytics.features.groundtruth.conftest import MINUTE, NINE, SECOND, noted


def kept(session: GroundTruthSession) -> list[tuple[dt.datetime, int | None]]:
    return [(count.at, count.people) for count in session.counts.all()]


def test_a_session_begins_with_who_is_there_already(seattle01: Device, operator: User) -> None:
    session = services.start_session(device=seattle01, by=operator, people=2, now=NINE)
    assert (session.started_at, session.heard_at, session.ended_at) == (NINE, NINE, None)
    assert kept(session) == [(NINE, 2)]


def test_only_those_who_run_the_site_count(seattle01: Device, viewer: User, outsider: User, session: object) -> None:
    for user in (viewer, outsider):
        with pytest.raises(PermissionDenied, match="Only operators and owners of Seattle may count"):
            services.start_session(device=seattle01, by=user, people=0, now=NINE)
        with pytest.raises(PermissionDenied):
            services.delete_session(session=GroundTruthSession.objects.get(), by=user)


def test_nobody_counts_in_anothers_session(session: GroundTruthSession, owner: User) -> None:
    with pytest.raises(PermissionDenied, match="Only the person who started a session"):
        services.store_counts(session=session, by=owner, counts=[], sent_at=NINE, ended_at=None, now=NINE)


def test_counts_may_come_late_twice_and_in_any_order(seattle01: Device, operator: User) -> None:
    """A lost connection and its repeated requests change nothing in the average."""
    counts = [noted(NINE + place * MINUTE, place % 4) for place in range(10)]
    end = NINE + 10 * MINUTE
    batches = [counts[:3], counts[2:7], counts[5:], counts]
    averages = set()
    for order in itertools.islice(itertools.permutations(batches), 0, None, 5):
        session = services.start_session(device=seattle01, by=operator, people=3, now=NINE)
        for batch in order:
            services.store_counts(session=session, by=operator, counts=batch, sent_at=end, ended_at=None, now=end)
        session = services.store_counts(session=session, by=operator, counts=counts, sent_at=end, ended_at=end, now=end)
        assert session.counts.count() == 11
        averages.add(average(kept(session), end))
    assert averages == {1.3}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0, 30), min_size=2, max_size=6))
def test_quick_taps_keep_their_order_however_slow_each_request_is(
    seattle01: Device, operator: User, delays: list[float]
) -> None:
    session = services.start_session(device=seattle01, by=operator, people=0, now=NINE)
    taps = [noted(NINE + place * SECOND / 5, place) for place in range(1, 1 + len(delays))]
    heard = NINE
    for tap, delay in zip(taps, delays, strict=True):
        sent = max(tap.at, heard)
        heard = sent + delay * SECOND
        services.store_counts(session=session, by=operator, counts=[tap], sent_at=sent, ended_at=None, now=heard)
    assert [people for _, people in kept(session)] == list(range(1 + len(taps)))


def test_a_clock_that_was_set_meanwhile_is_believed_from_then_on(seattle01: Device, operator: User) -> None:
    session = services.start_session(device=seattle01, by=operator, people=0, now=NINE)
    for minutes, offset in ((1, dt.timedelta()), (2, dt.timedelta(hours=2))):
        at = NINE + minutes * MINUTE
        counts = [noted(at + offset, minutes)]
        services.store_counts(session=session, by=operator, counts=counts, sent_at=at + offset, ended_at=None, now=at)
    assert kept(session)[1:] == [(NINE + MINUTE, 1), (NINE + 2 * MINUTE, 2)]


@pytest.mark.parametrize("wrong", [dt.timedelta(), dt.timedelta(hours=-3), dt.timedelta(days=400)])
def test_a_phones_clock_may_be_wrong(seattle01: Device, operator: User, wrong: dt.timedelta) -> None:
    session = services.start_session(device=seattle01, by=operator, people=0, now=NINE)
    counts = [noted(NINE + MINUTE + wrong, 2)]
    sent = NINE + 3 * MINUTE
    session = services.store_counts(
        session=session, by=operator, counts=counts, sent_at=sent + wrong, ended_at=sent - SECOND + wrong, now=sent
    )
    assert kept(session)[1] == (NINE + MINUTE, 2)
    assert session.ended_at == sent - SECOND


def test_no_count_lies_before_the_start_or_in_the_future(seattle01: Device, operator: User) -> None:
    session = services.start_session(device=seattle01, by=operator, people=0, now=NINE)
    ancient = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
    counts = [noted(NINE - MINUTE, 1), noted(ancient, 3), noted(NINE + 9 * MINUTE, 2)]
    now = NINE + MINUTE
    services.store_counts(session=session, by=operator, counts=counts, sent_at=now, ended_at=None, now=now)
    assert kept(session) == [(NINE, 0), (NINE, 1), (NINE, 3), (now, 2)]


def test_a_session_ends_once_and_hears_of_no_more(seattle01: Device, operator: User) -> None:
    session = services.start_session(device=seattle01, by=operator, people=1, now=NINE)
    for minute in (2, 3, 5):
        at = NINE + minute * MINUTE
        ended = None if minute == 2 else at
        session = services.store_counts(session=session, by=operator, counts=[], sent_at=at, ended_at=ended, now=at)
    assert (session.heard_at, session.ended_at) == (NINE + 3 * MINUTE, NINE + 3 * MINUTE)


def test_a_session_is_deleted_with_its_counts(session: GroundTruthSession, owner: User) -> None:
    services.delete_session(session=session, by=owner)
    assert not GroundTruthCount.objects.exists()


def test_a_session_outlives_who_counted(session: GroundTruthSession, operator: User) -> None:
    operator.delete()
    session.refresh_from_db()
    assert session.counted_by is None
