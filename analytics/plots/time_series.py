"""Figures along a time axis: engagement, counts, episodes and coverage of adjoining buckets. Pure.

The x axis has instants (milliseconds since 1970) with local times as labels, so that a day of 25 hours is drawn as long
as it was. "Nobody there" is a mark on the baseline; "camera off" is hatched. Over every bucket lies an invisible bar
that shows the bucket's text at the pointer.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

from analytics.numbers.measures import BucketState, CountBucket, EngagementBucket, EpisodeBucket
from analytics.plots import texts
from analytics.plots.layout import BAR_SHARE, HATCHED, INVISIBLE, Figure, layout, x_axis, y_axis
from analytics.verdicts.period_numbers import DatedChange
from analytics.verdicts.today import Today

Span = tuple[int, int]
"""A stretch of the x axis: start and end in milliseconds since 1970."""

WELL_COVERED = 0.5
"""An hour of less coverage is drawn paler: its average says little about the hour."""

MARK_HEIGHT = 0.012
"""The height of a mark on the baseline, as a share of the plot's height: low, yet visible."""

MAX_UNIT_STEPS = 5
"""Up to this count the y axis has a tick for every 1, so that no tick is a fraction."""

BAND_OPACITY = 0.55
"""A usual range lies behind the bars, and the grid shows through it."""

HOUR_MS = 3_600_000
HOURS_PER_TICK = 3
MAX_PERIOD_WITH_HOURS = dt.timedelta(days=2)
"""The longest period whose x axis has ticks for hours."""


def engagement_figure(
    buckets: Sequence[EngagementBucket],
    *,
    now: dt.datetime,
    min_top: float = 0.0,
    changes: Sequence[DatedChange] = (),
) -> Figure:
    """Draw the average number of people facing the displays, a bar for each bucket, with a line at `now`.

    Changes of level are dashed lines with their dates. The y axis reaches at least up to `min_top`, so that several
    figures can have one scale.
    """
    spans = bucket_spans(buckets)
    in_state: dict[BucketState, list[tuple[Span, EngagementBucket]]] = {state: [] for state in BucketState}
    for span, bucket in zip(spans, buckets, strict=True):
        in_state[bucket.state].append((span, bucket))
    people = in_state[BucketState.PEOPLE]
    well_covered = [each for each in people if each[1].coverage >= WELL_COVERED]
    barely_covered = [each for each in people if each[1].coverage < WELL_COVERED]
    bars = [
        _average_bars(well_covered, "var(--data)"),
        _average_bars(barely_covered, "var(--data-soft)", outline="var(--data)"),
    ]
    marks = [
        baseline_marks([span for span, _ in in_state[BucketState.NOBODY]], "var(--data)"),
        baseline_marks([span for span, _ in in_state[BucketState.UNCOUNTED]], "var(--line-strong)"),
    ]
    hover_texts = [texts.describe_engagement(bucket) for bucket in buckets]
    figure = bucket_figure(
        bars, marks, buckets, hover_texts, spans=spans, now=now, steps={"nticks": 5}, min_top=min_top
    )
    _mark_changes(figure["layout"], changes, buckets)
    return figure


def _mark_changes(layout: Figure, changes: Sequence[DatedChange], buckets: Sequence[EngagementBucket]) -> None:
    """Add a dashed line with its date at the start of each day on which the level changed."""
    zone, first, last = buckets[0].start.tzinfo, buckets[0].start.date(), buckets[-1].end
    at = [
        (milliseconds(midnight), each.change)
        for each in changes
        if (midnight := dt.datetime.combine(each.change.day, dt.time(), zone)) < last and each.change.day >= first
    ]
    line = {"color": "var(--ink-soft)", "width": 1.5, "dash": "dash"}
    layout["shapes"] += [
        {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line} for x, _ in at
    ]
    layout["annotations"] = [
        {
            "x": x,
            "y": 1,
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "top",
            "showarrow": False,
            "text": f" {texts.format_date(change.day)}: {texts.format_change(change.ratio)}",
            "font": {"color": "var(--ink-soft)", "size": 11},
        }
        for x, change in at
    ]


