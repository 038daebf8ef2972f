"""The plots of the boards: bars, a heat map, and sites, over the whole wall. Pure."""

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from analytics.features.galaxy.drawing import canvas as paint
from analytics.features.galaxy.drawing.canvas import EDGE, Canvas
from analytics.features.galaxy.drawing.frame import LINE_HEIGHT, fitted, plot_top
from analytics.features.galaxy.drawing.layout import SCREEN_WIDTH
from analytics.features.galaxy.snapshots import AnswerBar, SiteHours, local_time
from analytics.numbers.measures import BucketState, EngagementBucket, merge_engagement
from analytics.plots.layout import BAR_SHARE
from analytics.plots.time_series import WELL_COVERED
from analytics.verdicts.metrics import format_number

GROUND = 1550
"""The bottom of plots, in pixels from the top; their top is `frame.plot_top`."""

ANSWERS_GROUND, SHARES_TOP, SHARES_BOTTOM = 1250, 1410, 1540
"""The bottom of the plot of a question's answers, and the top and bottom of the bar of their shares; pixels."""

AXIS = 120
"""Width of the labels of a scale, at the left of the plot."""

DAY_AXIS = 210
"""Width of the labels of a heat map's days."""

HOUR_STEPS = (1, 2, 3, 6)
HOUR_ROOM, DAY_ROOM = 100, 240
"""Width of the label of an hour and of a day, with a margin."""

HOUR_S = 3_600

GRID_STEPS = (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100)
MOST_GRID_LINES = 4
DASH = 8
"""Height of the bar of an hour in which nobody was there."""

SMALL_SITE, WITH_AXIS = 420, 480
"""Heights of a site in pixels: text begins to grow above the former, and there is room for hours above the latter."""

MOST_GROWN, AXIS_HEIGHT = 2.0, 100

HEADROOM = 1.12
"""The top of a scale, in shares of its largest value."""

RAMP = ("#16343d", "#1f4c5a", "#2c6577", "#3d869d", "#5dbdd6", "#b5e6f2")
"""The colours of a heat map, from few people to many."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A vertical scale from 0 at `ground` to `top` at `roof`; both places are pixels from the picture's top."""

    top: float
    roof: float
    ground: float

    def y(self, value: float) -> float:
        """Return the place of the value, in pixels from the picture's top."""
        return self.ground - value / self.top * (self.ground - self.roof)


def busiest_hour(hours: Iterable[EngagementBucket]) -> EngagementBucket | None:
    """Return the hour with the most people on average; None where no hour has any."""
    best = max(hours, key=lambda hour: hour.average_faces or 0.0, default=None)
    return best if best is not None and best.average_faces else None


def grid_step(top: float) -> float:
    """Return the distance of the grid lines of a scale up to `top`: a round number, or at most four lines."""
    return next((step for step in GRID_STEPS if top / step <= MOST_GRID_LINES), top / MOST_GRID_LINES)


def draw_hours(canvas: Canvas, hours: Sequence[EngagementBucket], now: float) -> None:
    """Draw the average number of people as a bar per hour, and a line at `now` (epoch seconds)."""
    roof = plot_top(canvas) + 60
    left, right = EDGE + AXIS, canvas.wall.width - EDGE
    first, last = hours[0].start.timestamp(), hours[-1].end.timestamp()
    scale = Scale(max(1.0, max(hour.average_faces or 0.0 for hour in hours)) * HEADROOM, roof, GROUND)

    def at(moment: float) -> float:
        return left + (moment - first) / (last - first) * (right - left)

    _draw_grid(canvas, left, right, scale)
    for hour in hours:
        _draw_hour(canvas, hour, at(hour.start.timestamp()), at(hour.end.timestamp()), scale, until=at(now))
    canvas.rect(left, GROUND, right - left, 4, paint.LINE_STRONG)
    _label_hours(canvas, [(hour.start.hour, at(hour.start.timestamp())) for hour in hours], at(last))
    busiest = busiest_hour(hours)
    if busiest is not None:
        average = busiest.average_faces or 0.0
        middle, words = at((busiest.start.timestamp() + busiest.end.timestamp()) / 2), f"{average:.1f}"
        if abs(at(now) - middle) < paint.text_width(words, 72) / 2 + 12:  # The line would cross the number.
            canvas.text(at(now) + 24, scale.y(average) - 24, words, size=72, weight=500)
        else:
            canvas.text(middle, scale.y(average) - 24, words, size=72, anchor="middle", weight=500)
    if first <= now < last:
        canvas.rect(at(now) - 3, roof - 40, 6, GROUND - roof + 44, paint.NEEDLE)
        canvas.shape("circle", cx=at(now), cy=roof - 40, r=14, fill=paint.NEEDLE)


