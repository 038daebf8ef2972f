"""What the boards draw, and where on the wall, without a browser."""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.features.galaxy.boards.all_sites import SitesBoard
from analytics.features.galaxy.boards.leaderboard import LeaderboardBoard
from analytics.features.galaxy.boards.question import QuestionBoard
from analytics.features.galaxy.drawing import canvas as paint
from analytics.features.galaxy.drawing import frame, plots
from analytics.features.galaxy.drawing.canvas import SMALLEST_TEXT, Canvas, shortened, text_width, wrapped
from analytics.features.galaxy.drawing.layout import Wall
from analytics.features.galaxy.drawing.lists import LIST_BOTTOM, split_columns
from analytics.features.galaxy.snapshots import (
    AnswerBar,
    CoffeeSnapshot,
    EngagementSnapshot,
    QuestionSnapshot,
    RankedPerson,
    SiteHours,
)
from analytics.numbers.measures import BucketState, EngagementBucket

MIDNIGHT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
NOON = MIDNIGHT + 12 * HOUR


def hour(
    number: int, *, faces: int = 0, seen: int = 60, frames: int = 60, start: dt.datetime = MIDNIGHT
) -> EngagementBucket:
    begins = start + dt.timedelta(hours=number)
    return EngagementBucket(
        begins, begins + dt.timedelta(hours=1), 60, frames, faces, faces, seen, min(faces, 15), seen
    )


def site(hours: Sequence[EngagementBucket], name: str = "Here") -> SiteHours:
    return SiteHours(name.lower(), name, "UTC", None, None, 1, 1, hours)


def words(canvas: Canvas) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", canvas.svg(None))


def test_hours_with_people_without_and_with_the_camera_off_look_different() -> None:
    hours = [hour(0, seen=0, frames=0), hour(1), hour(2, faces=120), hour(3, faces=60, seen=20), hour(4, frames=0)]
    canvas = Canvas(Wall(1))
    plots.draw_hours(canvas, hours, (MIDNIGHT + dt.timedelta(hours=5)).timestamp())
    shapes = [part for part in canvas.parts if "rx=" in part or "url(#off)" in part]
    fills = [re.search(r'fill="([^"]*)"', shape)[1] for shape in shapes]  # type: ignore[index]
    assert fills == ["url(#off)", "#5dbdd6", "#5dbdd6", "#2c6577", "#566761"]
    heights = [float(re.search(r'height="([^"]*)"', shape)[1]) for shape in shapes]  # type: ignore[index]
    assert heights[1] == heights[4] == plots.DASH
    assert heights[2] == pytest.approx(2 * heights[3], abs=0.2)


def test_hatching_ends_now() -> None:
    canvas = Canvas(Wall(1))
    plots.draw_hours(canvas, [hour(0, seen=0, frames=0), hour(1)], (MIDNIGHT + dt.timedelta(minutes=30)).timestamp())
    off, whole = (
        float(re.findall(r' width="([^"]*)"', part)[0]) for part in canvas.parts if "url(#off)" in part or "rx=" in part
    )
    assert off == pytest.approx(whole / 2 / 0.84, abs=1)


def test_an_hour_that_the_clock_repeats_has_one_label() -> None:
    zone = dt.timezone(dt.timedelta(hours=-7))
    later = dt.timezone(dt.timedelta(hours=-8))
    start = dt.datetime(2026, 11, 1, tzinfo=zone)
    hours = [hour(number, start=start) for number in range(2)]
    hours += [hour(number, start=dt.datetime(2026, 11, 1, 1, tzinfo=later)) for number in range(23)]
    canvas = Canvas(Wall(5))
    plots.draw_hours(canvas, hours, hours[-1].end.timestamp())
    assert words(canvas).count("1") == 2, "on the axis of hours, and on the axis of people"
    canvas = Canvas(Wall(5))
    plots.draw_heat_map(canvas, [hours], None)
    assert sum('fill="#1a2320"' in part for part in canvas.parts) == 24


