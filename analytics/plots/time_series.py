"""Buckets to Plotly figures and sentences. Pure: no database, no clock.

Figures are plain dicts for `json_script`. A colour is the name of a custom property of the style sheet, such as
"var(--data)"; plots.js resolves it, so that a plot follows the reader's light or dark theme. Along the x axis lie
instants (epoch milliseconds), labelled with the site's local time: a day of 25 hours is drawn as long as it was.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby, pairwise
from typing import Any

from analytics.numbers.measures import (
    ConfidenceBucket,
    CountBucket,
    EngagementBucket,
    EngagementSum,
    EpisodeBucket,
)
from analytics.plots.layout import HATCHED, INVISIBLE, layout, x_axis, y_axis
from analytics.plots.layout import Figure as Figure

Span = tuple[int, int]
"""From when to when, in milliseconds since 1970."""
Placed = tuple[Span, EngagementBucket]

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TWO_DIGITS = [f"{number:02}" for number in range(60)]
"""A plot of a month says thousands of times of day, and formats would take longer than all else in it."""
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Bucket = EngagementBucket | CountBucket | EpisodeBucket | ConfidenceBucket

WELL_SEEN = 0.5
"""An hour that was seen for less than this share is drawn paler: its average says little about the hour."""

BAR_SHARE = 0.84
"""How much of its bucket's width a bar fills; the rest is the gap to the next one."""

DASH = 0.012
"""Height of "nobody there" as a share of the plot: a line on the ground, yet visible."""

FEW = 5
"""Up to this count every step of the scale is one, so that none is a fraction."""

HOURS_PER_TICK = 3
LONGEST_WITH_HOURS = dt.timedelta(days=2)
DAY_AT_LEAST = dt.timedelta(hours=20)
"""A bucket this long is a day, even one that a clock change has shortened."""


class Showing(StrEnum):
    """What a bucket has to show; each is drawn in its own way."""

    AHEAD = "ahead"
    OFF = "off"
    UNCOUNTED = "uncounted"
    NOBODY = "nobody"
    PEOPLE = "people"


WORDS = {
    Showing.AHEAD: "still to come",
    Showing.OFF: "camera off",
    Showing.UNCOUNTED: "camera on; it does not look for faces",
    Showing.NOBODY: "nobody there",
}


def showing(bucket: EngagementBucket | EngagementSum) -> Showing:
    """AHEAD lies in the future, OFF has no frame at all, UNCOUNTED has frames of a camera that counts no faces."""
    if not bucket.minutes:
        return Showing.AHEAD
    if not bucket.minutes_seen:
        return Showing.OFF
    if not bucket.frames:
        return Showing.UNCOUNTED
    return Showing.PEOPLE if bucket.faces_sum else Showing.NOBODY


def engagement_figure(buckets: Sequence[EngagementBucket], *, now: dt.datetime, top: float = 0.0) -> Figure:
    """Average number of people facing the display, a bar a bucket; `now` is marked where it lies within.

    The scale reaches at least up to `top`, so that figures can be compared.
    """
    drawn: dict[Showing, list[Placed]] = {state: [] for state in Showing}
    along = spans(buckets)
    for placed in zip(along, buckets, strict=True):
        drawn[showing(placed[1])].append(placed)
    well, barely = _split(drawn[Showing.PEOPLE])
    shown = [
        bars([span for span, _ in well], [rounded(bucket.average_faces) for _, bucket in well], "var(--data)"),
        bars(
            [span for span, _ in barely],
            [rounded(bucket.average_faces) for _, bucket in barely],
            "var(--data-soft)",
            edge="var(--data)",
        ),
    ]
    grounded = [
        dashes([span for span, _ in drawn[Showing.NOBODY]], "var(--data)"),
        dashes([span for span, _ in drawn[Showing.UNCOUNTED]], "var(--line-strong)"),
    ]
    texts = [describe(bucket) for bucket in buckets]
    return figure(shown, grounded, buckets, texts, along=along, now=now, steps={"nticks": 5}, top=top)


def count_figure(counts: Sequence[CountBucket], camera: Sequence[EngagementBucket], *, now: dt.datetime) -> Figure:
    """How many detections a bucket has. `camera` has the same buckets and says when the camera was off.

    Raises `ValueError` where the two differ in length.
    """
    texts = [describe_count(count, seen) for count, seen in zip(counts, camera, strict=True)]
    return counted_figure([count.count for count in counts], camera, texts, now=now)


def counted_figure(
    counts: Sequence[int],
    camera: Sequence[EngagementBucket],
    texts: Sequence[str],
    *,
    now: dt.datetime,
    colour: str = "var(--data)",
) -> Figure:
    """A count a bucket. `camera` and `texts`, what a bucket says, are as long; raises `ValueError` where not."""
    along = spans(camera)
    all_of_them = list(zip(counts, camera, along, strict=True))
    some = [(count, span) for count, _, span in all_of_them if count]
    none = [span for count, bucket, span in all_of_them if not count and bucket.minutes_seen]
    steps = {"nticks": 5} if any(count > FEW for count in counts) else {"dtick": 1}
    shown = [bars([span for _, span in some], [count for count, _ in some], colour)]
    return figure(shown, [dashes(none, colour)], camera, list(texts), along=along, now=now, steps=steps)


