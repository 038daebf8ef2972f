"""The generated history depends on its seed alone, has the faults of real data, and gives the expected counts."""

import base64
import datetime as dt
import itertools
import json
import zoneinfo
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.camera_profiles import CHICAGO01, CHICAGO02, PROFILES, SEATTLE01, CameraProfile
from demo.cameras.people import heads
from demo.past.history import (
    HOUR,
    MINUTE,
    SECOND,
    History,
    Span,
    Thumb,
    Visit,
    epoch_ms,
    histories,
    history,
    overlap,
)
from demo.past.messages import SentMessage, sent_messages
from demo.past.pictures import SHARES, coffee_pictures
from edge_agent import messages
from tests.demo.past.expected_counts import SPELL_GAP, ExpectedCounts, expected_counts, expected_visits, frames_in

START = dt.datetime(2026, 10, 26, 12, 0, tzinfo=dt.UTC)
"""A Monday; American clocks go back on the Sunday after it."""

FORTNIGHT = (START, START + dt.timedelta(days=14))


@pytest.fixture(scope="module")
def fortnight() -> tuple[History, ...]:
    return histories(7, *FORTNIGHT)


@pytest.fixture(scope="module")
def everything_sent(fortnight: tuple[History, ...]) -> list[SentMessage]:
    return sent_messages(fortnight)


