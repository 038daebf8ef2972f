from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.messages import Face
from edge_agent.pictures.photographer import MAX_FACE_GAP_SECONDS, Photographer, PhotographerState

PROBABILITY, COUNTDOWN, COOLDOWN = 0.6, 4.0, 10.0

confidences = st.lists(st.floats(0, 1), max_size=3)
frames = st.lists(st.tuples(st.floats(0, 3), confidences), max_size=120)


def photographer() -> Photographer:
    return Photographer(face_probability=PROBABILITY, countdown=COUNTDOWN, cooldown=COOLDOWN)


def played(steps: list[tuple[float, list[float]]]) -> list[tuple[float, bool, PhotographerState]]:
    """Per frame: its time, whether it shows a face that is probable enough, and the photographer's state."""
    subject, now, states = photographer(), 0.0, []
    for pause, confidence in steps:
        now += pause
        faces = [Face(one) for one in confidence]
        states.append((now, any(one >= PROBABILITY for one in confidence), subject.update(now, faces)))
    return states


def steady(*spans: tuple[float, bool]) -> list[tuple[float, list[float]]]:
    """Two frames a second: for so many seconds with a face, or without."""
    return [(0.5, [0.9] if face else []) for seconds, face in spans for _ in range(round(seconds * 2))]


@given(frames)
def test_two_pictures_are_a_countdown_and_a_cooldown_apart(steps: list[tuple[float, list[float]]]) -> None:
    taken = [now for now, _, state in played(steps) if state.phase == "picture"]
    assert all(later - earlier >= COUNTDOWN + COOLDOWN - 1e-9 for earlier, later in pairwise(taken))


@given(frames)
def test_every_picture_shows_a_face_that_is_probable_enough(steps: list[tuple[float, list[float]]]) -> None:
    assert all(face for _, face, state in played(steps) if state.phase == "picture")


@given(frames)
def test_no_picture_without_a_face_all_through_the_countdown(steps: list[tuple[float, list[float]]]) -> None:
    states = played(steps)
    for now, _, state in states:
        if state.phase == "picture":
            seen = [at for at, face, _ in states if face and now - COUNTDOWN <= at <= now]
            ends = [now - COUNTDOWN, *seen, now]
            # A gap between two frames is no lost face: only a frame without one says that it is gone.
            for earlier, later in pairwise(ends):
                assert not any(earlier + MAX_FACE_GAP_SECONDS < at < later for at, face, _ in states if not face)


@given(frames)
def test_the_remaining_seconds_are_never_negative_and_never_more_than_the_setting(
    steps: list[tuple[float, list[float]]],
) -> None:
    longest = {"countdown": COUNTDOWN, "cooldown": COOLDOWN, "waiting": 0.0, "picture": 0.0}
    assert all(0 <= state.remaining <= longest[state.phase] + 1e-9 for _, _, state in played(steps))


def test_a_face_that_stays_is_taken_after_the_countdown_and_again_after_the_cooldown() -> None:
    taken = [now for now, _, state in played(steady((1, False), (40, True))) if state.phase == "picture"]
    assert taken == [5.5, 19.5, 33.5]


def test_the_countdown_returns_its_remaining_seconds() -> None:
    remaining = [state.remaining for _, _, state in played(steady((4, True)))]
    assert remaining == [4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0, 0.5]


def test_a_blink_does_not_end_the_countdown() -> None:
    states = played(steady((2, True), (1, False), (2, True)))
    assert [now for now, _, state in states if state.phase == "picture"] == [4.5]


def test_who_leaves_ends_the_countdown_and_the_next_begins_a_new_one() -> None:
    states = played(steady((3, True), (2, False), (5, True)))
    assert [now for now, _, state in states if state.phase == "picture"] == [9.5]


def test_a_face_that_is_not_probable_enough_starts_nothing() -> None:
    assert photographer().update(0, [Face(PROBABILITY - 0.01)]) == PhotographerState("waiting")
    assert photographer().update(0, [Face(PROBABILITY)]) == PhotographerState("countdown", COUNTDOWN)
