import dataclasses
import datetime as dt

from analytics.numbers.intervals import Interval
from analytics.numbers.measures import Activity, engagement_by_day, episodes_by_day, merge_activity
from analytics.verdicts.findings import Finding, Word
from analytics.verdicts.hour_series import Measure
from analytics.verdicts.matched import Comparison
from analytics.verdicts.metrics import metrics
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


COMPARED = {
    measure: Finding(word, Comparison(150, 1.2, Interval(1.1, 1.3), 0.001))
    for measure, word in zip(Measure, (Word.MORE, Word.MORE, Word.UNKNOWN, Word.FEWER, Word.SAME), strict=True)
}


def test_each_metric_that_is_a_rate_has_its_finding() -> None:
    average, peak, occupied, spells, thumbs_up, coverage = metrics(
        row(1, faces=90, thumbs_up=4), COMPARED, label="thumbs-up"
    )
    assert (average.value, average.unit, average.finding) == ("1.50", "people", COMPARED[Measure.AVERAGE])
    assert (occupied.value, occupied.finding) == ("50%", COMPARED[Measure.OCCUPIED])
    assert (spells.name, spells.finding, spells.explanation) == (
        "Occupied spells",
        COMPARED[Measure.SPELLS],
        "a spell ends after 20 s without a face; half of the spells were longer than 4 s",
    )
    assert (thumbs_up.name, thumbs_up.value, thumbs_up.finding) == ("Thumbs-up", "4", COMPARED[Measure.GESTURES])
    assert (peak.value, peak.finding) == ("3", None), "a longer look finds a higher peak"
    assert (coverage.value, coverage.finding) == ("100%", None)


def test_visits_come_first_where_cameras_follow_people() -> None:
    visits, *_ = metrics(row(1, faces=90), COMPARED, label="thumbs-up", visits=1_200)
    assert (visits.name, visits.value, visits.finding) == ("Visits", "1,200", COMPARED[Measure.VISITS])
    beside, *_ = metrics(row(1, faces=90), COMPARED, label="thumbs-up", with_visits=True)
    assert (beside.name, beside.value) == ("Visits", "–"), "another place on the page knows visits"


def test_zero_is_not_the_same_as_nothing_seen() -> None:
    average, _, _, spells, thumbs_up, coverage = metrics(nothing(1), {}, label="thumbs-up")
    assert (average.value, average.unit) == ("–", "")
    assert (spells.value, thumbs_up.value, coverage.value) == ("–", "–", "0%")
    average, _, _, spells, thumbs_up, coverage = metrics(row(0), {}, label="thumbs-up")
    assert (average.value, average.unit) == ("0.00", "people")
    assert (spells.value, thumbs_up.value, coverage.value) == ("0", "0", "100%")


def test_spells_of_a_single_frame_are_not_said_to_be_longer_than_nothing() -> None:
    whole = row(1, faces=90)
    short = dataclasses.replace(whole.spells, seconds=(0.0, 0.0, 30.0))
    spells = metrics(dataclasses.replace(whole, spells=short), COMPARED, label="thumbs-up")[3]
    assert spells.explanation == "a spell ends after 20 s without a face; half of the spells lasted less than a second"
