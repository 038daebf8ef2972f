import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.counting import corrections, episodes, sink
from analytics.counting.episodes import EpisodeRow
from analytics.models import Detection, Episode, Frame, ReportedGesture, Verdict
from devices.intake.batches import Batch
from devices.models import Device
from devices.reading.decoding import ReceivedFrame, ReceivedGesture
from tests.analytics.episodes import episode_table, stored_episodes
from tests.analytics.frames import confidences, count, frames_of, identity, seen, undone

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
NOW = NOON + DAY


def at(seconds: float, *, after: dt.datetime = NOON) -> dt.datetime:
    return after + dt.timedelta(seconds=seconds)


def told(
    device: Device, label: str, began: float, ended: float, confidence: float = 0.8, visit: str = ""
) -> ReceivedGesture:
    return ReceivedGesture(device, label, at(began), at(ended), confidence, visit=visit)


def report(*gestures: ReceivedGesture) -> None:
    with transaction.atomic():
        sink.count(Batch(gestures=list(gestures)))()


def lengths(label: str = "thumbs-up") -> list[tuple[float, float]]:
    """Seconds after noon at which the label's episodes start and end."""
    found = Episode.objects.filter(label=label).order_by("started").values_list("started", "ended")
    return [((started - NOON).total_seconds(), (ended - NOON).total_seconds()) for started, ended in found]


def thumb(device: Device, seconds: float, confidence: float = 0.9) -> ReceivedFrame:
    return seen(device, at(seconds), labels=[("thumbs-up", confidence)])


# Around a quarter's and a day's edge, most of them near each other, some a gap apart to the millisecond.
seconds = st.one_of(
    st.integers(-70, 70), st.sampled_from([0.0, 3.0, 3.001, 20.0, 20.001, -3.0, -20.0, 900.0, -86_400.0, -86_403.0])
)
moments = seconds.map(lambda second: at(second, after=MIDNIGHT))


def gestures_of(devices: list[Device]) -> st.SearchStrategy[ReceivedGesture]:
    return st.builds(
        lambda device, label, began, length, confidence, visit: ReceivedGesture(
            device, label, began, began + dt.timedelta(seconds=length), confidence, visit=visit
        ),
        st.sampled_from(devices),
        st.sampled_from(["thumbs-up", "cup"]),
        moments,
        st.sampled_from([0, 1, 4.5, 40, 1000]),
        confidences,
        st.sampled_from(["", "a1", "b2"]),
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=25)
@given(data=st.data())
def test_episodes_are_those_of_a_walk_over_all_frames_whatever_the_order(
    seattle01: Device, chicago01: Device, data: st.DataObject
) -> None:
    devices = [seattle01, chicago01]
    frames = data.draw(st.lists(frames_of(devices, moments), unique_by=identity, max_size=14))
    gestures = data.draw(st.lists(gestures_of(devices), max_size=4))
    words: list[ReceivedFrame | ReceivedGesture] = [*frames, *gestures]
    arrivals = data.draw(st.permutations(words + words[:3]))
    with undone():
        while arrivals:
            size = data.draw(st.integers(1, len(arrivals)))
            batch, arrivals = arrivals[:size], arrivals[size:]
            with transaction.atomic():
                sink.count(
                    Batch(
                        frames=[each for each in batch if isinstance(each, ReceivedFrame)],
                        gestures=[each for each in batch if isinstance(each, ReceivedGesture)],
                    )
                )()
        assert stored_episodes() == episode_table(frames, gestures)
        assert sum(map(corrections.rebuild, corrections.stretches(devices=devices, now=NOW))) == 0
        spoil(data)
        for stretch in corrections.stretches(devices=devices, now=NOW):
            corrections.rebuild(stretch)
        assert stored_episodes() == episode_table(frames, gestures)


def spoil(data: st.DataObject) -> None:
    """Some episodes are gone, others too long, another is invented."""
    for episode in Episode.objects.all():
        match data.draw(st.sampled_from(["right", "gone", "longer", "other"])):
            case "gone":
                episode.delete()
            case "longer":
                Episode.objects.filter(pk=episode.pk).update(ended=episode.ended + DAY / 2, peak=77)
            case "other":
                Episode.objects.filter(pk=episode.pk).update(label=f"not {episode.label}")


@given(
    st.lists(
        st.tuples(
            st.integers(1, 2),
            st.sampled_from([("face", ""), ("cup", ""), ("cup", "a1")]),
            st.integers(0, 90),
            st.integers(0, 30),
        )
    )
)
def test_joining_joined_parts_equals_joining_all_rows(drawn: list[tuple[int, tuple[str, str], int, int]]) -> None:
    rows = [EpisodeRow(device, *kind, at(start), at(start + length), 1, 0.5) for device, kind, start, length in drawn]
    middle = len(rows) // 2
    first, second = episodes.join_episodes(rows[:middle]), episodes.join_episodes(rows[middle:])
    assert episodes.join_episodes([*second, *first, *second]) == episodes.join_episodes(rows)


