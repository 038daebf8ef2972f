"""The boards of a wall: each draws facts over all its screens as one picture. Pure.

A board is a title on the leftmost screen, some readings on the others, and a plot that spans them all.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TypeVar

from analytics.galaxy import canvas as paint
from analytics.galaxy import plots
from analytics.galaxy.canvas import Canvas
from analytics.galaxy.facts import Asked, Leaders, Seen, local
from analytics.galaxy.frame import Reading, draw_frame, footnote, legend, message, page_of, paragraph, plot_top
from analytics.galaxy.layout import Wall
from analytics.numbers.intervals import wilson
from analytics.numbers.metrics import format_number

MOST_ROWS = 7
MOST_TILES = 4
"""On one screen."""

LIST_BOTTOM = 1670
"""Where lists end, in pixels from the top."""

TALLEST_ROW, TALLEST_TILE = 260, 520

Thing = TypeVar("Thing")


def today(seen: Seen, wall: Wall) -> Canvas:
    """A site's day by the hour: average people facing the displays. Raises `IndexError` where there is no site."""
    site = seen.sites[0]
    canvas, now, clock = Canvas(wall), site.hour_at(seen.at), local(seen.at, site.timezone)
    whole = site.whole
    readings = [
        Reading("people this hour", format_number("{:.1f}", now.average_faces if now else None)),
        Reading("most at once today", format_number("{:,}", whole.faces_peak if whole.frames else None)),
        Reading("of the time occupied", format_number("{:.0%}", whole.occupied_share)),
        Reading("coffees today", f"{seen.coffees:,}"),
        Reading("thumbs-up today", f"{seen.thumbs_up:,}"),
        Reading("of the time on camera", f"{whole.coverage:.0%}"),
    ]
    draw_frame(canvas, site.name, "People facing the displays", readings, clock)
    if not site.cameras:
        message(canvas, "No camera stands here yet.")
        return canvas
    plots.bars(canvas, site.hours, clock.timestamp())
    legend(canvas, [(paint.DATA, "people"), (paint.DATA_SOFT, "partly seen"), ("url(#off)", "off")])
    return canvas


def week(seen: Seen, wall: Wall) -> Canvas:
    """A site's last seven days, hour by hour, as a heat map. Raises `IndexError` where there is no site."""
    site = seen.sites[0]
    canvas, whole, busiest = Canvas(wall), site.whole, plots.busiest_hour(site.hours)
    readings = [
        Reading("people on average", format_number("{:.2f}", whole.average_faces)),
        Reading("busiest hour", f"{busiest.start:%a %H:%M}" if busiest else "–"),
        Reading("most at once", format_number("{:,}", whole.faces_peak if whole.frames else None)),
        Reading("of the time occupied", format_number("{:.0%}", whole.occupied_share)),
        Reading("of the time on camera", f"{whole.coverage:.0%}"),
    ]
    draw_frame(canvas, site.name, "Seven days by the hour", readings, local(seen.at, site.timezone))
    if not site.cameras:
        message(canvas, "No camera stands here yet.")
        return canvas
    plots.heat_map(canvas, [list(day) for _, day in groupby(site.hours, lambda hour: hour.start.date())], busiest)
    ramp = [(colour, "") for colour in plots.RAMP[1:-1]]
    legend(canvas, [(plots.RAMP[0], "few"), *ramp, (plots.RAMP[-1], "many"), ("url(#off)", "off")])
    return canvas


def leaderboard(leaders: Leaders, wall: Wall) -> Canvas:
    """Who had most coffees this week; as many as the screens have room for, the first on the leftmost."""
    canvas = Canvas(wall)
    shown = leaders.rows[: MOST_ROWS * wall.count]
    total = sum(row.coffees for row in leaders.rows) + leaders.anonymous
    readings = [
        Reading("coffees this week", f"{total:,}"),
        Reading("people", f"{len(leaders.rows):,}"),
        Reading("anonymous coffees", f"{leaders.anonymous:,}"),
    ]
    draw_frame(canvas, leaders.place, "Coffees this week", readings, local(leaders.at, leaders.timezone))
    if not shown:
        message(canvas, "Nobody with a name had one yet.")
    columns = spread(shown, wall.count, MOST_ROWS)
    top, pitch = _rows(canvas, columns, TALLEST_ROW)
    for position, column in enumerate(columns):
        for place, row in enumerate(column):
            plots.leader(canvas, row, wall.left(position), top + place * pitch, pitch, shown[0].coffees)
    if len(shown) < len(leaders.rows):
        footnote(canvas, f"and {len(leaders.rows) - len(shown):,} more")
    return canvas