def test_sites_that_do_not_fit_are_shown_page_by_page() -> None:
    many = [site([hour(number) for number in range(24)], f"Site {n:02}") for n in range(10)]
    shown = []
    for slot in range(3):
        board = SitesBoard().draw(EngagementSnapshot(NOON + dt.timedelta(seconds=30 * slot), many), Wall(1))
        shown += [each for each in words(board) if each.startswith("Site ")]
    assert sorted(shown) == [f"Site {n:02}" for n in range(10)]


def test_a_long_leaderboard_names_the_number_of_people_left_out() -> None:
    rows = [RankedPerson(rank, f"Person {rank}", 100 - rank) for rank in range(1, 31)]
    board = LeaderboardBoard().draw(CoffeeSnapshot(NOON, "Here", "UTC", rows, 3), Wall(3))
    shown = words(board)
    assert [f"Person {rank}" in shown for rank in (1, 21, 22)] == [True, True, False]
    assert "and 9 more" in shown


@pytest.mark.parametrize("of", [1, 3, 8])
@pytest.mark.parametrize("rows", [1, 2, 3, 8, 40])
@pytest.mark.parametrize("kind", ["people", "sites"])
def test_a_list_of_any_length_leaves_no_screen_empty(kind: str, rows: int, of: int) -> None:
    wall = Wall(of)
    if kind == "people":
        people = [RankedPerson(rank, "Grace Brewster Murray Hopper", 100 - rank) for rank in range(1, rows + 1)]
        board = LeaderboardBoard().draw(CoffeeSnapshot(NOON, "Here", "UTC", people, 0), wall)
    else:
        many = [site([hour(number) for number in range(24)], f"Site {n:02}") for n in range(rows)]
        board = SitesBoard().draw(EngagementSnapshot(NOON, many), wall)
    drawn = [
        {name: float(value) for name, value in re.findall(r' (x|y|width)="([\d.]+)"', part)} for part in board.parts
    ]
    top = frame.plot_top(board) - 50
    listed = [each for each in drawn if top < each.get("y", 0) < LIST_BOTTOM]
    ends = [each["x"] + each.get("width", 0) for each in listed]
    assert max(ends) > wall.left(of - 1), "the list reaches the last screen"
    assert min(each["x"] for each in listed) < wall.left(0) + 200
    middle = (min(each["y"] for each in listed) + max(each["y"] for each in listed)) / 2
    assert abs(middle - (top + LIST_BOTTOM) / 2) < (LIST_BOTTOM - top) / 6, "neither end of the screen is empty"


def question(
    text: str | None = "Enjoying your coffee?", *counts: tuple[int, int, BucketState], **more: Any
) -> QuestionSnapshot:
    """A question with an hour from midnight on for each of the counts of yes and no."""
    bars = [
        AnswerBar(MIDNIGHT + number * HOUR, MIDNIGHT + (number + 1) * HOUR, *count)
        for number, count in enumerate(counts)
    ]
    yes, no = sum(yes for yes, _, _ in counts), sum(no for _, no, _ in counts)
    facts: dict[str, Any] = {"is_running": True, "until": NOON, "yes": yes, "no": no, "bars": bars, **more}
    return QuestionSnapshot(NOON, "Here", "UTC", 1, text, **facts)


def filled(canvas: Canvas, fill: str) -> list[str]:
    return [part for part in canvas.parts if f'fill="{fill}"' in part and part.startswith("<rect")]


def test_a_question_is_shown_with_its_shares_over_all_screens() -> None:
    board = QuestionBoard().draw(
        question("Enjoying your coffee?", (6, 2, BucketState.PEOPLE), (0, 0, BucketState.OFF)), Wall(3)
    )
    shown = words(board)
    assert "Enjoying your coffee?" in " ".join(shown)
    assert {"75%", "6 yes", "2 no", "Asked until Fri 20 Nov, 12:00"} <= set(shown)
    yes, no = (
        float(re.findall(r' width="([^"]*)"', filled(board, fill)[-2])[0]) for fill in (paint.DATA, paint.NEEDLE)
    )
    assert yes / (yes + no) == pytest.approx(0.75, abs=0.01)
    assert yes > 1080, "it goes over the seam"


