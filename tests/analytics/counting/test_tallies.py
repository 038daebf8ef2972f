import datetime as dt

import pytest

from analytics.counting import tallies
from analytics.counting.tallies import EngagementRow, LabelRow
from analytics.models import quarters

NINE = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)


def at(minute: int, second: int = 0) -> dt.datetime:
    return NINE + dt.timedelta(minutes=minute, seconds=second)


def test_a_quarter_sums_its_frames_and_marks_its_minutes() -> None:
    frames = [(1, at(16), 2), (1, at(16, 30), 0), (1, at(29, 59), 3)]
    minutes = 0b100_0000_0000_0010
    assert tallies.engagement_rows(frames) == [EngagementRow(1, at(15), 3, 5, 3, minutes, minutes, minutes)]


def test_an_empty_frame_is_seen_and_not_occupied() -> None:
    assert tallies.engagement_rows([(1, at(0), 0)]) == [EngagementRow(1, NINE, 1, 0, 0, 1, 0, 1)]


def test_a_frame_without_a_number_of_faces_only_shows_that_the_camera_was_on() -> None:
    assert tallies.engagement_rows([(1, at(1), None)]) == [EngagementRow(1, NINE, 0, 0, 0, 0b10, 0, 0b10)]


def test_rows_are_sorted_by_device_and_quarter() -> None:
    frames = [(2, at(0), 0), (1, at(15), 0), (1, at(0), 0)]
    assert [row[:2] for row in tallies.engagement_rows(frames)] == [(1, at(0)), (1, at(15)), (2, at(0))]


def test_a_rejected_detection_counts_and_adds_no_confidence() -> None:
    labels = [(1, at(0), "cup", 0.91, False), (1, at(1), "cup", 0.94, True)]
    assert tallies.label_rows(labels) == [LabelRow(1, NINE, "cup", 18, 2, 1, 910_000)]


@pytest.mark.parametrize(
    ("confidence", "number"), [(0.0, 0), (0.049999, 0), (0.05, 1), (0.35, 7), (0.949999, 18), (0.95, 19), (1.0, 19)]
)
def test_a_confidence_has_its_bin(confidence: float, number: int) -> None:
    assert quarters.confidence_bin(confidence) == number
