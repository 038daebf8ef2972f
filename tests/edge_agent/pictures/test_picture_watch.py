"""When a camera's picture is told to be dark, covered, blurred or turned, with photographs as views of a room."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from edge_agent.messages import PictureProblem
from edge_agent.pictures import picture_watch
from edge_agent.pictures.encoding import Picture
from edge_agent.pictures.picture_watch import LEARNING, STEADY, PictureWatch, Trouble, load_past, save_past
from tests.edge_agent.vision.photographs import paste, scaled


def view(rgb: Picture) -> Picture:
    return np.ascontiguousarray(scaled(np.asarray(rgb, np.uint8), 1.5)[:450, :640])


ROOM = view(data.coffee())


def pictures(rgb: Picture, count: int) -> list[Picture]:
    """The same view with a camera's noise."""
    chance = np.random.default_rng(7)
    return [np.clip(rgb + chance.normal(0, 2, rgb.shape), 0, 255).astype(np.uint8) for _ in range(count)]


def shown(watch: PictureWatch, rgb: Picture, count: int, start: int = 0) -> list[Trouble | None]:
    return [watch.update(start + 10_000 * number, each) for number, each in enumerate(pictures(rgb, count))]


@pytest.fixture
def watch() -> PictureWatch:
    """A watch that knows the room."""
    watch = PictureWatch()
    assert shown(watch, ROOM, LEARNING) == [None] * LEARNING
    return watch


CHANGES: list[tuple[PictureProblem, Picture]] = [
    ("dark", (ROOM * 0.05).astype(np.uint8)),
    ("covered", np.full_like(ROOM, 140)),
    ("blurred", np.asarray(cv2.GaussianBlur(ROOM, (0, 0), 3), np.uint8)),
    ("turned", view(data.rocket())),
    ("turned", np.roll(ROOM, 160, axis=1)),
]


@pytest.mark.parametrize(
    ("problem", "rgb"), CHANGES, ids=["dark", "covered", "blurred", "another view", "a panned view"]
)
def test_a_problem_is_told_since_its_first_picture_and_ends_with_it(
    watch: PictureWatch, problem: PictureProblem, rgb: Picture
) -> None:
    assert shown(watch, rgb, STEADY, 500_000)[-2:] == [None, Trouble(problem, 500_000)]
    assert shown(watch, ROOM, STEADY, 900_000)[-1] is None


@pytest.mark.parametrize("brightness", [0.4, 0.7, 1.3])
def test_other_light_is_no_problem(watch: PictureWatch, brightness: float) -> None:
    rgb = np.clip(ROOM * brightness, 0, 255).astype(np.uint8)
    assert shown(watch, rgb, 2 * STEADY) == [None] * 2 * STEADY


def test_people_before_the_camera_are_no_problem(watch: PictureWatch) -> None:
    portrait = scaled(np.asarray(data.astronaut(), np.uint8), 0.5)
    assert shown(watch, paste(ROOM.copy(), portrait, 40, 150), 3 * STEADY) == [None] * 3 * STEADY


def test_what_passes_is_no_problem(watch: PictureWatch) -> None:
    assert shown(watch, np.full_like(ROOM, 140), STEADY - 1) == [None] * (STEADY - 1)
    assert shown(watch, ROOM, STEADY) == [None] * STEADY


def test_the_past_outlives_a_restart(watch: PictureWatch, tmp_path: Path) -> None:
    save_past(tmp_path / "past", watch.past)
    again = PictureWatch(load_past(tmp_path / "past"))
    assert shown(again, view(data.rocket()), STEADY)[-1] == Trouble("turned", 0)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"pictures": 90, "view": [1.0], "sharpness": [1.0]}'])
def test_a_damaged_past_is_learned_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "past").write_bytes(content)
    assert shown(PictureWatch(load_past(tmp_path / "past")), ROOM, 3) == [None] * 3


def test_a_new_view_becomes_the_usual_one_after_a_day(watch: PictureWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_watch, "ACCEPTED", 3 * STEADY)
    told = shown(watch, view(data.rocket()), 3 * STEADY + LEARNING + STEADY)
    assert told[2 * STEADY] == Trouble("turned", 0)
    assert told[-1] is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3000, 3), (4000, 2, 3)])
def test_absurd_pictures_are_judged_without_an_error(shape: tuple[int, int, int]) -> None:
    shown(PictureWatch(), np.full(shape, 200, np.uint8), LEARNING + STEADY)
