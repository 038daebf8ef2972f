"""When a camera's picture is told to be dark, covered, blurred or turned, with photographs as views of a room."""

from collections.abc import Callable
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


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"pictures": 90, "views": [[1.0]], "sharpness": [[1.0]]}']
)
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


DAY = 24 * 3600
SMALL_ROOM = np.asarray(cv2.resize(ROOM, (192, 108), interpolation=cv2.INTER_AREA), np.float32) / 255
GRAIN = np.random.default_rng(3).normal(0, 1, (190, 330, 3)).astype(np.float32)
LAMP = np.asarray(np.hypot(*np.meshgrid(np.linspace(-1, 2, 192), np.linspace(-1, 1, 108))), np.float32)[..., np.newaxis]


def seen(light: np.ndarray | float, number: int) -> Picture:
    """The room in this light, 1 being day, as a camera shows it that turns up its gain in the dark, and its noise."""
    gain = min(1 / max(float(np.mean(light)), 1e-6), 8.0)
    values = np.asarray(255 * np.clip(SMALL_ROOM**2.2 * light * gain, 0, 1) ** (1 / 2.2), np.float32)
    if gain == 8.0:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), 0.7), np.float32)
    grain = GRAIN[number % 10 :, number % 7 :][:108, :192]
    return np.clip(values + (1 + 0.5 * gain) * grain, 0, 255).astype(np.uint8)


def times_of_a_day() -> list[int]:
    """Seconds after midnight: every ten seconds where the light changes, every ten minutes otherwise."""
    fine = {*range(25_000, 27_000, 10), *range(62_000, 68_000, 10)}
    return sorted(fine | {*range(0, DAY, 600)})


def sun(second: int) -> float:
    """The light of day: in twilight, it falls to a tenth in a quarter of an hour."""
    past_sunset, before_sunrise = second - 17.3 * 3600, 7.2 * 3600 - second
    return float(10 ** (-max(past_sunset, before_sunrise, 0) / 900))


def watched(watch: PictureWatch, days: int, light: Callable[[int], np.ndarray | float]) -> list[set[str]]:
    """The problems that were told on each of these days, of which the first begins at noon."""
    told: list[set[str]] = []
    for day in range(days):
        told.append(set())
        for number, second in enumerate(times_of_a_day()):
            at = 1000 * (day * DAY + second)
            if day or second >= DAY / 2:
                trouble = watch.update(at, seen(light(second), number))
                told[-1] |= {trouble.problem} if trouble else set()
    return told


def test_dusk_and_dawn_and_a_dark_night_between_are_no_problem() -> None:
    assert watched(PictureWatch(), 2, sun) == [set(), set()]


def test_a_night_with_a_lamp_is_no_problem() -> None:
    assert watched(PictureWatch(), 2, lambda second: sun(second) + 0.2 / (0.3 + LAMP) ** 2) == [set(), set()]


def test_lights_that_go_out_every_evening_are_told_on_the_first_evening_alone() -> None:
    def office(second: int) -> float:
        return 0.6 if 7 <= second / 3600 < 18.5 else 0.0

    first, second, third = watched(PictureWatch(), 3, office)
    assert first == {"dark"}
    assert "dark" in second  # of the first night, until the morning
    assert third == set()


def test_a_lens_that_is_covered_by_day_is_told_though_nights_are_dark() -> None:
    watch = PictureWatch()
    watched(watch, 2, sun)
    noon = 1000 * (2 * DAY + DAY // 2)
    told = [watch.update(noon + 10_000 * number, seen(0.0, number)) for number in range(STEADY)]
    assert told[-1] == Trouble("dark", noon)


def test_a_source_that_changes_its_size_has_a_new_past_and_no_problem(watch: PictureWatch) -> None:
    smaller = np.asarray(cv2.resize(ROOM, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA), np.uint8)
    assert shown(watch, smaller, LEARNING + STEADY, 500_000) == [None] * (LEARNING + STEADY)


def test_a_view_that_came_and_went_within_a_night_is_usual_from_then_on(watch: PictureWatch) -> None:
    infrared = view(data.rocket())
    assert shown(watch, infrared, 3 * STEADY, 500_000)[-1] == Trouble("turned", 500_000)
    assert shown(watch, ROOM, STEADY, 900_000)[-1] is None
    assert shown(watch, infrared, 2 * STEADY, 2_000_000) == [None] * 2 * STEADY
