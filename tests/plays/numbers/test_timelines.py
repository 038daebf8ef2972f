"""A timeline reads only the plays that can be shown in its stretch, and finds the same ones as if it read all."""

import datetime as dt
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from devices.models import Device
from plays.attribution.services import compute_changed
from plays.models import MOST_SHOWN_MS, Play, PlayDay
from plays.numbers.timelines import ShownPlay, read_plays
from tests import clock, places
from tests.plays.samples import at, play, screen

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
        for shown in self.read(device, -100_000, 200_000):
            assert shown.ended_at - shown.started_at <= max(bounds) * dt.timedelta(milliseconds=1)

    def read(self, device: Device, first: int, length: int) -> list[ShownPlay]:
        return read_plays([device], at(first), at(first + length), now=clock.NOW)


class TheBoundIsTight(TestCase):
    def test_a_day_of_short_plays_lets_a_timeline_read_little_more_than_its_stretch(self) -> None:
        device = places.seattle01()
        play(screen(device), "film", 0, None)
        play(screen(device), "film", 0, 10)  # the same play, whose end is known now
        play(screen(device), "poster", 10, 22)
        compute_changed(now=clock.now())
        assert PlayDay.objects.get(device=device, day=at(0).date()).longest_ms == 12_000
        assert Play.objects.filter(device=device).count() == 2
