"""Who was there while a content was shown: found by overlap, the same on both databases, and the same when repeated."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from devices.models import Device, Site
from plays.attribution import services
from plays.models import OPEN_MS, ContentDay, ContentHour, ContentQuarter, ContentSums, Play, PlayDay
from tests import clock
from tests.plays import samples
from tests.plays.samples import camera_on, play, screen, tallies, thumbs_up, visit
from tests.world import places

pytestmark = pytest.mark.django_db

TALLIES = (ContentQuarter, ContentDay, ContentHour)


def test_a_visit_is_an_impression_of_each_content_that_it_saw_for_a_second(seattle01: Device) -> None:
    lobby = screen(seattle01)
    play(lobby, "film", 0, 10)
    play(lobby, "poster", 10, 20)
    visit(seattle01, 4, 12, 6)  # six seconds of each
    visit(seattle01, 9.5, 4, 0)  # half a second of the film
    film, poster = tallies()
    assert (film.plays, film.shown_ms, film.impressions, film.together_ms) == (1, 10_000, 1, 6_000)
    assert (poster.impressions, poster.together_ms) == (2, 6_000 + 3_500)


def test_attention_is_shared_by_the_time_together(seattle01: Device) -> None:
    lobby = screen(seattle01)
    play(lobby, "film", 0, 10)
    play(lobby, "poster", 10, 20)
    visit(seattle01, 4, 12, 6)
    visit(seattle01, 12, 5, None)
    film, poster = tallies()
    assert (film.attention_ms, film.told, film.viewers, film.visits) == (3_000, 1, 1, 1)
    assert (poster.attention_ms, poster.told, poster.impressions) == (3_000, 1, 2)


def test_a_person_who_sees_a_content_twice_is_one_viewer(seattle01: Device) -> None:
    lobby = screen(seattle01)
    play(lobby, "film", 0, 10)
    play(lobby, "film", 10, 20)
    visit(seattle01, 0, 20, 1.6)  # 0.8 s of each play: a viewer of the content, not of one play
    (film,) = tallies()
    assert (film.plays, film.impressions, film.visits, film.viewers) == (2, 2, 1, 1)


def test_conversion_counts_only_visits_of_cameras_that_look_for_bodies(seattle01: Device) -> None:
    play(screen(seattle01), "film", 0, 30)
    visit(seattle01, 1, 5, 4)
    visit(seattle01, 2, 5, 0)
    visit(seattle01, 3, 5, 4, bodies=False)
    (film,) = tallies()
    assert (film.passers_by, film.passing_viewers, film.viewers) == (2, 1, 2)


def test_an_open_play_lasts_until_the_next_one_on_its_screen(seattle01: Device) -> None:
    lobby, other = screen(seattle01), screen(seattle01, "Door")
    play(lobby, "film", 0, None)
    play(other, "sign", 5, 8)
    play(lobby, "poster", 30, 40)
    film, _, _ = sorted(tallies(), key=lambda row: -row.shown_ms)
    assert film.shown_ms == 30_000


def test_an_open_play_without_a_next_one_lasts_at_most_an_hour(seattle01: Device) -> None:
    play(screen(seattle01), "film", 0, None)
    (film,) = tallies()
    assert film.shown_ms == OPEN_MS


def test_a_play_that_reaches_a_moment_into_the_next_one_ends_where_that_begins(seattle01: Device) -> None:
    lobby = screen(seattle01)
    play(lobby, "film", 0, 11)
    play(lobby, "poster", 10, 25)
    play(lobby, "ticker", 12, 60)  # a region of its own, beside the poster
    visit(seattle01, 0, 20, 10)
    assert {row.content.key: row.shown_ms for row in tallies()} == {"film": 10_000, "poster": 15_000, "ticker": 48_000}


def test_a_players_clock_is_corrected_before_plays_meet_visits(seattle01: Device) -> None:
    lobby = screen(seattle01, clock_ahead_ms=8_000, clock_is_set=True)
    play(lobby, "film", 8, 18)  # really from 0 to 10
    visit(seattle01, 0, 10, 5)
    (film,) = tallies()
    assert (film.together_ms, film.attention_ms) == (10_000, 5_000)


def test_coverage_is_the_part_of_the_time_in_which_the_camera_was_on(seattle01: Device) -> None:
    camera_on(seattle01, 0, 15)
    camera_on(seattle01, 900, 6)
    play(screen(seattle01), "film", 0, 1800)
    (film,) = tallies()
    assert (film.shown_ms, film.seen_ms) == (1_800_000, 900_000 + 360_000)


def test_thumbs_up_belong_to_what_was_shown_when_they_began(seattle01: Device) -> None:
    lobby = screen(seattle01)
    play(lobby, "film", 0, 70)
    play(lobby, "poster", 70, 80)
    for second in (3, 66, 70):
        thumbs_up(seattle01, second)
    assert {row.content.key: row.thumbs_up for row in tallies()} == {"film": 2, "poster": 1}


def test_positions_of_a_sequence_are_kept_apart(seattle01: Device) -> None:
    lobby = screen(seattle01)
    play(lobby, "film", 0, 10, position=1)
    play(lobby, "film", 20, 30, position=3)
    assert [(row.position, row.plays) for row in tallies()] == [(1, 1), (3, 1)]


def test_a_screen_that_two_cameras_see_has_the_audience_of_both(chicago01: Device, chicago02: Device) -> None:
    wide = screen(chicago01, cameras=["Chicago01", "Chicago02"])
    play(wide, "film", 0, 10)
    visit(chicago01, 0, 5, 5)
    visit(chicago02, 0, 5, 5)
    assert [(row.device_id, row.impressions) for row in tallies()] == [(chicago01.pk, 1), (chicago02.pk, 1)]


def test_a_visit_that_comes_late_changes_its_day_and_no_other(seattle01: Device) -> None:
    lobby = screen(seattle01)
    play(lobby, "film", 0, 10)
    play(lobby, "film", -3 * 86_400, -3 * 86_400 + 10)
    assert [row.impressions for row in tallies()] == [0, 0]
    later = clock.now() + dt.timedelta(days=2)
    assert services.compute_changed(now=later) > 0  # the evening's open plays are over
    assert services.compute_changed(now=later) == 0
    visit(seattle01, -3 * 86_400, 10, 5)
    assert services.compute_changed(now=later) == 1
    assert [row.impressions for row in ContentQuarter.objects.order_by("start")] == [1, 0]


def test_a_device_whose_day_cannot_be_computed_harms_no_other(
    seattle01: Device, chicago01: Device, caplog: pytest.LogCaptureFixture
) -> None:
    for device in (seattle01, chicago01):
        play(screen(device), "film", 0, 10)
        visit(device, 0, 10, 5)
    Site.objects.filter(pk=seattle01.site_id).update(timezone="Nowhere/Never")
    assert [row.device_id for row in tallies()] == [chicago01.pk]
    assert f"at devices [{seattle01.pk}]. The others are not affected." in caplog.text
    assert PlayDay.objects.filter(device=seattle01, is_changed=True).exists()


def test_computing_again_changes_nothing(seattle01: Device) -> None:
    lobby = screen(seattle01)
    play(lobby, "film", 0, 10, position=2)
    play(lobby, "film", 1_000, 1_010)
    visit(seattle01, 0, 10, 5)
    assert tallies()
    before = [list(stored(table)) for table in TALLIES]
    services.mark_all()
    tallies()
    assert [list(stored(table)) for table in TALLIES] == before
    assert [len(rows) for rows in before] == [2, 2, 1]


def stored(table: type[ContentSums]) -> Iterator[dict[str, Any]]:
    """The rows of a table of tallies, without their keys, which change when they are computed again."""
    fields = [field.attname for field in table._meta.fields if field.name != "id"]
    yield from table.objects.order_by(*fields).values(*fields)


def test_a_day_takes_the_same_statements_however_many_plays_it_has(seattle01: Device) -> None:
    lobby = screen(seattle01)
    play(lobby, "film", 0, 10)
    counts = []
    for number in range(2):
        PlayDay.objects.update(is_changed=True)
        with CaptureQueriesContext(connection) as queries:
            services.compute_changed(now=clock.now())
        counts.append(len(queries))
        for second in range(20, 200, 10):
            play(lobby, f"film {second % 3}", second + number, second + 9)
    assert counts[0] == counts[1]


class TogetherIsWhatACarefulReaderFinds(TestCase):
    """The statement finds what two nested loops over all plays and visits find."""

    @given(
        plays=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 150), st.sampled_from("abc")), max_size=6),
        visits=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 200), st.integers(0, 100)), max_size=6),
    )
    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
    def test_pairs_and_their_time_together(self, plays: list[Any], visits: list[Any]) -> None:
        device = places.seattle01()
        screens = {name: screen(device, name) for name in "abc"}
        unique = {(start, name): start + length for start, length, name in plays}
        for (start, name), end in unique.items():
            play(screens[name], name, start, end)
        people = {start: (dwell, min(share, 100)) for start, dwell, share in visits}
        for start, (dwell, share) in people.items():
            visit(device, start, dwell, dwell * share / 100)
        ends = {}
        for (start, name), end in unique.items():
            following = [other for other, of in unique if of == name and other > start]
            after = min(following, default=None)
            ends[start, name] = after if after is not None and 0 < end - after < 2 else end
        expected: dict[str, tuple[float, float]] = {}
        for (start, name), end in ends.items():
            times = [
                min(end, began + dwell) - max(start, began)
                for began, (dwell, _) in people.items()
                if min(end, began + dwell) - max(start, began) >= 1
            ]
            pairs, seconds = expected.get(name, (0, 0))
            expected[name] = pairs + len(times), seconds + sum(times)
        attributed: dict[str, tuple[int, int]] = {}
        for row in samples.tallies():
            pairs, milliseconds = attributed.get(row.content.key, (0, 0))
            attributed[row.content.key] = pairs + row.impressions, milliseconds + row.together_ms
        assert {name: (pairs, ms // 1000) for name, (pairs, ms) in attributed.items()} == expected
        assert Play.objects.filter(device=device).count() == len(unique)