def question(asked: Asked, wall: Wall) -> Canvas:
    """What a site asks, or has asked last: its words, the answers over time, and their shares over the whole wall."""
    canvas, clock, answers = Canvas(wall), local(asked.at, asked.timezone), asked.yes + asked.no
    sure = wilson(asked.yes, answers)
    readings = [
        Reading("say yes", format_number("{:.0%}", asked.yes / answers if answers else None)),
        Reading("gestures", f"{answers:,}"),
        Reading("95% sure that it is between", f"{100 * sure.low:.0f}–{sure.high:.0%}" if sure else "–"),
    ]
    draw_frame(canvas, asked.place, _asked_when(asked), readings, clock)
    if asked.text is None:
        message(canvas, "No question yet.")
        return canvas
    top = plot_top(canvas)
    paragraph(canvas, asked.text, top, plots.SHARES_TOP - top - 60)
    plots.answers(canvas, asked.bars, asked.at.timestamp())
    plots.shares(canvas, asked.yes, asked.no)
    if wall.count > 1:
        legend(canvas, [(paint.DATA, "yes"), (paint.NEEDLE, "no"), ("url(#off)", "camera off")])
    return canvas


def _asked_when(asked: Asked) -> str:
    if asked.until is None:
        return "The question"
    until = local(asked.until, asked.timezone)
    return f"{'Asked until' if asked.is_running else 'Ended'} {until:%a} {until.day} {until:%b, %H:%M}"


def sites(seen: Seen, wall: Wall) -> Canvas:
    """All sites with their last 24 hours; what does not fit is shown page by page, a page a slot."""
    canvas, room = Canvas(wall), MOST_TILES * wall.count
    pages = max(1, -(-len(seen.sites) // room))
    page = page_of(seen.at, pages)
    hours = [hour for site in seen.sites if (hour := site.hour_at(seen.at))]
    cameras = sum(site.cameras for site in seen.sites)
    readings = [
        Reading("people this hour", f"{sum(hour.average_faces or 0.0 for hour in hours):.1f}"),
        Reading(f"of {cameras:,} cameras live", f"{sum(site.live for site in seen.sites):,}"),
        Reading("sites", f"{len(seen.sites):,}"),
    ]
    title = "All sites" if pages == 1 else f"All sites {page + 1}/{pages}"
    draw_frame(canvas, title, "Their last 24 hours", readings, seen.at)
    top = max((hour.average_faces or 0.0 for site in seen.sites for hour in site.hours), default=0.0) or 1.0
    columns = spread(seen.sites[page * room : (page + 1) * room], wall.count, MOST_TILES)
    y, pitch = _rows(canvas, columns, TALLEST_TILE)
    for position, column in enumerate(columns):
        for place, site in enumerate(column):
            plots.tile(canvas, site, site.hour_at(seen.at), wall.left(position), y + place * pitch, pitch, top)
    legend(canvas, [(paint.DATA, "people"), ("url(#off)", "camera off")])
    return canvas


def _rows(canvas: Canvas, columns: Sequence[Sequence[Thing]], tallest: int) -> tuple[int, float]:
    """Where the rows of these columns begin, and how tall each is."""
    top = plot_top(canvas) - 50
    return top, min(tallest, (LIST_BOTTOM - top) / max((len(column) for column in columns), default=1))


def spread(things: Sequence[Thing], screens: int, most: int) -> list[Sequence[Thing]]:
    """The things over the screens, from left to right, as evenly as may be; at most that many on each."""
    each = min(most, -(-len(things) // screens)) or 1
    return [things[start : start + each] for start in range(0, len(things), each)]
