"""What a question was answered, bucket by bucket and device by device."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.features.questions import reads
from analytics.features.questions.charts import answers_figure, describe, sentence
from analytics.features.questions.reads import AnswerCounts, State
from analytics.models import LabelQuarter, Question
from analytics.numbers.measures import BucketState
from devices.models import Device, Site
from tests.analytics.features.questions.conftest import HOUR, MINUTE, NINE, NOW, on, shown
from tests.analytics.frames import undone
from tests.world import places


def test_a_result_counts_gestures_and_beside_them_detections(asked: Question) -> None:
    result = reads.read_result(asked, now=NOW)
    assert result.state is State.RUNNING
    assert result.answers == AnswerCounts(yes=4, no=1, yes_detections=40, no_detections=10, people=0)
    assert result.answers.share == 0.8
    assert result.answers.interval is not None
    assert result.answers.interval.low < 0.8 < result.answers.interval.high


def test_rejected_detections_are_no_answers(asked: Question) -> None:
    LabelQuarter.objects.filter(label="thumbs-up").update(rejected=3)
    assert reads.read_result(asked, now=NOW).answers.yes_detections == 37


def test_other_times_other_sites_and_other_gestures_are_no_answers(
    asked: Question, seattle01: Device, chicago01: Device
) -> None:
    shown(seattle01, NINE - MINUTE, "thumbs-up")
    shown(seattle01, NINE + 3 * HOUR, "thumbs-up")
    shown(seattle01, NINE + MINUTE, "fist")
    shown(chicago01, NINE + MINUTE, "thumbs-up")
    assert reads.read_result(asked, now=NOW).answers == AnswerCounts(4, 1, 40, 10, 0)


def test_a_site_may_choose_its_gestures(asked: Question, seattle01: Device) -> None:
    shown(seattle01, NINE + MINUTE, "fist")
    asked.yes_label, asked.no_label = "thumbs-down", "fist"
    assert reads.read_result(asked, now=NOW).answers == AnswerCounts(1, 1, 10, 10, 0)


def test_hours_show_when_people_answered_and_whether_the_camera_was_on(asked: Question) -> None:
    result = reads.read_result(asked, now=NOW)
    assert result.bucket == "hour"
    assert [(each.start.hour, each.answers.yes, each.answers.no) for each in result.buckets] == [
        (9, 4, 1),
        (10, 0, 0),
        (11, 0, 0),
    ]
    states = [each.camera.state for each in result.buckets]
    assert states == [BucketState.NOBODY, BucketState.NOBODY, BucketState.AHEAD]
    assert result.camera_total.coverage == 1.0


def test_long_questions_have_buckets_of_local_days_limited_to_their_time(seattle: Site) -> None:
    start = dt.datetime(2026, 10, 30, 20, tzinfo=dt.UTC)
    asked = Question.objects.create(site=seattle, text="?", asked_from=start, asked_until=start + 4 * 24 * HOUR)
    result = reads.read_result(asked, now=start)
    assert result.bucket == "day"
    hours = [(each.end.astimezone(dt.UTC) - each.start.astimezone(dt.UTC)) / HOUR for each in result.buckets]
    assert hours == [11, 24, 25, 24, 12], "the clocks are set back on the first of November"
    assert result.buckets[0].start.hour == 13


def test_each_device_has_its_own_result(asked: Question, seattle: Site, seattle01: Device) -> None:
    dark = places.device(seattle, "Seattle02", "two")
    first, second = reads.read_result(asked, now=NOW).devices
    assert (first.device, first.answers, first.minutes_seen) == (seattle01, AnswerCounts(4, 1, 40, 10, 0), 90)
    assert (second.device, second.answers, second.minutes_seen) == (dark, AnswerCounts(0, 0, 0, 0, 0), 0)


def test_a_question_is_before_running_or_ended(asked: Question) -> None:
    states = [reads.question_state(asked, asked.asked_from + hours * HOUR) for hours in (-1, 0, 2.9, 3)]
    assert states == [State.BEFORE, State.RUNNING, State.RUNNING, State.ENDED]


def test_the_current_question_runs_or_was_the_last_one(asked: Question, seattle: Site, chicago: Site) -> None:
    later = Question.objects.create(
        site=seattle, text="Later?", asked_from=NINE + 5 * HOUR, asked_until=NINE + 6 * HOUR
    )
    assert reads.current_question([seattle], now=NINE - HOUR) is None
    assert reads.current_question([chicago], now=NOW) is None
    assert reads.current_question([seattle], now=NOW) == asked
    assert reads.current_question([seattle], now=NINE + 4 * HOUR) == asked
    assert reads.current_question([seattle, chicago], now=NINE + 5 * HOUR) == later


@pytest.mark.parametrize("days", [1, 30])
def test_the_number_of_queries_does_not_grow(asked: Question, seattle: Site, seattle01: Device, days: int) -> None:
    for number in range(days):
        shown(seattle01, NINE - number * 24 * HOUR, "fist")
        on(seattle01, NINE - number * 24 * HOUR - HOUR)
    Question.objects.filter(pk=asked.pk).update(asked_from=NINE - days * 24 * HOUR, yes_label="fist")
    asked = Question.objects.select_related("site").get(pk=asked.pk)
    with CaptureQueriesContext(connection) as queries:
        assert reads.read_result(asked, now=NOW).answers.yes == days
    assert len(queries) == 5


def test_a_list_counts_the_gestures_of_each_question(asked: Question, seattle: Site) -> None:
    Question.objects.create(site=seattle, text="Later?", asked_from=NINE + 5 * HOUR, asked_until=NINE + 6 * HOUR)
    found = Question.objects.all().answered().values_list("text", "yes", "no")
    assert list(found) == [("Later?", 0, 0), ("Enjoying your coffee?", 4, 1)]


gestures_of_people = st.lists(
    st.tuples(
        st.integers(0, 59), st.sampled_from(["thumbs-up", "thumbs-down"]), st.sampled_from(["", "a1", "b2", "c3"])
    ),
    unique=True,
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(gestures_of_people)
def test_a_person_answers_once_and_the_last_gesture_decides(
    seattle: Site, seattle01: Device, made: list[tuple[int, str, str]]
) -> None:
    said = []
    for visit in ("a1", "b2", "c3"):
        own = [(minute, label) for minute, label, whose in made if whose == visit]
        last = {label for minute, label in own if minute == max(own)[0]}
        said += [(visit, *last)] if len(last) == 1 else []
    said += [("", label) for _, label, visit in made if not visit]
    with undone():
        for minute, label, visit in made:
            shown(seattle01, NINE + minute * MINUTE, label, visit=visit)
        asked = Question.objects.create(site=seattle, text="?", asked_from=NINE, asked_until=NINE + HOUR)
        answers = reads.read_result(asked, now=NOW).answers
        counted = (answers.yes, answers.no, answers.people)
        labels = [label for _, label in said]
        assert counted == (
            labels.count("thumbs-up"),
            labels.count("thumbs-down"),
            sum(bool(visit) for visit, _ in said),
        )
        assert Question.objects.all().answered().values_list("yes", "no", "people").get() == counted


def test_the_plot_puts_yes_and_no_side_by_side(asked: Question) -> None:
    buckets = reads.read_result(asked, now=NOW).buckets
    yes, no, _, dashes, targets = answers_figure(buckets, now=NOW)["data"]
    assert (yes["y"], no["y"]) == ([4], [1])
    assert yes["x"][0] + yes["width"][0] == no["x"][0]
    assert yes["marker"]["color"] != no["marker"]["color"]
    assert len(dashes["y"]) == 1, "at ten nobody answered"
    assert len(targets["y"]) == 3
    texts = [describe(bucket) for bucket in buckets]
    assert texts[0] == "<b>Fri 20 Nov, 09:00–10:00 PST</b><br>4 yes, 1 no"
    assert "still to come" in texts[2]


def test_the_result_in_words() -> None:
    assert sentence(AnswerCounts(0, 0, 0, 0, 0)) == "Nobody has answered."
    assert sentence(AnswerCounts(1, 0, 5, 0, 0)) == "1 of 1 gesture, 100%, meant yes (95% interval 21% to 100%)."
    assert sentence(AnswerCounts(4, 1, 40, 10, 0)).startswith(
        "4 of 5 gestures, 80%, meant yes (95% interval 38% to 96%)"
    )
    assert sentence(AnswerCounts(4, 1, 40, 10, 5)).startswith("4 of 5 people, 80%, said yes")
    assert sentence(AnswerCounts(4, 1, 40, 10, 2)) == (
        "4 of 5 answers, 80%, said yes (95% interval 38% to 96%). 2 answers came from people whom a camera followed; "
        "3 are gestures before cameras that do not follow people."
    )
