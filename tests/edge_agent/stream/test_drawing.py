import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import text
from numpy.typing import NDArray
from skimage import data

from edge_agent.messages import Face, Frame, Greeting, Labelled
from edge_agent.pictures.encoding import Picture
from edge_agent.pictures.photographer import PhotographerState
from edge_agent.stream.drawing import FACE, GESTURE, OBJECT, PAPER, annotate, drawable
from edge_agent.stream.overlay import GREETING_SECONDS, Overlay

WAITING = PhotographerState("waiting")
BOX = (150, 180, 100, 120)


def coffee() -> Picture:
    return np.asarray(data.coffee(), np.uint8)


def changed(before: Picture, after: Picture) -> NDArray[np.bool_]:
    """Where the pictures differ, height × width."""
    differs: NDArray[np.bool_] = (before != after).any(axis=2)
    return differs


def test_a_frame_without_detections_draws_nothing_and_the_camera_s_own_picture_is_never_touched() -> None:
    picture = coffee()
    assert np.array_equal(annotate(picture, None, WAITING, None), picture)
    annotate(picture, Frame(0, (Face(0.9, BOX),)), PhotographerState("countdown", 3.0), Greeting("Ada", 3))
    assert np.array_equal(picture, coffee())


@pytest.mark.parametrize(
    ("seen", "colour"),
    [
        (Frame(0, (Face(0.9, BOX),)), FACE),
        (Frame(0, objects=(Labelled("cup", 0.9, BOX),)), OBJECT),
        (Frame(0, gestures=(Labelled("fist", 0.9, BOX),)), GESTURE),
    ],
)
def test_a_box_s_edges_lie_on_its_own_pixels_and_its_inside_stays(seen: Frame, colour: tuple[int, int, int]) -> None:
    drawn = annotate(coffee(), seen, WAITING, None)
    left, top, width, height = BOX
    right, bottom = left + width - 1, top + height - 1
    for row, column in (
        (top, left),
        (top, right),
        (bottom, left),
        (bottom, right),
        (top + 50, left),
        (bottom, left + 50),
    ):
        assert tuple(drawn[row, column]) == colour
    inside = (slice(top + 5, bottom - 5), slice(left + 5, right - 5))
    assert np.array_equal(drawn[inside], coffee()[inside])
    below = changed(coffee(), drawn)[bottom + 3 :]
    assert not below.any()


def test_a_thing_at_the_upper_edge_has_its_label_below() -> None:
    drawn = annotate(coffee(), Frame(0, (Face(0.9, (150, 0, 100, 60)),)), WAITING, None)
    assert changed(coffee(), drawn)[65:90, 150:250].any()


def test_a_thing_at_the_right_edge_has_its_whole_label_inside() -> None:
    inks = []
    for left in (150, coffee().shape[1] - 30):
        drawn = annotate(coffee(), Frame(0, (Face(0.9, (left, 180, 30, 120)),)), WAITING, None)
        inks.append(((drawn == PAPER).all(axis=2) & changed(coffee(), drawn)).sum())
    assert inks[0] == inks[1] > 50


def test_a_thing_without_a_box_is_no_trouble() -> None:
    assert np.array_equal(annotate(coffee(), Frame(0, (Face(0.9),)), WAITING, None), coffee())


def test_the_countdown_and_the_cool_down_change_with_the_seconds() -> None:
    drawn = [
        annotate(coffee(), None, state, None)
        for state in (
            PhotographerState("countdown", 4.0),
            PhotographerState("countdown", 3.0),
            PhotographerState("picture"),
            PhotographerState("cooldown", 10.0),
        )
    ]
    for number, one in enumerate(drawn):
        assert all(not np.array_equal(one, other) for other in drawn[:number])
        lower_half = slice(coffee().shape[0] // 2, None)
        assert np.array_equal(one[lower_half], coffee()[lower_half])
    # 3.2 and 3.9 seconds are both "4".
    first, second = [annotate(coffee(), None, PhotographerState("countdown", seconds), None) for seconds in (3.2, 3.9)]
    assert np.array_equal(first, second)


@pytest.mark.parametrize("name", ["Ada", "José Ángel", "Σωκράτης", "A" * 300])
def test_every_greeting_fits_into_the_picture(name: str) -> None:
    drawn = changed(coffee(), annotate(coffee(), None, WAITING, Greeting(name, 3, "Enjoy!")))
    text = (annotate(coffee(), None, WAITING, Greeting(name, 3, "Enjoy!")) == 255).all(axis=2)
    assert drawn[-40:].all(axis=1).any()
    assert text.sum() > 50
    assert not text[:, :5].any()
    assert not text[:, -5:].any()
    assert not drawn[: drawn.shape[0] // 2].any()


def greeted(name: str) -> Picture:
    return annotate(coffee(), None, WAITING, Greeting(name, 3, "Enjoy!"))


@pytest.mark.parametrize("script", ["Adá", "Ольга", "Ωμέγα", "李小龙", "さくら", "カタカナ", "김민준", "Ánh Nguyễn"])
def test_a_name_in_a_script_that_can_be_set_is_drawn_with_each_of_its_letters(script: str) -> None:
    assert not np.array_equal(greeted(script), greeted("?" * len(script)))
    assert not np.array_equal(greeted(script), greeted(""))
    assert all(not np.array_equal(greeted(letter), greeted("?")) for letter in script if letter.strip())


@pytest.mark.parametrize("name", ["आदित्य राज", "محمد عبد الله", "שרה", "ไพลิน", "😀"])
def test_a_name_in_a_script_that_would_be_drawn_wrongly_is_left_out(name: str) -> None:
    assert np.array_equal(greeted(name), greeted(""))
    assert np.array_equal(greeted(f"Zoë {name}"), greeted("Zoë"))


@given(name=text())
def test_a_name_is_shortened_once_at_most(name: str) -> None:
    shortened = drawable(name)
    assert drawable(shortened) == shortened
    assert shortened.isprintable()


def test_a_tiny_picture_is_no_trouble() -> None:
    tiny = coffee()[:3, :2].copy()
    annotate(
        tiny, Frame(0, (Face(0.9, (0, 0, 2, 3)),)), PhotographerState("countdown", 3.0), Greeting("Ada", 3, "Enjoy!")
    )


def test_a_greeting_is_shown_for_some_seconds_and_the_next_one_after_it() -> None:
    overlay = Overlay()
    assert overlay.render(0.0) is None
    overlay.update(coffee(), Frame(0), WAITING, 0.0)
    ada, bob = (annotate(coffee(), Frame(0), WAITING, Greeting(name, 1)) for name in ("Ada", "Bob"))
    overlay.add_greeting(Greeting("Ada", 1))
    overlay.add_greeting(Greeting("Bob", 1))
    shown = [
        overlay.render(now)
        for now in (5.0, 5.0 + GREETING_SECONDS - 0.1, 5.0 + GREETING_SECONDS, 5.0 + 2 * GREETING_SECONDS)
    ]
    for picture, expected in zip(shown, (ada, ada, bob, coffee()), strict=True):
        assert picture is not None
        assert np.array_equal(picture, expected)


def test_between_two_analysed_frames_the_countdown_goes_on_in_newer_pictures() -> None:
    overlay = Overlay()
    overlay.update(coffee(), Frame(0), PhotographerState("countdown", 4.0), 100.0)
    newer = coffee()[::-1].copy()
    shown = overlay.render(101.5, newer)
    assert shown is not None
    assert np.array_equal(shown, annotate(newer, Frame(0), PhotographerState("countdown", 2.5), None))
