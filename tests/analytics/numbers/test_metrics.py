import datetime as dt

from analytics.numbers.measures import Activity, engagement_by_day, episodes_by_day, merge_activity
from analytics.numbers.metrics import metrics
from tests.analytics.buckets import began, hours, off, seen

HOURS = hours(dt.date(2026, 11, 19), days=2)


def row(number: int, *, faces: int = 0, frames: int = 60, minutes: int = 60, thumbs_up: int = 0) -> Activity:
    camera = seen(HOURS[number], faces=faces, frames=frames, minutes=minutes)
    return Activity(camera, began(HOURS[number], camera.faces_peak), began(HOURS[number], thumbs_up))


def nothing(number: int) -> Activity:
    return Activity(off(HOURS[number]), began(HOURS[number], None), began(HOURS[number], None))


def test_hours_add_up() -> None:
    total = merge_activity([row(0, faces=30, thumbs_up=2), row(1, faces=60, frames=30, minutes=30), nothing(2)])
    assert total.engagement.average_faces == 90 / 90
    assert total.engagement.coverage == 90 / 180
    assert total.engagement.occupied_share == 45 / 90
    assert (total.engagement.start, total.engagement.end) == (HOURS[0][0], HOURS[2][1])
    assert total.gestures.known_count == 2
    assert total.gestures.median_seconds == 4


def test_hours_add_up_to_their_local_days() -> None:
    rows = [row(number, faces=number, thumbs_up=1) for number in range(48)]
    first, second = engagement_by_day([each.engagement for each in rows])
    assert first.faces_sum == sum(range(24))
    assert second.start == HOURS[24][0]
    assert episodes_by_day([each.gestures for each in rows])[1].known_count == 24


def test_each_metric_is_compared_with_the_period_before() -> None:
    average, peak, occupied, visits, thumbs_up, coverage = metrics(
        row(1, faces=90, thumbs_up=4), row(0, faces=30, thumbs_up=1_200, minutes=30), label="thumbs-up"
    )
    assert (average.value, average.unit, average.comparison, average.change) == ("1.50", "people", "up from 0.50", 1)
    assert (peak.value, peak.comparison, peak.change) == ("3", "as before", 0)
    assert (occupied.value, occupied.comparison) == ("50%", "as before")
    assert (visits.name, visits.explanation) == (
        "Visits",
        "a visit ends after 20 s without a face; half of the visits were longer than 4 s",
    )
    assert thumbs_up.name == "Thumbs-up"
    assert (thumbs_up.value, thumbs_up.comparison, thumbs_up.change) == ("4", "down from 1,200", -1)
    assert (coverage.value, coverage.comparison) == ("100%", "up from 50%")


def test_zero_is_not_the_same_as_nothing_seen() -> None:
    average, _, _, visits, thumbs_up, coverage = metrics(nothing(1), row(0), label="thumbs-up")
    assert visits.value == "–"
    assert (average.value, average.unit, average.comparison) == ("–", "", "0.00 before")
    assert (thumbs_up.value, thumbs_up.comparison) == ("–", "0 before")
    assert (coverage.value, coverage.comparison) == ("0%", "down from 100%")
    assert metrics(row(1), nothing(0), label="cup")[0].comparison == "nothing to compare with"


def test_numbers_that_look_the_same_have_not_changed() -> None:
    before, after = row(0, frames=10_000, faces=10_000), row(1, frames=10_000, faces=10_001)
    average = metrics(after, before, label="cup")[0]
    assert (average.comparison, average.change) == ("as before", 0)
