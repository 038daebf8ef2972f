import datetime as dt
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.camera_profiles import SEATTLE01
from demo.cameras.rooms import HEIGHT, ROOMS, WIDTH
from demo.cameras.scene import Person, Scene, person_of, thumb_of
from demo.cameras.visitors import (
    CUP_CHANCE,
    CUP_PLACES,
    LONGEST_VISIT,
    SEED_STEP,
    SHORTEST_VISIT,
    SOON,
    Visitor,
    seed_with_visitor_soon,
    visitors_at,
    visitors_between,
)
from edge_agent.config import AgentConfig
from edge_agent.eyes import Eyes
from edge_agent.messages import Box, Frame
from edge_agent.pictures.encoding import jpeg
from edge_agent.vision.gestures import THUMBS_DOWN, THUMBS_UP
from edge_agent.vision.hands import HandDetector
from edge_agent.vision.objects import ObjectDetector

NOON = 1_790_000_000.0
EVERY = 7.3
"""Seconds between the frames that are looked at: not a part of any period in the scene."""

seeds, moments = st.integers(0, 2**32), st.floats(0, 2e9)


@given(seeds, moments)
def test_visitors_of_one_place_never_overlap_and_stay_for_the_stated_times(seed: int, start: float) -> None:
    visitors = list(visitors_between(seed, start, start + 600))
    for earlier, later in pairwise(visitors):
        assert earlier.place < later.place or earlier.ended <= later.started
    stays = [visitor.ended - visitor.started for visitor in visitors if not visitor.passes]
    assert all(SHORTEST_VISIT - 1e-3 <= stay <= LONGEST_VISIT + 1e-3 for stay in stays)


@given(seeds, moments)
def test_a_visitor_is_the_same_in_every_span(seed: int, now: float) -> None:
    for visitor in visitors_at(seed, now):
        assert visitor in set(visitors_between(seed, now - 1_000, now + 1_000))
        assert visitor in visitors_at(seed, (visitor.started + visitor.ended) / 2)


@given(st.integers(1, 3), moments)
def test_whoever_starts_the_demo_soon_sees_somebody_also_when_few_come(number: int, now: float) -> None:
    seed = seed_with_visitor_soon(number, now, lambda _: 2.0, CUP_CHANCE)
    assert seed % SEED_STEP == number
    coming = visitors_between(seed, now, now + SOON, lambda _: 2.0)
    assert any(visitor.started >= now and not visitor.passes for visitor in coming)


def test_a_camera_to_which_nobody_comes_keeps_its_seed() -> None:
    assert seed_with_visitor_soon(2, NOON, lambda _: 0.0, CUP_CHANCE) == 2


def test_a_scene_soon_has_visitors_and_sometimes_none() -> None:
    counts = [len(visitors_at(1, NOON + second)) for second in range(3_600)]
    visitors = list(visitors_between(1, NOON, NOON + 3_600))
    assert {0, 1, 2} <= set(counts)
    assert 100 < len(visitors) < 160
    assert 0.3 < sum(visitor.has_cup for visitor in visitors) / len(visitors) < 0.5
    assert {visitor.place for visitor in visitors} == {0, 1, 2}
    assert any(visitor.passes for visitor in visitors)
    empty = "".join("x" if count else " " for count in counts).split("x")
    assert max(map(len, empty)) < 240
    assert 0.2 < counts.count(0) / len(counts) < 0.6


def test_as_many_visitors_come_as_in_the_history_of_the_camera() -> None:
    """Over a day of Seattle, hour by hour, with as many cups."""
    midnight = dt.datetime(2026, 11, 18, tzinfo=SEATTLE01.zone).timestamp()
    came = list(visitors_between(1, midnight, midnight + 86_400, SEATTLE01.visitors_per_hour_at, SEATTLE01.cups))
    for start in range(0, 24, 6):
        expected = sum(SEATTLE01.visitors_per_hour_at(midnight + 3600 * hour) for hour in range(start, start + 6))
        there = [visitor for visitor in came if start * 3600 <= visitor.started - midnight < (start + 6) * 3600]
        assert abs(len(there) - expected) < 4 * expected**0.5 + 0.1 * expected
    near = [visitor for visitor in came if visitor.place in CUP_PLACES]
    assert abs(sum(visitor.has_cup for visitor in near) / len(near) - SEATTLE01.cups) < 0.1