def test_hours_without_answers_show_whether_a_camera_was_on() -> None:
    counts = [
        (0, 0, BucketState.OFF),
        (0, 0, BucketState.NOBODY),
        (0, 0, BucketState.AHEAD),
        (3, 1, BucketState.PEOPLE),
    ]
    board = QuestionBoard().draw(question("Well?", *counts), Wall(2))
    hatched = [part for part in board.parts if "url(#off)" in part and "opacity" in part]
    lines = [part for part in filled(board, paint.LINE_STRONG) if f'height="{plots.DASH}"' in part]
    assert (len(hatched), len(lines)) == (1, 1)


def test_the_board_names_a_question_that_has_ended_and_a_site_without_a_question() -> None:
    assert "Ended Fri 20 Nov, 12:00" in words(QuestionBoard().draw(question(is_running=False), Wall(1)))
    board = QuestionBoard().draw(QuestionSnapshot(NOON, "Here", "UTC", 1, None), Wall(3))
    assert "No question yet." in " ".join(words(board))
    assert "No answer yet" in words(QuestionBoard().draw(question("Well?", (0, 0, BucketState.NOBODY)), Wall(3)))


@pytest.mark.parametrize("text", ["Why? " * 40, "W" * 200, "李小龍" * 66, "a", "<b>& “Q”"])
@pytest.mark.parametrize("of", [1, 3])
def test_long_questions_stay_in_their_room(text: str, of: int) -> None:
    board = QuestionBoard().draw(question(text[:200], (1, 0, BucketState.PEOPLE)), Wall(of))
    lines = re.findall(r'<text x="72" y="([^"]*)" font-size="([^"]*)"[^>]*>', board.svg(None))
    inside = [(float(y), float(size)) for y, size in lines if plots_top(of) < float(y) < plots.SHARES_TOP]
    assert inside
    assert all(size >= SMALLEST_TEXT for _, size in inside)
    assert max(y for y, _ in inside) < plots.SHARES_TOP - SMALLEST_TEXT / 2


def plots_top(of: int) -> int:
    return frame.plot_top(Canvas(Wall(of)))


@given(st.text(), st.floats(200, 2000))
def test_wrapped_words_fit_and_none_is_lost(text: str, room: float) -> None:
    lines = wrapped(text, SMALLEST_TEXT, room)
    assert "".join(lines).replace(" ", "") == "".join(text.split())
    assert all(text_width(line, SMALLEST_TEXT) <= room for line in lines)


@pytest.mark.parametrize(
    ("things", "screens", "columns"), [(0, 3, []), (2, 3, [1, 1]), (7, 3, [3, 3, 1]), (30, 3, [7] * 4 + [2])]
)
def test_items_are_spread_evenly_over_the_screens(things: int, screens: int, columns: list[int]) -> None:
    assert [len(column) for column in split_columns(range(things), screens, 7)] == columns


def test_text_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="five metres"):
        Canvas(Wall(3)).text(0, 0, "small", size=SMALLEST_TEXT - 1)


@given(st.text(), st.floats(0, 4000), st.sampled_from(["start", "middle", "end"]), st.booleans())
def test_text_of_any_kind_stays_on_its_screen(text: str, x: float, anchor: str, shrinks: bool) -> None:
    wall = Wall(3, 60)
    canvas = Canvas(wall)
    canvas.text(x, 100, text, size=100, anchor=anchor, shrinks=shrinks)
    found = re.fullmatch(r'<text x="([^"]*)" y="100" font-size="([^"]*)"[^>]*>(.*)</text>', canvas.parts[0], re.DOTALL)
    assert found
    shown = found[3].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    width = text_width(shown, float(found[2]))
    start = float(found[1]) - width * {"start": 0, "middle": 0.5, "end": 1}[anchor]
    left = wall.left(wall.position_at(x))
    assert left <= start
    assert start + width <= left + 1080


@given(st.text(min_size=1), st.floats(60, 2000))
def test_shortened_text_fits_and_ends_with_an_ellipsis(text: str, room: float) -> None:
    found = shortened(text, SMALLEST_TEXT, room)
    assert found == text or (found.endswith("…") and text_width(found, SMALLEST_TEXT) <= room)


def test_a_single_thing_is_named_as_one() -> None:
    assert frame.counted(1, "coffee today", "coffees today") == frame.Reading("coffee today", "1")
    assert frame.counted(1_200, "coffee today", "coffees today") == frame.Reading("coffees today", "1,200")