def count_figure(counts: Sequence[CountBucket], engagement: Sequence[EngagementBucket], *, now: dt.datetime) -> Figure:
    """Draw the number of detections in each bucket; `engagement` of the same buckets shows when the camera was off.

    Raises `ValueError` where the two differ in length.
    """
    hover_texts = [texts.describe_count(*both) for both in zip(counts, engagement, strict=True)]
    return _number_figure([count.known_count for count in counts], engagement, hover_texts, now=now)


def spells_figure(
    spells: Sequence[EpisodeBucket], engagement: Sequence[EngagementBucket], *, now: dt.datetime
) -> Figure:
    """Draw the number of spells that began in each bucket. Raises `ValueError` where the two differ in length."""
    hover_texts = [texts.describe_spells(*both) for both in zip(spells, engagement, strict=True)]
    return _number_figure([each.known_count for each in spells], engagement, hover_texts, now=now)


def gestures_figure(
    gestures: Sequence[EpisodeBucket], engagement: Sequence[EngagementBucket], *, label: str, now: dt.datetime
) -> Figure:
    """Draw how often the label was shown in each bucket. Raises `ValueError` where the two differ in length."""
    hover_texts = [texts.describe_gestures(label, *both) for both in zip(gestures, engagement, strict=True)]
    return _number_figure([each.known_count for each in gestures], engagement, hover_texts, now=now)


def pair_figure(
    pairs: Sequence[tuple[int, int]],
    engagement: Sequence[EngagementBucket],
    hover_texts: Sequence[str],
    *,
    colours: tuple[str, str],
    now: dt.datetime,
) -> Figure:
    """Draw two numbers for each bucket side by side, in these colours.

    Raises `ValueError` where `pairs`, `engagement` and `hover_texts` differ in length.
    """
    spans = bucket_spans(engagement)
    buckets = list(zip(pairs, engagement, spans, strict=True))
    bars = []
    for half, colour in enumerate(colours):
        with_bar = [(span, pair[half]) for pair, _, span in buckets if pair[half]]
        bars.append(_half_as_wide(bucket_bars(with_bar, colour), half))
    without = [span for pair, bucket, span in buckets if not any(pair) and bucket.minutes_told]
    steps = {"nticks": 5} if any(max(pair) > MAX_UNIT_STEPS for pair in pairs) else {"dtick": 1}
    marks = [baseline_marks(without, "var(--line-strong)")]
    return bucket_figure(bars, marks, engagement, list(hover_texts), spans=spans, now=now, steps=steps)


def today_figure(today: Today, *, now: dt.datetime) -> Figure:
    """Draw how many came in each hour of today over the range of that hour that is usual, with a line at `now`."""
    hours = [(milliseconds(hour.start), hour) for hour in today.hours]
    ends = [start for start, _ in hours[1:]] + [hours[-1][0] + HOUR_MS]
    spans = [(start, end) for (start, _), end in zip(hours, ends, strict=True)]
    bands = [(span, hour.band) for span, (_, hour) in zip(spans, hours, strict=True) if hour.band is not None]
    came = [(span, hour.came) for span, (_, hour) in zip(spans, hours, strict=True) if hour.came is not None]
    highest = max([*(band.high for _, band in bands), *(number for _, number in came)], default=0.0)
    band = {
        **_full_height_bars([span for span, _ in bands], {"color": "var(--data-soft)", "line": {"width": 0}}),
        "yaxis": "y",
        "base": [round(band.low, 2) for _, band in bands],
        "y": [round(band.high - band.low, 2) for _, band in bands],
        "opacity": BAND_OPACITY,
        "hoverinfo": "skip",
    }
    bars = bucket_bars([(span, round(number, 2)) for span, number in came if number], "var(--data)")
    marks = baseline_marks([span for span, number in came if not number], "var(--data)")
    hover_texts = [texts.describe_hour_of_today(hour, today.people) for _, hour in hours]
    targets = _full_height_bars(spans, INVISIBLE, hovertext=hover_texts, hoverinfo="text")
    at = milliseconds(now)
    ticks = [(start, texts.format_time(hour.start)) for start, hour in hours if not hour.start.hour % HOURS_PER_TICK]
    return {
        "data": [band, bars, marks, targets],
        "layout": layout(
            shapes=[_now_line(at)],
            xaxis=x_axis(ticks, type="date", range=[spans[0][0], spans[-1][1]]),
            yaxis=y_axis(highest, nticks=5),
            yaxis2={"range": [0, 1], "overlaying": "y", "visible": False, "fixedrange": True},
        ),
    }