def pair_figure(
    pairs: Sequence[tuple[int, int]],
    camera: Sequence[EngagementBucket],
    texts: Sequence[str],
    *,
    colours: tuple[str, str],
    now: dt.datetime,
) -> Figure:
    """Two counts a bucket side by side, in these colours. `camera` and `texts`, what a bucket says, are as long.

    Raises `ValueError` where they differ in length.
    """
    along = spans(camera)
    all_of_them = list(zip(pairs, camera, along, strict=True))
    shown = []
    for half, colour in enumerate(colours):
        some = [(pair[half], span) for pair, _, span in all_of_them if pair[half]]
        shown.append(_half(bars([span for _, span in some], [count for count, _ in some], colour), half))
    none = [span for pair, bucket, span in all_of_them if not any(pair) and bucket.minutes_seen]
    steps = {"nticks": 5} if any(max(pair) > FEW for pair in pairs) else {"dtick": 1}
    grounded = [dashes(none, "var(--line-strong)")]
    return figure(shown, grounded, camera, list(texts), along=along, now=now, steps=steps)


def _half(whole: Figure, half: int) -> Figure:
    """The bars' left (0) or right (1) halves."""
    widths = [width // 2 for width in whole["width"]]
    places = [x + half * width for x, width in zip(whole["x"], widths, strict=True)]
    return {**whole, "x": places, "width": widths}


def describe(bucket: EngagementBucket) -> str:
    """The bucket in words, lines parted by `<br>`."""
    state = showing(bucket)
    if state is Showing.AHEAD or state is Showing.OFF:
        return f"<b>{span(bucket)}</b><br>{WORDS[state]}"
    words = _people(bucket) if state is Showing.PEOPLE else WORDS[state]
    return f"<b>{span(bucket)}</b><br>{words}<br>camera on {bucket.minutes_seen} of {bucket.minutes} min"


def describe_count(count: CountBucket, seen: EngagementBucket) -> str:
    """The count in words, lines parted by `<br>`."""
    if not count.count and showing(seen) in (Showing.AHEAD, Showing.OFF):
        return describe(seen)
    confidence = "" if count.mean_confidence is None else f"<br>mean confidence {count.mean_confidence:.0%}"
    return f"<b>{span(count)}</b><br>{count.count:,} seen{confidence}"


def span(bucket: Bucket) -> str:
    """Such as "Fri 20 Nov, 14:00-15:00 PST", or "Fri 20 Nov" for a day."""
    start, end = bucket.start, bucket.end
    if end - start >= DAY_AT_LEAST:
        return day_name(start)
    return f"{day_name(start)}, {_clock(start)}–{_clock(end)} {end.tzname()}"


def day_name(day: dt.date) -> str:
    """Such as "Fri 20 Nov"."""
    return f"{DAY_NAMES[day.weekday()]} {day.day} {MONTH_NAMES[day.month - 1]}"


def _clock(moment: dt.datetime) -> str:
    return f"{TWO_DIGITS[moment.hour]}:{TWO_DIGITS[moment.minute]}"


def sentence(buckets: Sequence[EngagementBucket]) -> str:
    """What the plot of these buckets tells, for those who cannot see it."""
    past = [bucket for bucket in buckets if bucket.minutes]
    off = sum(not bucket.minutes_seen for bucket in past)
    some = [bucket for bucket in past if bucket.faces_sum]
    parts = [f"The camera was off in {off:,} of {len(past):,} hours."]
    if some:
        busiest = max(some, key=lambda bucket: bucket.average_faces or 0.0)
        parts.insert(0, f"Busiest: {span(busiest)} with {busiest.average_faces:.2f} people on average.")
    elif off < len(past):
        parts.insert(0, "Nobody faced the display.")
    return " ".join(parts)


def _people(bucket: EngagementBucket) -> str:
    share = bucket.occupied_share
    occupied = f"<br>somebody there {share:.0%} of the time" if share else ""
    return f"{bucket.average_faces or 0:.2f} people on average, {bucket.faces_peak} at most{occupied}"


def _split(placed: Iterable[Placed]) -> tuple[list[Placed], list[Placed]]:
    well: list[Placed] = []
    barely: list[Placed] = []
    for span, bucket in placed:
        (well if bucket.coverage >= WELL_SEEN else barely).append((span, bucket))
    return well, barely


def _is_day(bucket: Bucket) -> bool:
    return bucket.end - bucket.start >= DAY_AT_LEAST


def rounded(value: float | None) -> float:
    return round(value or 0.0, 3)


def ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)


