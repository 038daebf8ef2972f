import datetime as dt

import pytest

from analytics.numbers import measures
from analytics.numbers.measures import ConfidenceBucket, EpisodeBucket
from tests.analytics.buckets import hours, off, seen

SUNDAY = dt.date(2026, 11, 1)
"""Chicago has 25 hours on it, two of them one o'clock."""


def spells(span: tuple[dt.datetime, dt.datetime], *seconds: float) -> EpisodeBucket:
    return EpisodeBucket(*span, seconds, True)


def test_a_week_adds_up_both_hours_of_one_o_clock() -> None:
    spans = hours(SUNDAY, days=7)
    week = measures.typical_week([seen(span, faces=30) for span in spans], [spells(span, 5.0) for span in spans])
    one = week[6][1]
    assert (one.engagement.minutes, one.engagement.average_faces, one.spells.known_count) == (120, 0.5, 2)
    assert {(each.weekday, each.hour) for day in week for each in day} == {(d, h) for d in range(7) for h in range(24)}
    assert sum(each.engagement.frames for day in week for each in day) == 60 * len(spans)


def test_an_hour_that_the_period_lacks_differs_from_one_without_camera() -> None:
    (span, *_) = hours(SUNDAY)
    week = measures.typical_week([off(span)], [])
    assert (week[6][0].engagement.minutes, week[6][0].engagement.coverage) == (60, 0.0)
    assert week[0][0].engagement.minutes == 0
    assert week[6][0].engagement.average_faces is week[6][0].spells.known_count is None


def test_the_same_clock_of_several_places_adds_up() -> None:
    spans = hours(SUNDAY)
    found = measures.add_up_by_local_time(
        [[seen(span, faces=60) for span in spans], [off(spans[0])]], [[spells(spans[0], 4)]]
    )
    assert [each.start.hour for each in found] == list(range(24))
    first, one = found[:2]
    assert (first.engagement.minutes, first.engagement.coverage, first.spells.median_seconds) == (120, 0.5, 4)
    assert (one.engagement.minutes, one.engagement.average_faces) == (120, 1.0)


def test_the_lengths_of_spells_have_a_mean_and_a_median() -> None:
    (span, *_) = hours(SUNDAY)
    found = spells(span, 0.0, 3.0, 30.0)
    assert (found.known_count, found.mean_seconds, found.median_seconds) == (3, 11.0, 3.0)
    nobody, off_then = spells(span), EpisodeBucket(*span, (), False)
    assert (nobody.known_count, nobody.mean_seconds, off_then.known_count) == (0, None, None)


def test_a_threshold_recounts_from_its_step_on() -> None:
    (span, *_) = hours(SUNDAY)
    bins = [0] * 20
    bins[10], bins[18] = 3, 2
    found = ConfidenceBucket(*span, tuple(bins), tuple(n * 900_000 for n in bins), True)
    assert [found.at_least(each / 20).count for each in (0, 10, 11, 18, 19, 20)] == [5, 5, 2, 2, 0, 0]
    assert found.at_least(0.9).mean_confidence == 0.9


@pytest.mark.parametrize("threshold", [0.51, -0.05, 1.05, float("nan")])
def test_a_threshold_within_a_step_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"steps of 0\.05"):
        measures.threshold_bin(threshold)