def draw_heat_map(canvas: Canvas, days: Sequence[Sequence[EngagementBucket]], busiest: EngagementBucket | None) -> None:
    """Draw a row per day and a column per hour of the clock; an hour that the clock repeats shares a cell."""
    left, right, roof = EDGE + DAY_AXIS, canvas.wall.width - EDGE, plot_top(canvas)
    width, height = (right - left) / 24, (GROUND - roof) / len(days)
    top = (busiest.average_faces if busiest else None) or 1.0
    for row, day in enumerate(days):
        y = roof + row * height
        canvas.text(EDGE, y + height / 2 + 22, f"{day[0].start:%a} {day[0].start.day}", fill=paint.INK_SOFT)
        for hour, cell in _by_clock_hour(day):
            fill = _cell_fill(cell, top)
            if fill:
                canvas.rect(left + hour * width + 3, y + 3, width - 6, height - 6, fill, rx=4)
    _label_hours(canvas, [(hour, left + hour * width) for hour in range(24)], right)
    if busiest:
        row = next(row for row, day in enumerate(days) if busiest in day)
        x, y = left + busiest.start.hour * width, roof + row * height
        canvas.rect(x, y, width, height, "none", rx=6, stroke=paint.NEEDLE, stroke_width=6)


def draw_answers(canvas: Canvas, bars: Sequence[AnswerBar], now: float) -> None:
    """Draw bars of yes and no side by side up to `now` (epoch seconds), on all screens but the leftmost.

    A wall of one screen has no room for them.
    """
    if canvas.wall.count == 1:
        return
    left, right, roof = canvas.wall.left(1) + EDGE + AXIS, canvas.wall.width - EDGE, plot_top(canvas) + 20
    first, last = bars[0].start.timestamp(), bars[-1].end.timestamp()
    top = max(1, max(max(bar.yes, bar.no) for bar in bars)) * HEADROOM
    scale = Scale(top, roof, ANSWERS_GROUND)

    def at(moment: float) -> float:
        return left + (moment - first) / (last - first) * (right - left)

    _draw_grid(canvas, left, right, scale, least=1)
    for bar in bars:
        start, end = at(bar.start.timestamp()), at(bar.end.timestamp())
        _draw_pair(canvas, bar, start, max(start, min(end, at(now))), end, scale)
    canvas.rect(left, scale.ground, right - left, 4, paint.LINE_STRONG)
    if bars[0].end.timestamp() - first <= HOUR_S:
        _label_hours(canvas, [(bar.start.hour, at(bar.start.timestamp())) for bar in bars], right, scale.ground)
    else:
        _label_days(
            canvas, [(bar.start, at((bar.start.timestamp() + bar.end.timestamp()) / 2)) for bar in bars], scale.ground
        )


def draw_shares(canvas: Canvas, yes: int, no: int) -> None:
    """Draw one bar over the whole wall, yes from the left and no from the right; an empty bar without an answer."""
    left, right, height = EDGE, canvas.wall.width - EDGE, SHARES_BOTTOM - SHARES_TOP
    canvas.rect(left, SHARES_TOP, right - left, height, paint.SUNK, rx=6)
    if not yes + no:
        canvas.text(left + 36, SHARES_TOP + height * 0.62, "No answer yet", size=72, fill=paint.INK_SOFT)
        return
    seam = left + (right - left) * yes / (yes + no)
    canvas.rect(left, SHARES_TOP, seam - left - 4, height, paint.DATA, rx=6)
    canvas.rect(seam + 4, SHARES_TOP, right - seam - 4, height, paint.NEEDLE, rx=6)
    baseline = SHARES_BOTTOM + 92
    canvas.text(left, baseline, f"{yes:,} yes", size=72, weight=500, fill=paint.DATA)
    canvas.text(right, baseline, f"{no:,} no", size=72, weight=500, fill=paint.NEEDLE, anchor="end")


def draw_site(
    canvas: Canvas,
    site: SiteHours,
    hour_now: EngagementBucket | None,
    x: float,
    right: float,
    y: float,
    height: float,
    *,
    scale_top: float,
    at: dt.datetime,
) -> None:
    """Draw a site's name, its time, its people in this hour, and its hours as bars on a scale up to `scale_top`.

    It reaches from `x` to `right`, also over several screens. Text grows with the height, and a tall one has an axis.
    """
    grown = max(1.0, min(MOST_GROWN, height / SMALL_SITE))
    title, number = 72 * grown, 104 * grown
    people = format_number("{:.1f}", hour_now.average_faces if hour_now else None)
    is_alone = canvas.wall.position_at(x) == canvas.wall.position_at(right)
    room = (right - x if is_alone else SCREEN_WIDTH - EDGE) - paint.text_width(people, number) * is_alone - 40
    size, lines = fitted(site.name, room, 84 * grown, title)
    for place, line in enumerate(reversed(lines)):
        canvas.text(x, y + 60 * grown - place * size * LINE_HEIGHT, line, size=size, room=room)
    cameras = f"{site.live} of {site.cameras} live" if site.cameras else "no camera"
    live = f"{local_time(at, site.timezone):%H:%M}, {cameras}"
    fill = paint.LIVE if site.live else paint.INK_SOFT
    canvas.text(x, y + 60 * grown + 68 * max(1.0, grown * 0.8), live, fill=fill, room=room)
    canvas.text(right, y + 104 * grown, people, size=number, weight=300, anchor="end")
    has_axis = height >= WITH_AXIS and bool(site.hours)
    scale = Scale(scale_top, y + 150 * grown, y + height - 28 - AXIS_HEIGHT * has_axis)
    step = (right - x) / max(1, len(site.hours))
    for place, hour in enumerate(site.hours):
        _draw_hour(canvas, hour, x + place * step, x + (place + 1) * step, scale, until=right)
    canvas.rect(x, scale.ground, right - x, 3, paint.LINE_STRONG)
    if has_axis:
        starts = [(hour.start.hour, x + place * step) for place, hour in enumerate(site.hours)]
        _label_hours(canvas, starts, right, scale.ground)