def coverage_figure(buckets: Sequence[EngagementBucket], *, now: dt.datetime) -> Figure:
    """Draw the coverage of each bucket in per cent."""
    spans = bucket_spans(buckets)
    covered = [
        (span, round(100 * bucket.coverage)) for span, bucket in zip(spans, buckets, strict=True) if bucket.minutes_seen
    ]
    bars = bucket_bars(covered, "var(--line-strong)")
    hover_texts = [texts.describe_engagement(bucket) for bucket in buckets]
    steps = {"tickvals": [0, 50, 100], "ticktext": ["0", "50 %", "100 %"]}
    return bucket_figure([bars], [], buckets, hover_texts, spans=spans, now=now, steps=steps, min_top=100)


def milliseconds(moment: dt.datetime) -> int:
    """Return the instant in milliseconds since 1970, as Plotly's date axes take it."""
    return round(moment.timestamp() * 1000)


def bucket_spans(buckets: Sequence[texts.Bucket]) -> list[Span]:
    """Return the stretch of the x axis that each of these adjoining buckets covers."""
    if not buckets:
        return []
    return list(pairwise([*[milliseconds(bucket.start) for bucket in buckets], milliseconds(buckets[-1].end)]))


def bucket_bars(
    heights: Sequence[tuple[Span, float]], colour: str, *, outline: str | None = None, **properties: Any
) -> Figure:
    """Return a trace of bars of these heights, with a gap on either side of each."""
    return {
        "type": "bar",
        "x": [start + round((end - start) * (1 - BAR_SHARE) / 2) for (start, end), _ in heights],
        "y": [height for _, height in heights],
        "width": [round((end - start) * BAR_SHARE) for (start, end), _ in heights],
        "offset": 0,
        "marker": {"color": colour, "line": {"width": 1, "color": outline} if outline else {"width": 0}},
        "hoverinfo": "skip",
        **properties,
    }


def baseline_marks(spans: Sequence[Span], colour: str) -> Figure:
    """Return a trace of flat marks on the baseline, for buckets whose value is 0."""
    return bucket_bars([(span, MARK_HEIGHT) for span in spans], colour, yaxis="y2")


def bucket_figure(
    bars: list[Figure],
    marks: list[Figure],
    engagement: Sequence[EngagementBucket],
    hover_texts: list[str],
    *,
    spans: Sequence[Span],
    now: dt.datetime,
    steps: Figure,
    min_top: float = 0.0,
) -> Figure:
    """Return a figure of bars and baseline marks over adjoining buckets, hatched where the camera was off.

    `spans` are the buckets' places, from `bucket_spans`; `steps` are the properties of the y axis' ticks.
    """
    off = _full_height_bars(list(_off_spans(engagement, spans, now)), HATCHED, hoverinfo="skip")
    # As wide and high as the plot: wherever the pointer is, it finds its bucket.
    targets = _full_height_bars(spans, INVISIBLE, hovertext=hover_texts, hoverinfo="text")
    highest = max((height for trace in bars for height in trace["y"]), default=0)
    return {"data": [*bars, off, *marks, targets], "layout": _layout(engagement, max(min_top, highest), now, steps)}


def _average_bars(buckets: Sequence[tuple[Span, EngagementBucket]], colour: str, outline: str | None = None) -> Figure:
    heights = [(span, round(bucket.average_faces or 0.0, 3)) for span, bucket in buckets]
    return bucket_bars(heights, colour, outline=outline)


def _number_figure(
    numbers: Sequence[int | None], engagement: Sequence[EngagementBucket], hover_texts: list[str], *, now: dt.datetime
) -> Figure:
    """Return a figure of a number for each bucket, None where it is not known.

    Raises `ValueError` where the two differ in length.
    """
    spans = bucket_spans(engagement)
    of_spans = list(zip(numbers, spans, strict=True))
    bars = bucket_bars([(span, number) for number, span in of_spans if number], "var(--data)")
    without = [span for number, span in of_spans if number == 0]
    steps = {"nticks": 5} if any((number or 0) > MAX_UNIT_STEPS for number in numbers) else {"dtick": 1}
    marks = [baseline_marks(without, "var(--data)")]
    return bucket_figure([bars], marks, engagement, hover_texts, spans=spans, now=now, steps=steps)