def test_as_many_visitors_show_a_thumb_as_in_the_history_of_the_camera() -> None:
    shares = (SEATTLE01.thumbs, SEATTLE01.thumbs_down)
    came = list(visitors_between(1, NOON, NOON + 200_000, thumbs=shares))
    for thumb, share in zip(("up", "down"), shares, strict=True):
        showing = [visitor for visitor in came if visitor.thumb == thumb]
        assert abs(len(showing) - share * len(came)) < 4 * (share * len(came)) ** 0.5
        assert not any(visitor.passes for visitor in showing)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_the_real_detector_reads_the_thumbs_and_takes_none_for_the_other(room: str, models: Path) -> None:
    """As an agent that looks at a hand once a second or so, which tells a thumb by its episode."""
    shares = (0.5, 0.5)
    scene, hands = Scene(room, 3, thumbs=shares), HandDetector(models)
    told: list[tuple[set[str], str]] = []
    for visitor in list(visitors_between(3, NOON, NOON + 1_800, thumbs=shares))[::5]:
        times = [at for at in np.arange(visitor.started + 2, visitor.ended, 1.6) if thumb_of(visitor, at)][:5]
        faces = [(person_of(visitor, at), scene.picture_at(at)) for at in times]
        seen = {hand.label for person, rgb in faces if person for hand in hands.detect_around(rgb, [person.face])}
        told.append((seen, THUMBS_UP if visitor.thumb == "up" else THUMBS_DOWN))
    assert len(told) >= 8
    assert sum(true in seen for seen, true in told) / len(told) >= 0.7


def test_people_turn_away_and_back_and_nobody_is_at_two_places(models: Path) -> None:
    scene = Scene("lobby", 1)
    seen = [(scene.visitors_at(NOON + second), scene.people_at(NOON + second)) for second in range(1_800)]
    assert any(len(people) < len(visitors) for visitors, people in seen), "somebody is turned away"
    assert all(len({person.number for person in people}) == len(people) for _, people in seen)
    assert len({person.number for _, people in seen for person in people}) >= 8


def test_the_picture_is_a_pure_function_of_room_seed_and_time() -> None:
    one, other = Scene("lobby", 1), Scene("lobby", 1)
    now = a_visit(1).started + 5
    first = one.picture_at(now)
    assert first.shape == (HEIGHT, WIDTH, 3)
    kept = first.copy()
    first[:] = 0
    one.picture_at(now + 3)
    assert np.array_equal(one.picture_at(now), kept)
    assert np.array_equal(other.picture_at(now), kept)
    assert not np.array_equal(Scene("lobby", 2).picture_at(now), kept)
    assert not np.array_equal(Scene("cafe", 1).picture_at(now), kept)


def test_an_unknown_room_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match='there is no scene "kitchen"; there are: cafe, lobby'):
        Scene("kitchen", 0)


def a_visit(seed: int) -> Visitor:
    return next(visitors_between(seed, NOON, NOON + 600))


Seen = list[tuple[tuple[Person, ...], Frame, bool]]
"""The people whose faces can be seen, what the detectors find, and whether a cup may stand somewhere."""


@pytest.fixture(scope="module", params=sorted(ROOMS))
def seen(request: pytest.FixtureRequest, models: Path) -> Seen:
    """What is there, and what the real detectors see, in a hundred frames of a room."""
    eyes = Eyes(AgentConfig(thing="t", mqtt_url="mqtt://t", detectors=("faces", "objects"), models=models))
    scene = Scene(request.param, 3)
    times = [NOON + EVERY * frame for frame in range(100)]
    return [
        (
            scene.people_at(now),
            eyes.look(scene.picture_at(now), round(now * 1000)),
            any(visitor.has_cup for visitor in scene.visitors_at(now)),
        )
        for now in times
    ]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(across, 0) * max(down, 0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def test_the_real_detector_finds_the_faces_where_they_are(seen: Seen) -> None:
    truth = [(person.face, frame.faces or ()) for people, frame, _ in seen for person in people]
    found = [any(overlap(box, face.box or (0, 0, 0, 0)) > 0.4 for face in faces) for box, faces in truth]
    assert len(truth) > 40
    assert sum(found) / len(found) > 0.95


def test_the_real_detector_finds_no_faces_that_are_not_there(seen: Seen) -> None:
    # Somebody who is walking in, or turning away, may be found when half of the face can be seen.
    assert sum(len(frame.faces or ()) > len(people) for people, frame, _ in seen) / len(seen) <= 0.08


def test_the_real_detector_finds_the_cups_where_they_are_and_none_elsewhere(seen: Seen) -> None:
    cups = [(person.cup, frame) for people, frame, _ in seen for person in people if person.cup]
    boxes = [[thing.box or (0, 0, 0, 0) for thing in frame.objects if thing.label == "cup"] for _, frame in cups]
    found = [any(overlap(cup, box) > 0.4 for box in near) for (cup, _), near in zip(cups, boxes, strict=True)]
    without = [frame for _, frame, has_cup in seen if not has_cup]
    assert len(found) > 10
    assert sum(found) / len(found) > 0.8
    assert not any(thing.label == "cup" for frame in without for thing in frame.objects)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_the_cups_are_still_found_in_the_whole_frame_as_it_is_sent(room: str, models: Path) -> None:
    scene, detector = Scene(room, 3), ObjectDetector(models)
    times = [visitor.started + 6 for visitor in visitors_between(3, NOON, NOON + 1_800) if visitor.has_cup][:20]
    sent = [
        cv2.imdecode(np.frombuffer(jpeg(scene.picture_at(now))[0], np.uint8), cv2.IMREAD_COLOR_RGB) for now in times
    ]
    found = ["cup" in {thing.label for thing in detector.detect(np.asarray(rgb, np.uint8))} for rgb in sent]
    assert len(found) == 20
    assert sum(found) / len(found) > 0.8
