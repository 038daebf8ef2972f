"""Training of gestures from landmarks: what is learned, what is refused, and that it is always the same."""

import numpy as np
import pytest

from edge_agent.learned import model_file
from learning.training import gestures
from learning.training.gestures import CannotTrain, Hand
from learning.training.parameters import GESTURE, clean
from tests.edge_agent.learned.hands import STRETCHED, hand

DEFAULTS = clean(GESTURE, {})


def hands(*labels: str, count: int = 20, recordings: range = range(4)) -> list[Hand]:
    return [
        Hand(
            hand(label, number, recording=recordings[number % len(recordings)]),
            label,
            f"recording {recordings[number % len(recordings)]}",
        )
        for label in labels
        for number in range(count)
    ]


def trained(examples: list[Hand], silent: tuple[str, ...] = (), threshold: float = 0.5) -> gestures.GestureModel:
    fitted = gestures.fit(examples, parameters=DEFAULTS, silent=silent)
    return gestures.model_of(gestures.to_file(fitted, name="test", threshold=threshold))


def test_twenty_hands_of_a_label_tell_hands_of_other_recordings() -> None:
    model = trained(hands(*STRETCHED))
    others = hands(*STRETCHED, count=20, recordings=range(10, 14))
    right = sum((made := model.judge(each.landmarks)) is not None and made.label == each.label for each in others)
    assert right / len(others) >= 0.97


def test_the_same_hands_and_seed_make_the_same_bytes() -> None:
    def content() -> bytes:
        fitted = gestures.fit(hands("thumb", "palm"), parameters=DEFAULTS)
        return gestures.to_file(fitted, name="test", threshold=0.5)

    assert content() == content()


def test_a_single_gesture_is_learned_and_foreign_hands_make_none() -> None:
    model = trained(hands("thumb"))
    assert model.judge(hand("thumb", 77, recording=9)) is not None
    assert model.judge(hand("palm", 77, recording=9)) is None


def test_a_silent_label_is_learned_but_never_reported() -> None:
    model = trained(hands("thumb", "palm"), silent=("palm",))
    assert model.judge(hand("palm", 77)) is None
    assert model.judge(hand("thumb", 77)) is not None
    assert model.header.silent == ("palm",)


def test_a_label_with_two_hands_is_refused_by_name() -> None:
    with pytest.raises(CannotTrain, match="Only 2 hands of “palm” were found"):
        gestures.fit([*hands("thumb"), *hands("palm", count=2)], parameters=DEFAULTS)


def test_no_hand_at_all_is_refused() -> None:
    with pytest.raises(CannotTrain, match="No hand of a label"):
        gestures.fit([], parameters=DEFAULTS)


def test_confidences_are_probabilities_of_held_out_hands() -> None:
    fitted = gestures.fit(hands(*STRETCHED), parameters=DEFAULTS)
    assert len(fitted.held_out) > 0
    assert all(0 <= confidence <= 1 for _, _, confidence in fitted.held_out)
    assert np.mean([confidence for *_, confidence in fitted.held_out]) > 0.8


def test_the_file_holds_landmarks_without_place_and_size_for_its_self_test() -> None:
    fitted = gestures.fit(hands("thumb", "palm"), parameters=DEFAULTS)
    file = model_file.read(gestures.to_file(fitted, name="test", threshold=0.5))
    tested = file.arrays["test_landmarks"]
    assert tested.shape == (20, 21, 3)
    assert np.abs(tested).max() <= 1