def _half_as_wide(bars: Figure, half: int) -> Figure:
    """Return the left (0) or right (1) halves of the bars."""
    widths = [width // 2 for width in bars["width"]]
    lefts = [x + half * width for x, width in zip(bars["x"], widths, strict=True)]
    return {**bars, "x": lefts, "width": widths}


def _full_height_bars(spans: Sequence[Span], marker: Figure, **properties: Any) -> Figure:
    """Return a trace of bars from the baseline to the top of the plot, without gaps."""
    return {
        "type": "bar",
        "x": [(start + end) // 2 for start, end in spans],
        "y": [1] * len(spans),
        "width": [end - start for start, end in spans],
        "yaxis": "y2",
        "marker": marker,
        **properties,
    }


def _off_spans(buckets: Sequence[EngagementBucket], spans: Sequence[Span], now: dt.datetime) -> Iterator[Span]:
    """Yield the stretches without a camera up to `now`, adjoining buckets as one: hatching has no seams then."""
    for state, run in groupby(zip(spans, buckets, strict=True), lambda each: each[1].state):
        if state is BucketState.OFF:
            off = [span for span, _ in run]
            yield off[0][0], min(off[-1][1], milliseconds(now))


def _layout(buckets: Sequence[EngagementBucket], highest: float, now: dt.datetime, steps: Figure) -> Figure:
    first, last, at = milliseconds(buckets[0].start), milliseconds(buckets[-1].end), milliseconds(now)
    return layout(
        shapes=[_now_line(at)] if first <= at < last and not texts.is_day(buckets[0]) else [],
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


def _now_line(at: int) -> Figure:
    line = {"color": "var(--needle)", "width": 1.5}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _ticks(buckets: Sequence[EngagementBucket]) -> Iterator[tuple[int, str]]:
    """Yield a tick in the middle of each day; for shorter buckets at each midnight, and at hours of a short period."""
    if len(buckets) > MOST_DATES or any(map(texts.is_week, buckets)):
        yield from _month_ticks(buckets)
        return
    if texts.is_day(buckets[0]):
        for day in buckets:
            yield (milliseconds(day.start) + milliseconds(day.end)) // 2, _date_tick(day.start)
        return
    with_hours = buckets[-1].end - buckets[0].start <= MAX_PERIOD_WITH_HOURS
    if not buckets[0].start.hour:
        yield milliseconds(buckets[0].start), _date_tick(buckets[0].start)
    for before, bucket in pairwise(buckets):
        # Where the clocks change at midnight, a day begins at one o'clock.
        if bucket.start.date() != before.start.date():
            yield milliseconds(bucket.start), _date_tick(bucket.start)
        elif with_hours and not bucket.start.hour % HOURS_PER_TICK and not bucket.start.fold:
            yield milliseconds(bucket.start), texts.format_time(bucket.start)


MOST_DATES = 31 * 24
"""With more buckets, or with weeks, the axis has a tick for each month that begins."""


MOST_MONTHS = 24
"""With more buckets of months, the axis has a tick for each year that begins."""


def _month_ticks(buckets: Sequence[EngagementBucket]) -> Iterator[tuple[int, str]]:
    by_year = len(buckets) > MOST_MONTHS and all(map(texts.is_month, buckets[1:-1]))
    for before, bucket in pairwise(buckets):
        start = bucket.start
        if by_year and start.month == 1:
            yield milliseconds(start), str(start.year)
        elif not by_year and start.month != before.start.month:
            year = f"<br>{start.year}" if start.month == 1 else ""
            yield milliseconds(start), f"{texts.MONTH_NAMES[start.month - 1]}{year}"


def _date_tick(day: dt.datetime) -> str:
    return f"{texts.DAY_NAMES[day.weekday()]}<br>{day.day} {texts.MONTH_NAMES[day.month - 1]}"