def spans(buckets: Sequence[Bucket]) -> list[Span]:
    """Where each of these adjoining buckets lies along the x axis."""
    if not buckets:
        return []
    return list(pairwise([*[ms(bucket.start) for bucket in buckets], ms(buckets[-1].end)]))


def bars(
    spans: Sequence[Span], heights: Sequence[float], colour: str, *, edge: str | None = None, **more: Any
) -> Figure:
    return {
        "type": "bar",
        "x": [start + round((end - start) * (1 - BAR_SHARE) / 2) for start, end in spans],
        "y": list(heights),
        "width": [round((end - start) * BAR_SHARE) for start, end in spans],
        "offset": 0,
        "marker": {"color": colour, "line": {"width": 1, "color": edge} if edge else {"width": 0}},
        "hoverinfo": "skip",
        **more,
    }


def dashes(spans: Sequence[Span], colour: str) -> Figure:
    """Lines on the ground, where there is nothing to pile up."""
    return bars(spans, [DASH] * len(spans), colour, yaxis="y2")


def columns(spans: Sequence[Span], marker: Figure, **more: Any) -> Figure:
    """Bars from the ground to the top of the plot, from one instant to another."""
    return {
        "type": "bar",
        "x": [(start + end) // 2 for start, end in spans],
        "y": [1] * len(spans),
        "width": [end - start for start, end in spans],
        "yaxis": "y2",
        "marker": marker,
        **more,
    }


def _off_spans(buckets: Sequence[EngagementBucket], along: Sequence[Span], now: dt.datetime) -> Iterator[Span]:
    """The stretches without camera up to `now`, adjoining buckets as one, so that the hatching has no seams."""
    for state, run in groupby(zip(along, buckets, strict=True), lambda placed: showing(placed[1])):
        if state is Showing.OFF:
            stretch = [span for span, _ in run]
            yield stretch[0][0], min(stretch[-1][1], ms(now))


def figure(
    shown: list[Figure],
    grounded: list[Figure],
    buckets: Sequence[EngagementBucket],
    texts: list[str],
    *,
    along: Sequence[Span],
    now: dt.datetime,
    steps: Figure,
    top: float = 0.0,
) -> Figure:
    """Bars and lines on the ground over the time of `buckets`, hatched where the camera was off, with a text for each.

    `along` is where the buckets lie, as `spans` says; `steps` is what the y axis has of its own.
    """
    off = columns(list(_off_spans(buckets, along, now)), HATCHED, hoverinfo="skip")
    # Invisible, as wide and high as the plot: wherever the pointer is, it finds its bucket.
    targets = columns(along, INVISIBLE, hovertext=texts, hoverinfo="text")
    highest = max((height for trace in shown for height in trace["y"]), default=0)
    return {"data": [*shown, off, *grounded, targets], "layout": _layout(buckets, max(top, highest), now, steps)}


def _layout(buckets: Sequence[EngagementBucket], highest: float, now: dt.datetime, steps: Figure) -> Figure:
    first, last = ms(buckets[0].start), ms(buckets[-1].end)
    hand = {"type": "line", "x0": ms(now), "x1": ms(now), "y0": 0, "y1": 1, "yref": "paper"}
    hand["line"] = {"color": "var(--needle)", "width": 1.5}
    return layout(
        shapes=[hand] if first <= ms(now) < last and not _is_day(buckets[0]) else [],
        xaxis=x_axis(
            list(_ticks(buckets)),
            type="date",
            range=[first, last],
            showspikes=True,
            spikecolor="var(--line-strong)",
            spikedash="solid",
            spikemode="across",
            spikethickness=1,
        ),
        yaxis=y_axis(highest, **steps),
        yaxis2={"range": [0, 1], "overlaying": "y", "visible": False, "fixedrange": True},
    )


def _ticks(buckets: Sequence[EngagementBucket]) -> Iterator[tuple[int, str]]:
    """Days at their middle where buckets are days; else midnights, and hours where there is room for them."""
    if _is_day(buckets[0]):
        for day in buckets:
            yield (ms(day.start) + ms(day.end)) // 2, _date_tick(day.start)
        return
    with_hours = buckets[-1].end - buckets[0].start <= LONGEST_WITH_HOURS
    if not buckets[0].start.hour:
        yield ms(buckets[0].start), _date_tick(buckets[0].start)
    for before, bucket in pairwise(buckets):
        # Where the clocks change at midnight, a day begins at one o'clock.
        if bucket.start.date() != before.start.date():
            yield ms(bucket.start), _date_tick(bucket.start)
        elif with_hours and not bucket.start.hour % HOURS_PER_TICK and not bucket.start.fold:
            yield ms(bucket.start), _clock(bucket.start)


def _date_tick(day: dt.datetime) -> str:
    return f"{DAY_NAMES[day.weekday()]}<br>{day.day} {MONTH_NAMES[day.month - 1]}"