def _draw_hour(canvas: Canvas, hour: EngagementBucket, start: float, end: float, scale: Scale, until: float) -> None:
    """Draw an hour from `start` to `end`; hatching ends at `until`, because the camera may come on again."""
    state = hour.state
    if state in (BucketState.AHEAD, BucketState.CLOSED):
        return
    if state is BucketState.OFF:
        width = min(end, max(until, start)) - start
        canvas.rect(start, scale.roof, width, scale.ground - scale.roof, "url(#off)", opacity=0.55)
        return
    gap = (end - start) * (1 - BAR_SHARE) / 2
    top = min(scale.ground - DASH, scale.y(hour.average_faces or 0.0))
    fill = paint.LINE_STRONG if state is BucketState.UNCOUNTED else paint.DATA
    if state is BucketState.PEOPLE and hour.coverage < WELL_COVERED:
        fill = paint.DATA_SOFT
    canvas.rect(start + gap, top, end - start - 2 * gap, scale.ground - top, fill, rx=3)


def _draw_pair(canvas: Canvas, bar: AnswerBar, start: float, until: float, end: float, scale: Scale) -> None:
    """Draw a bucket's two bars; without an answer a line on the ground, or hatching where the camera was off."""
    if bar.state in (BucketState.AHEAD, BucketState.CLOSED):
        return
    gap = (end - start) * (1 - BAR_SHARE) / 2
    half = (end - start) / 2 - gap
    if not bar.yes + bar.no and bar.state is BucketState.OFF:
        canvas.rect(start, scale.roof, until - start, scale.ground - scale.roof, "url(#off)", opacity=0.55)
    elif not bar.yes + bar.no:
        canvas.rect(start + gap, scale.ground - DASH, 2 * half, DASH, paint.LINE_STRONG, rx=3)
    for x, count, fill in ((start + gap, bar.yes, paint.DATA), (start + gap + half, bar.no, paint.NEEDLE)):
        if count:
            canvas.rect(x, scale.y(count), half, scale.ground - scale.y(count), fill, rx=3)


def _draw_grid(canvas: Canvas, left: float, right: float, scale: Scale, least: float = 0.0) -> None:
    step = max(least, grid_step(scale.top))
    for line in range(int(scale.top / step) + 1):
        y = scale.y(line * step)
        canvas.rect(left, y, right - left, 2, paint.LINE)
        canvas.text(left - 28, y + 20, f"{line * step:g}", fill=paint.INK_SOFT, anchor="end", room=AXIS)


def _label_hours(canvas: Canvas, hours: Sequence[tuple[int, float]], right: float, ground: float = GROUND) -> None:
    """Label the starts of hours as far as there is room; no label at a seam, and one for an hour that repeats."""
    room = (right - hours[0][1]) / len(hours)
    every = next((step for step in HOUR_STEPS if room * step >= HOUR_ROOM), HOUR_STEPS[-1])
    before = -1
    for hour, x in hours:
        if hour % every == 0 and hour != before:
            canvas.rect(x - 1, ground, 3, 22, paint.LINE_STRONG)
            if canvas.fits(x, str(hour)):
                canvas.text(x, ground + 84, str(hour), fill=paint.INK_SOFT, anchor="middle")
        before = hour


def _label_days(canvas: Canvas, days: Sequence[tuple[dt.datetime, float]], ground: float) -> None:
    """Label the middles of days as far as there is room."""
    room = (days[-1][1] - days[0][1]) / max(1, len(days) - 1)
    every = max(1, math.ceil(DAY_ROOM / room)) if room else 1
    for day, x in days[::every]:
        words = f"{day:%a} {day.day}"
        if canvas.fits(x, words):
            canvas.text(x, ground + 84, words, fill=paint.INK_SOFT, anchor="middle")


def _by_clock_hour(day: Sequence[EngagementBucket]) -> Iterator[tuple[int, EngagementBucket]]:
    for hour in sorted({bucket.start.hour for bucket in day}):
        yield hour, merge_engagement([bucket for bucket in day if bucket.start.hour == hour])


def _cell_fill(cell: EngagementBucket, top: float) -> str | None:
    state = cell.state
    if state in (BucketState.AHEAD, BucketState.CLOSED):
        return None
    if state is BucketState.OFF:
        return "url(#off)"
    if state is not BucketState.PEOPLE:
        return paint.SUNK
    share = (cell.average_faces or 0.0) / top
    return RAMP[min(len(RAMP) - 1, int(share * len(RAMP)))]
