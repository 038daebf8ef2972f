"""Headcount's own walls: they tell what they show, and show what an experiment says; and the board of contents."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analytics.features.galaxy.boards.board import Board, Scope, find_board, register
from analytics.features.galaxy.drawing import canvas as paint
from analytics.features.galaxy.drawing.canvas import Canvas
from analytics.features.galaxy.drawing.frame import Reading, counted, draw_frame, footnote, message
from analytics.features.galaxy.drawing.layout import Wall
from analytics.features.galaxy.drawing.lists import Row, draw_rows
from analytics.features.galaxy.reads import Source
from analytics.features.galaxy.snapshots import local_time
from analytics.numbers.buckets import day_start
from devices.models import Site
from plays.experiments.now import what_now
from plays.intake.reports import Report
from plays.intake.services import store
from plays.models import Content, Experiment, Screen
from plays.models import Source as How
from plays.numbers.contents import Numbers, Period, read_contents

PREFIX = "wall:"
"""How the contents of walls begin: "wall:today" is the board `today`."""

WEEK = dt.timedelta(days=7)
MOST_ROWS = 6
"""Contents on one screen."""

DEFAULT_BOARD = "today"


def tell_shown(digest: str, name: str, title: str, start: dt.datetime, end: dt.datetime) -> None:
    """Store that the wall with this token showed a board or tour, on each screen that has the wall.

    A time slot is a play of its own, so that all processes and screens of a wall tell the same play.
    """
    for screen in Screen.objects.filter(wall__token_digest=digest).select_related("site"):
        report = Report(f"{PREFIX}{name}", start, end, name=title)
        store(screen=screen, reports=[report], source=How.WALL, now=start)


@dataclass(frozen=True, slots=True)
class ContentsSnapshot:
    """The contents of a site in the last seven days, by the attention that they held."""

    at: dt.datetime
    place: str
    timezone: str
    rows: Sequence[tuple[str, Numbers]]


def read_contents_snapshot(sites: Sequence[Site], at: dt.datetime) -> ContentsSnapshot:
    """Read the contents of the first site, in four queries."""
    site = sites[0]
    today = at.astimezone(site.zone).date()
    found = read_contents([site], Period(day_start(today - WEEK + dt.timedelta(days=1), site.zone), at))
    names = Content.objects.filter(site=site).in_bulk(found)
    rows = [(names[key].name, numbers) for key, numbers in found.items() if key in names]
    rows.sort(key=lambda row: (-(row[1].attention_s or -1.0), row[0]))
    return ContentsSnapshot(at, site.name, site.timezone, rows)


@register
class ContentsBoard(Board[ContentsSnapshot]):
    """The contents of the last seven days: how long each held people, with its interval."""

    name = "contents"
    title = "What held people"
    scope = Scope.ONE_SITE
    order = 45
    source = Source("contents", read_contents_snapshot)

    def is_offered(self, site: Site) -> bool:
        return Content.objects.filter(site=site).exists()

    def draw(self, snapshot: ContentsSnapshot, wall: Wall) -> Canvas:
        canvas = Canvas(wall)
        known = [(name, numbers) for name, numbers in snapshot.rows if numbers.attention_s is not None]
        shown = known[: MOST_ROWS * wall.count]
        readings = [
            Reading("impressions in 7 days", f"{sum(each.impressions for _, each in snapshot.rows):,}"),
            Reading("viewers of a content", f"{sum(each.viewers for _, each in snapshot.rows):,}"),
            counted(len(snapshot.rows), "content", "contents"),
        ]
        now = local_time(snapshot.at, snapshot.timezone)
        draw_frame(canvas, snapshot.place, "Seconds of attention each", readings, now)
        if not shown:
            seen = "Nothing is known of their attention yet." if snapshot.rows else "Nothing was shown in seven days."
            message(canvas, seen)
            return canvas
        draw_rows(canvas, _rows(shown), MOST_ROWS)
        if len(shown) < len(snapshot.rows):
            footnote(canvas, f"and {len(snapshot.rows) - len(shown):,} more")
        return canvas


def _rows(contents: Sequence[tuple[str, Numbers]]) -> list[Row]:
    """Return a row for each content: its name, its seconds, and the interval as a lighter part of the bar."""
    reach = [interval.high if (interval := each.attention_interval) else each.attention_s or 0 for _, each in contents]
    longest = max(reach) or 1.0
    return [
        Row(name, f"{each.attention_s or 0.0:.1f} s", _bar(each, high / longest, longest))
        for (name, each), high in zip(contents, reach, strict=True)
    ]


def _bar(numbers: Numbers, share: float, longest: float) -> list[tuple[float, str]]:
    interval = numbers.attention_interval
    if interval is None:
        return [(share, paint.DATA)]
    return [(share, paint.DATA_SOFT), (interval.low / longest, paint.DATA)]


@dataclass(frozen=True, slots=True)
class TurnSnapshot:
    """The board whose turn it is, and the snapshot that it draws."""

    at: dt.datetime
    board: str
    inner: Any


def read_turn(sites: Sequence[Site], at: dt.datetime) -> TurnSnapshot:
    """Read which board a running experiment of the site says, or else a screen's usual content, or else
    `DEFAULT_BOARD`; and what that board shows."""
    screens = list(Screen.objects.filter(site=sites[0]).order_by("pk"))
    shall = what_now(screens, now=at)
    found = sorted((shall[screen.pk] for screen in screens), key=lambda now: now.experiment is None)
    keys = [now.content.key for now in found if now.content is not None]
    names = [key.removeprefix(PREFIX) for key in keys if key.startswith(PREFIX)]
    name = next((name for name in names if name != TurnsBoard.name and find_board(name)), DEFAULT_BOARD)
    board = find_board(name)
    assert board is not None  # noqa: S101 - of the names, only known ones are chosen
    return TurnSnapshot(at, name, board.source.read(sites, at))


@register
class TurnsBoard(Board[TurnSnapshot]):
    """The board that an experiment of the site says: its contents are named as boards, such as "wall:week"."""

    name = "turns"
    title = "Boards that take turns"
    scope = Scope.ONE_SITE
    order = 60
    source = Source("turns", read_turn)

    def is_offered(self, site: Site) -> bool:
        return Experiment.objects.filter(site=site, contents__key__startswith=PREFIX).exists()

    def draw(self, snapshot: TurnSnapshot, wall: Wall) -> Canvas:
        board = find_board(snapshot.board)
        assert board is not None  # noqa: S101 - `read_turn` has found it
        return board.draw(snapshot.inner, wall)
