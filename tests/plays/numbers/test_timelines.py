"""A timeline reads only the plays that can be shown in its stretch, and finds the same ones as if it read all."""

import datetime as dt
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from devices.models import Device
from plays.attribution.services import compute_changed
from plays.models import MOST_SHOWN_MS, Play, PlayDay
from plays.numbers.timelines import MOST_BARS, ShownPlay, read_plays, read_timeline
from tests import clock
from tests.plays.samples import at, play, screen, visit
from tests.world import places

PLAYS = st.tuples(st.integers(-30_000, 6_000), st.one_of(st.none(), st.integers(0, 28_000)), st.sampled_from("ab"))


class TimelinesReadEnough(TestCase):
    """Open, long, overlapping and late plays, on two screens, one of whose clocks is wrong."""

    @given(
        plays=st.lists(PLAYS, max_size=8),
        late=st.lists(PLAYS, max_size=2),
        window=st.tuples(st.integers(-9_000, 6_000), st.integers(1, 4_000)),
    )
    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
    def test_what_is_stored_of_a_day_hides_no_play(self, plays: list[Any], late: list[Any], window: Any) -> None:
        device, (first, length) = places.seattle01(), window
        screens = {"a": screen(device, "a"), "b": screen(device, "b", clock_ahead_ms=70_000, clock_is_set=True)}
        for start, lasts, on in plays:
            play(screens[on], f"film {start % 3}", start, None if lasts is None else start + lasts)
        compute_changed(now=clock.now())
        for start, lasts, on in late:
            play(screens[on], f"film {start % 3}", start, None if lasts is None else start + lasts)
        found = self.read(device, first, length)
        bounds = list(PlayDay.objects.filter(device=device).values_list("longest_ms", flat=True))
        PlayDay.objects.filter(device=device).update(longest_ms=MOST_SHOWN_MS)
        everything = self.read(device, first, length)
        assert found == everything
        with patch("plays.numbers.timelines.FIRST_STRETCH", dt.timedelta(days=1)):
            assert found == self.read(device, first, length)
        for shown in self.read(device, -100_000, 200_000):
            assert shown.ended_at - shown.started_at <= max(bounds) * dt.timedelta(milliseconds=1)

    def read(self, device: Device, first: int, length: int) -> list[ShownPlay]:
        return read_plays([device], at(first), at(first + length), now=clock.NOW, most=MOST_BARS)


class TheBoundIsTight(TestCase):
    def test_a_day_of_short_plays_lets_a_timeline_read_little_more_than_its_stretch(self) -> None:
        device = places.seattle01()
        play(screen(device), "film", 0, None)
        play(screen(device), "film", 0, 10)  # the same play, whose end is known now
        play(screen(device), "poster", 10, 22)
        compute_changed(now=clock.now())
        assert PlayDay.objects.get(device=device, day=at(0).date()).longest_ms == 12_000
        assert Play.objects.filter(device=device).count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("most", "visits", "until", "last_play", "last_visit", "stretches"),
    [(10, 1, 90, 90, 81, 1), (30, 2, 142, 140, 142, 7)],
    ids=["plays", "visits"],
)
def test_a_day_with_more_than_can_be_drawn_is_read_and_shown_up_to_one_moment(
    seattle01: Device,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    visits: int,
    until: int,
    last_play: int,
    last_visit: int,
    stretches: int,
) -> None:
    monkeypatch.setattr("plays.numbers.timelines.MOST_BARS", most)
    for start in range(0, 200, 10):
        play(screen(seattle01), "film", start, start + 10)
        for number in range(visits):
            visit(seattle01, start + 1 + number, 3, 2)
    compute_changed(now=clock.now())
    with CaptureQueriesContext(connection) as queries:
        found = read_timeline([seattle01], at(-60), at(86_000), now=at(86_000))
    assert found.until == at(until)
    ((_, shown),) = found.rows
    assert (shown[-1][0].started_at, found.visits[-1].began_at) == (at(last_play), at(last_visit))
    assert len([query for query in queries.captured_queries if "FIRST_VALUE" in query["sql"]]) == stretches