def test_a_thumb_held_up_is_one_gesture_until_it_is_away_for_more_than_three_seconds(seattle01: Device) -> None:
    count(*(thumb(seattle01, second) for second in (0, 0.5, 1, 4, 7.001, 9)))
    assert lengths() == [(0, 4), (7.001, 9)]


def test_three_people_with_a_thumb_up_are_three_gestures_and_two_thumbs_of_one_person_are_one(
    seattle01: Device,
) -> None:
    thumbs = [("thumbs-up", 0.8)] * 4
    for second in (0, 1):
        count(seen(seattle01, at(second), labels=thumbs, visits=["a1", "b2", "c3", "a1"]))
    assert lengths() == [(0, 1)] * 3
    peaks = dict(Episode.objects.values_list("visit", "peak"))
    assert peaks == {"a1": 2, "b2": 1, "c3": 1}


def test_thumbs_of_a_device_that_does_not_follow_people_are_one_gesture_at_a_time(seattle01: Device) -> None:
    count(seen(seattle01, at(0), labels=[("thumbs-up", 0.8)] * 3))
    assert Episode.objects.values_list("visit", "peak").get() == ("", 3)


def test_a_report_joins_the_frames_of_its_person_only(seattle01: Device) -> None:
    for second in (0, 5):
        count(seen(seattle01, at(second), labels=[("thumbs-up", 0.8)] * 2, visits=["a1", "b2"]))
    report(told(seattle01, "thumbs-up", 0, 5, visit="a1"), told(seattle01, "thumbs-up", 0, 0, visit="b2"))
    assert ReportedGesture.objects.count() == 2
    assert sorted(Episode.objects.values_list("visit", "ended")) == [("a1", at(5)), ("b2", at(0)), ("b2", at(5))]


def test_a_review_of_one_persons_thumb_leaves_the_others(seattle01: Device, superuser: User) -> None:
    count(seen(seattle01, at(0), labels=[("thumbs-up", 0.8)] * 2, visits=["a1", "b2"]))
    report(told(seattle01, "thumbs-up", 0, 2, visit="a1"), told(seattle01, "thumbs-up", 0, 2, visit="b2"))
    wrong = Detection.objects.get(visit="a1")
    corrections.review(verdicts={wrong: Verdict.WRONG}, by=superuser, now=NOW)
    assert list(Episode.objects.values_list("visit", flat=True)) == ["b2"]


def test_a_face_that_returns_within_twenty_seconds_continues_its_visit(seattle01: Device) -> None:
    count(*(seen(seattle01, at(second), faces=[0.9] * (1 + second % 3)) for second in (0, 20, 41, 60)))
    assert lengths("face") == [(0, 20), (41, 60)]
    assert list(Episode.objects.order_by("started").values_list("peak", flat=True)) == [3, 3]


def test_a_late_frame_makes_two_episodes_one(seattle01: Device) -> None:
    for second in (0, 5, 2.5):
        count(thumb(seattle01, second))
    assert lengths() == [(0, 5)]


def test_a_late_frame_gives_an_episode_an_earlier_start(seattle01: Device) -> None:
    count(thumb(seattle01, 2), thumb(seattle01, 30))
    count(thumb(seattle01, 0))
    assert lengths() == [(0, 2), (30, 30)]


def test_what_a_device_reports_of_a_gesture_holds_its_frames_together(seattle01: Device) -> None:
    """A device that looks every five seconds knows better than its frames that a thumb was never down."""
    count(*(thumb(seattle01, second) for second in (0, 5, 10)))
    assert len(lengths()) == 3
    report(told(seattle01, "thumbs-up", 0, 0))
    assert len(lengths()) == 3
    report(told(seattle01, "thumbs-up", 0, 10, confidence=0.95))
    assert lengths() == [(0, 10)]
    assert Episode.objects.get().confidence == 0.95


def test_a_late_report_does_not_shorten_a_gesture(seattle01: Device) -> None:
    report(told(seattle01, "thumbs-up", 0, 10), told(seattle01, "thumbs-up", 0, 0, confidence=0.9))
    report(told(seattle01, "thumbs-up", 0, 0))
    assert ReportedGesture.objects.values_list("ended_at", "confidence").get() == (at(10), 0.9)
    assert lengths() == [(0, 10)]