def counted(sent: Iterable[SentMessage], start: int, end: int) -> ExpectedCounts:
    """What one finds who reads every message and counts frame by frame; a frame that comes twice is one frame."""
    frames = {frame for each in sent for frame in _frames_in(each) if start <= frame[0] < end}
    known = [faces for _, faces, _ in frames if faces is not None]
    thumbs = [confidence for _, _, gestures in frames for confidence in gestures]
    return ExpectedCounts(
        frames=len(known),
        faces_sum=sum(len(faces) for faces in known),
        faces_peak=max((len(faces) for faces in known), default=0),
        faces_confidence=sum(sum(faces) for faces in known),
        minutes_seen=len({at // MINUTE for at, _, _ in frames}),
        minutes_occupied=len({at // MINUTE for at, faces, _ in frames if faces}),
        thumbs=len(thumbs),
        thumbs_confidence=sum(thumbs),
    )


FrameRead = tuple[int, tuple[int, ...] | None, tuple[int, ...]]
"""When it was taken, the confidences of its faces, those of its thumbs."""


def _frames_in(sent: SentMessage) -> list[FrameRead]:
    kind = sent.topic.rsplit("/", 1)[-1]
    if kind == "infer":
        return _deeplens_frames_in(sent.payload)
    message = messages.decode(kind, sent.payload)
    if not isinstance(message, messages.Frames):
        return []
    return [
        (frame.taken_at, _millionths(face.confidence for face in frame.faces or ()), _thumbs_in(frame))
        for frame in message.frames
    ]


def test_an_agent_reports_each_person_who_came_while_the_camera_was_on(
    fortnight: tuple[History, ...], everything_sent: list[SentMessage]
) -> None:
    for each in fortnight:
        topic = messages.topic_from_device(each.profile.thing, "frames")
        sent = [messages.decode("frames", one.payload) for one in everything_sent if one.topic == topic]
        told = [one for one in sent if isinstance(one, messages.Frames)]
        # A visit over the moment at which a camera is switched on anew is two.
        reports = {(visit.id, visit.began_at): visit for one in told for visit in one.visits or ()}
        seen = [both for span in each.on for visit in each.visits if (both := overlap(visit, span)) is not None]
        if each.profile.protocol == "deeplens":
            assert reports == {}
            continue
        found = sorted((visit.began_at, visit.began_at + visit.dwell) for visit in reports.values())
        assert found == sorted((both.started, both.ended) for both in seen)
        assert all((visit.attention or 0) <= visit.dwell for visit in reports.values())


def _thumbs_in(frame: messages.Frame) -> tuple[int, ...]:
    assert {gesture.label for gesture in frame.gestures} <= {"thumbs-up", "thumbs-down"}
    return _millionths(gesture.confidence for gesture in frame.gestures if gesture.label == "thumbs-up")


def _deeplens_frames_in(payload: bytes) -> list[FrameRead]:
    if not payload.startswith(b"{"):
        return []
    record = json.loads(payload, object_pairs_hook=list)
    fields = dict(record)
    if "objects" in fields:
        at = dt.datetime.strptime(fields["timestamp"], "%Y%m%d-%H%M%S").replace(tzinfo=dt.UTC)
        thumbs = _millionths(dict(found)["confidence"] for found in fields["objects"])
        return [(epoch_ms(at), None, thumbs)]
    faces = (value for key, value in fields["payload"] if key in ("face", "1", "prob") and isinstance(value, float))
    return [(fields["timestamp"], _millionths(faces), ())]


def _millionths(confidences: Iterable[float]) -> tuple[int, ...]:
    return tuple(round(confidence * 1_000_000) for confidence in confidences)


def test_the_same_seed_and_period_give_the_same_messages(everything_sent: list[SentMessage]) -> None:
    assert sent_messages(histories(7, *FORTNIGHT)) == everything_sent


def test_another_seed_gives_another_past() -> None:
    period = (START, START + dt.timedelta(days=1))
    assert history(CHICAGO01, 1, *period).visits != history(CHICAGO01, 2, *period).visits


def test_a_period_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="must end after it starts"):
        history(SEATTLE01, 1, START, START)


def test_the_messages_of_every_hour_give_the_expected_counts(fortnight: tuple[History, ...]) -> None:
    for one in fortnight:
        by_hour: dict[int, list[SentMessage]] = {}
        for sent in sent_messages([one]):
            for hour in {at // HOUR for at, _, _ in _frames_in(sent)}:
                by_hour.setdefault(hour, []).append(sent)
        for hour in range(one.period.started // HOUR, one.period.ended // HOUR):
            start, end = hour * HOUR, (hour + 1) * HOUR
            assert counted(by_hour.get(hour, []), start, end) == expected_counts(one, start, end)


def test_each_camera_has_rushes_quiet_hours_and_hours_without_a_camera(fortnight: tuple[History, ...]) -> None:
    for one in fortnight:
        hours = [expected_counts(one, at, at + HOUR) for at in range(one.period.started, one.period.ended, HOUR)]
        averages = [hour.average_faces for hour in hours]
        assert None in averages
        known = [average for average in averages if average is not None]
        assert max(known) > 4 * min(known)
        assert sum(hour.thumbs for hour in hours) > 100


def test_thumbs_turned_down_are_in_the_frames_taken_meanwhile(fortnight: tuple[History, ...]) -> None:
    for one in fortnight:
        every = one.profile.frame_every
        # Some messages are delivered twice.
        told = {message.id: message for sent in sent_messages([one]) for message in _frames_messages(sent)}.values()
        gestures = [gesture.label for message in told for frame in message.frames for gesture in frame.gestures]
        in_sight = ((thumb, overlap(thumb, on)) for thumb in one.thumbs_down for on in one.on)
        reckoned = sum(frames_in(seen, every) * len(thumb.confidences) for thumb, seen in in_sight if seen)
        assert gestures.count("thumbs-down") == reckoned
        assert bool(reckoned) == (one.profile.protocol == "agent"), "a DeepLens knows no such gesture"


def _frames_messages(sent: SentMessage) -> Iterator[messages.Frames]:
    kind = sent.topic.rsplit("/", 1)[-1]
    if kind == "frames":
        message = messages.decode(kind, sent.payload)
        assert isinstance(message, messages.Frames)
        yield message


def test_one_afternoon_has_an_outage_that_is_logged(fortnight: tuple[History, ...]) -> None:
    for one in fortnight:
        assert one.outage is not None
        local = dt.datetime.fromtimestamp(one.outage.started / SECOND, one.profile.zone)
        assert local.hour == 13
        dark = expected_counts(one, one.outage.started, one.outage.ended)
        assert (dark.frames, dark.minutes_seen) == (0, 0)
        complaints = [
            sent for sent in sent_messages([one]) if b"frame for 10 s" in sent.payload or b"Failed" in sent.payload
        ]
        assert len(complaints) >= (one.outage.ended - one.outage.started) // (10 * MINUTE)


def test_the_camera_is_off_on_one_working_day(fortnight: tuple[History, ...]) -> None:
    for one in fortnight:
        opened = {dt.datetime.fromtimestamp(span.started / SECOND, one.profile.zone).date() for span in one.on}
        whole_days = [(START + dt.timedelta(days=day)).date() for day in range(1, 14)]
        working = [day for day in whole_days if day.weekday() < 5]
        assert len([day for day in working if day not in opened]) == 1


def test_a_camera_opens_by_the_local_clock_before_and_after_it_changes(fortnight: tuple[History, ...]) -> None:
    for one in fortnight:
        starts = [dt.datetime.fromtimestamp(span.started / SECOND, one.profile.zone) for span in one.on]
        openings = [at for at in starts if at.time() == one.profile.opens]
        assert len({at.utcoffset() for at in openings}) == 2
        # What else begins is the rest of the day of the outage, and the period itself.
        assert len(starts) - len(openings) <= 2


def test_some_messages_come_twice_and_some_out_of_order(everything_sent: list[SentMessage]) -> None:
    sent = everything_sent
    assert [each.sent_at for each in sent] == sorted(each.sent_at for each in sent)
    assert sent[-1].sent_at <= epoch_ms(FORTNIGHT[1])
    told = [(each.topic, each.payload) for each in sent if each.payload.startswith(b"{")]
    assert 0.005 < (len(told) - len(set(told))) / len(told) < 0.02
    first_frames = [_frames_in(each)[0][0] for each in sent if each.topic.endswith(f"{SEATTLE01.thing}/frames")]
    inversions = [one for one, other in itertools.pairwise(first_frames) if one > other]
    assert len(inversions) > 10


def test_an_agent_sends_the_size_of_its_frames_and_boxes_inside_them(fortnight: tuple[History, ...]) -> None:
    for sent in sent_messages([history(CHICAGO01, 3, START, START + dt.timedelta(hours=12))]):
        message = messages.decode(sent.topic.rsplit("/", 1)[-1], sent.payload)
        for frame in message.frames if isinstance(message, messages.Frames) else ():
            assert frame.size == (1280, 720)
            for left, top, width, height in (face.box for face in frame.faces or () if face.box):
                assert left >= 0 <= top
                assert left + width <= 1280
                assert top + height <= 720


def spans(longest: int) -> st.SearchStrategy[tuple[int, int]]:
    """Start and end within two hours, in milliseconds."""
    lengths = st.one_of(st.just(MINUTE), st.integers(1, longest))
    return st.tuples(st.integers(0, 2 * HOUR), lengths).map(lambda pair: (pair[0], pair[0] + pair[1]))


CONFIDENCES = st.integers(563, 1023).map(lambda number: round((2 * number + 1) / 2048 * 1_000_000))


@st.composite
def small_histories(draw: st.DrawFn, around: dt.datetime) -> History:
    """Any people before any camera of the demo, which is switched on and off at odd moments."""
    base = epoch_ms(around) - HOUR
    edges = sorted(draw(st.sets(st.integers(0, 2 * HOUR), min_size=2, max_size=6)))
    on = tuple(Span(base + started, base + ended) for started, ended in zip(edges[::2], edges[1::2], strict=False))
    visits = [
        Visit(base + started, base + ended, draw(CONFIDENCES), (0, 0, 100, 120), False)
        for started, ended in draw(st.lists(spans(10 * MINUTE), max_size=12))
    ]
    thumbs = {
        (base + started) // SECOND: Thumb(base + started, base + ended, tuple(draw(st.lists(CONFIDENCES, min_size=1))))
        for started, ended in draw(st.lists(spans(MINUTE), max_size=6))
    }
    return History(
        profile=draw(st.sampled_from(PROFILES)),
        seed=draw(st.integers(0, 2**64)),
        period=Span(base, base + 3 * HOUR),
        on=on,
        outage=None,
        visits=tuple(sorted(visits, key=lambda visit: visit.started)),
        thumbs=tuple(sorted(thumbs.values(), key=lambda thumb: thumb.started)),
    )


def walked(sent: Iterable[SentMessage]) -> tuple[Span, ...]:
    """The visits that one finds who walks over all frames with faces, one after the other."""
    seen = sorted({at for each in sent for at, faces, _ in _frames_in(each) if faces})
    visits: list[list[int]] = []
    for at in seen:
        if not visits or at - visits[-1][-1] > 20_000:
            visits.append([])
        visits[-1].append(at)
    return tuple(Span(visit[0], visit[-1]) for visit in visits)


@given(small_histories(START))
def test_any_visits_are_found_as_expected(one: History) -> None:
    assert walked(sent_messages([one])) == expected_visits(one)


def test_every_camera_takes_frames_often_enough_to_separate_visits() -> None:
    assert all(profile.frame_every <= SPELL_GAP for profile in PROFILES)


def test_visits_of_a_fortnight_are_found_as_expected(fortnight: tuple[History, ...]) -> None:
    for one in fortnight:
        found = expected_visits(one)
        assert walked(sent_messages([one])) == found
        assert len(found) < len(one.visits), "who comes in company is one visit"


@given(small_histories(START), spans(2 * HOUR))
def test_any_people_are_counted_as_expected(one: History, bucket: tuple[int, int]) -> None:
    start, end = (one.period.started + at for at in bucket)
    assert counted(sent_messages([one]), start, end) == expected_counts(one, start, end)


CLOCK_CHANGES = [
    dt.datetime(2026, 3, 8, 10, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC),
    dt.datetime(2027, 3, 14, 8, tzinfo=dt.UTC),
]
"""Hours in which clocks change in Seattle, Seattle and Chicago."""


@settings(max_examples=20)
@given(
    st.sampled_from(PROFILES),
    st.sampled_from(CLOCK_CHANGES),
    st.integers(0, 2**32),
    st.integers(0, 30 * 60),
    st.integers(1, 30 * 60),
)
def test_any_period_around_a_clock_change_is_counted_as_expected(
    profile: CameraProfile, change: dt.datetime, seed: int, minutes_before: int, minutes_after: int
) -> None:
    start = change - dt.timedelta(minutes=minutes_before)
    end = change + dt.timedelta(minutes=minutes_after)
    one = history(profile, seed, start, end)
    sent = sent_messages([one])
    for edges in itertools.pairwise((one.period.started, epoch_ms(change), one.period.ended)):
        assert counted(sent, *edges) == expected_counts(one, *edges)


def test_pictures_show_somebody_with_a_cup_and_fit_into_a_message() -> None:
    one = history(SEATTLE01, 5, START, START + dt.timedelta(days=2))
    pictures = coffee_pictures([one])
    assert len(pictures) == sum(SHARES.values())
    different = set()
    for sent in pictures:
        assert len(sent.payload) <= messages.MAX_MESSAGE_BYTES
        image = messages.decode("image", sent.payload)
        assert isinstance(image, messages.Image)
        assert len(base64.b64decode(image.image_string)) <= messages.MAX_PICTURE_BYTES
        assert len(image.faces) == 1
        assert expected_counts(one, image.taken_at, image.taken_at + 1).frames in (0, 1)
        assert any(span.started <= image.taken_at < span.ended for span in one.on)
        assert any(visit.has_cup and visit.started < image.taken_at < visit.ended for visit in one.visits)
        near = Span(image.taken_at - 2 * SECOND, image.taken_at + 2 * SECOND)
        assert not any(overlap(thumb, near) for thumb in (*one.thumbs, *one.thumbs_down)), "it would show no hand"
        different.add(image.image_string)
    assert len(different) == len({number % len(heads()) for number in SHARES})
    assert pictures == coffee_pictures([one])


def test_an_old_deeplens_has_no_pictures_to_send() -> None:
    assert coffee_pictures([history(CHICAGO02, 5, START, START + dt.timedelta(days=1))]) == []


def test_the_demo_has_the_three_cameras_of_two_cities() -> None:
    assert [profile.name for profile in PROFILES] == ["Seattle01", "Chicago01", "Chicago02"]
    assert {profile.zone for profile in PROFILES} == {
        zoneinfo.ZoneInfo("America/Los_Angeles"),
        zoneinfo.ZoneInfo("America/Chicago"),
    }