def test_a_reported_gesture_lasts_an_hour_at_most(seattle01: Device) -> None:
    report(told(seattle01, "thumbs-up", 0, 40_000))
    assert lengths() == [(0, 3600)]


def test_a_review_cuts_an_episode_in_two_and_can_be_taken_back(seattle01: Device, superuser: User) -> None:
    count(*(thumb(seattle01, second, 0.5 + second / 100) for second in (0, 2, 4)))
    middle = Detection.objects.get(confidence=0.52)
    corrections.review(verdicts={middle: Verdict.WRONG}, by=superuser, now=NOW)
    assert lengths() == [(0, 0), (4, 4)]
    corrections.review(verdicts={middle: None}, by=superuser, now=NOW)
    assert lengths() == [(0, 4)]


def test_a_rejected_face_makes_no_visit(seattle01: Device, superuser: User) -> None:
    count(seen(seattle01, at(0), faces=[0.9, 0.3]), seen(seattle01, at(10), faces=[0.4]))
    corrections.review(verdicts={Detection.objects.get(confidence=0.3): Verdict.WRONG}, by=superuser, now=NOW)
    assert Episode.objects.values_list("peak", "confidence").get() == (1, 0.9)
    corrections.review(verdicts={Detection.objects.get(confidence=0.9): Verdict.WRONG}, by=superuser, now=NOW)
    assert lengths("face") == [(10, 10)]


def test_a_reported_gesture_whose_detections_are_all_rejected_is_no_episode(seattle01: Device, superuser: User) -> None:
    count(thumb(seattle01, 1), thumb(seattle01, 3))
    report(told(seattle01, "thumbs-up", 0, 6))
    one, other = Detection.objects.order_by("pk")
    corrections.review(verdicts={one: Verdict.WRONG}, by=superuser, now=NOW)
    assert lengths() == [(0, 6)]
    corrections.review(verdicts={other: Verdict.WRONG}, by=superuser, now=NOW)
    assert lengths() == []


def test_a_review_corrects_an_episode_that_began_quarters_before(seattle01: Device, superuser: User) -> None:
    """Three quarters of an hour, of whom two people are seen in the middle only and one of these never was."""
    frames = [seen(seattle01, at(15 * minute), faces=[0.5]) for minute in range(180)]
    count(*frames, seen(seattle01, at(1351), faces=[0.6, 0.9]))
    assert Episode.objects.values_list("peak", "confidence").get() == (2, 0.9)
    corrections.review(verdicts={Detection.objects.get(confidence=0.9): Verdict.WRONG}, by=superuser, now=NOW)
    assert Episode.objects.values_list("started", "ended", "peak", "confidence").get() == (at(0), at(2685), 1, 0.6)


def test_an_episode_that_reaches_over_the_retention_keeps_its_beginning(
    seattle01: Device, superuser: User, settings: Any
) -> None:
    settings.FRAME_RETENTION_DAYS = 10
    long_ago = MIDNIGHT - 10 * DAY
    count(
        *(seen(seattle01, at(second, after=long_ago), faces=[0.9] * (1 + (second < 0))) for second in (-30, -15, 0, 15))
    )
    whole = stored_episodes()
    assert sum(corrections.forget_old_frames(now=MIDNIGHT)) == 2
    assert stored_episodes() == whole
    assert sum(map(corrections.rebuild, corrections.stretches(devices=[seattle01], now=MIDNIGHT - DAY))) == 0
    last = Detection.objects.get(frame__taken_at=at(15, after=long_ago))
    corrections.review(verdicts={last: Verdict.WRONG}, by=superuser, now=MIDNIGHT)
    ((_, _, _, started, ended, peak, _),) = stored_episodes()
    assert (started, ended, peak) == (at(-30, after=long_ago), long_ago, 2)


def test_reports_go_with_the_frames_of_their_time(seattle01: Device, settings: Any) -> None:
    settings.FRAME_RETENTION_DAYS = 10
    report(told(seattle01, "thumbs-up", -12 * 86_400, -12 * 86_400 + 1), told(seattle01, "thumbs-up", 0, 1))
    assert sum(corrections.forget_old_frames(now=NOON)) == 0
    assert (ReportedGesture.objects.count(), Episode.objects.count(), Frame.objects.count()) == (1, 2, 0)


@pytest.mark.parametrize("label", ["cup", "thumbs-up"])
def test_an_object_called_face_is_no_visitor(seattle01: Device, label: str) -> None:
    count(seen(seattle01, at(0), faces=None, labels=[("face", 0.9), (label, 0.9)]))
    assert list(Episode.objects.values_list("label", flat=True)) == [label]
