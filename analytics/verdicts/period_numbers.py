"""Everything that the pages of a site and a device show of a period, each page with the same few queries."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analytics.models import FACE
from analytics.numbers import sql
from analytics.numbers.buckets import Bucket
from analytics.numbers.kept import keep, keys_of
from analytics.numbers.measures import (
    Activity,
    ConfidenceBucket,
    CountBucket,
    EngagementBucket,
    EpisodeBucket,
    merge_activity,
    merge_engagement,
    merge_episodes,
)
from analytics.numbers.packed_rows import PackedRows, read_packed_rows
from analytics.numbers.periods import PAST_DAYS, WEEK, Period
from analytics.numbers.reads import (
    Selection,
    edges_of,
    read_confidences,
    read_counts_and_labels,
    read_engagement,
    read_episodes_by_label,
    waiting_devices,
)
from analytics.numbers.reads_of_rows import engagement_of_rows, episodes_of_rows
from analytics.numbers.regrouping import regroup
from analytics.numbers.visits import count_visits as visits_of
from analytics.numbers.visits import first_visits
from analytics.verdicts.causes import Cause, read_causes
from analytics.verdicts.findings import Finding, tell
from analytics.verdicts.hour_series import HourSeries, Measure, people_measure, people_of, read_hour_series
from analytics.verdicts.levels import LevelChange, find_changes
from analytics.verdicts.matched import Comparison
from analytics.verdicts.opening import with_opening_hours
from analytics.verdicts.spans import compare_spans
from analytics.verdicts.today import Today, today_of
from devices.models import Device


@dataclass(frozen=True, slots=True)
class DatedChange:
    """A change of the level of a place, with what was done there around the day."""

    change: LevelChange
    causes: Sequence[Cause]


@dataclass(frozen=True, slots=True)
class PastNumbers:
    """What weeks of hours tell about a period."""

    today: Today | None
    """The day under way beside what is usual; None if the period does not end today."""
    people: Measure
    """The measure of `changes`: visits, or occupied spells where most hours do not know visits."""
    changes: Sequence[DatedChange]
    """The changes of level within the period, by day."""
    findings: Mapping[Measure, Finding]
    """How the period compares with the period before, over the hours of the week that both saw."""


NOTHING_PAST = PastNumbers(None, Measure.SPELLS, (), {})


@dataclass(frozen=True, slots=True)
class TextNumbers:
    """The numbers in the text of a page: some devices taken together over a period."""

    period: Period
    label: str
    """The label of `gestures` and `counts`."""
    labels: list[str]
    """All labels but `FACE` that were detected in the period, and `label`; sorted."""
    hours: list[EngagementBucket]
    """The buckets of the period's plots, `Period.plot_bucket`."""
    buckets: list[Activity]
    """The rows of the period's table, `Period.bucket_name`."""
    counts: list[CountBucket]
    """The label's detections in single frames, for each of `buckets`."""
    total: Activity
    is_compared: bool
    """Whether it is compared with the period before: not if it has more hours than one page may read."""
    visits: int | None
    """The visits of the period; None where no camera followed people."""
    followed_from: Mapping[int, dt.datetime] | None
    """Since when each device follows people, as `first_visits` reads it; None where no camera was on."""
    past: "PastNumbers"
    parts: list[Activity]
    """The whole period of each of the parts that were asked for."""


@dataclass(frozen=True, slots=True)
class PlotNumbers:
    """The numbers in the plots of a page: some devices taken together over a period."""

    period: Period
    label: str
    """The label of `gestures` and `confidences`."""
    hours: list[EngagementBucket]
    """The buckets of the period's plots, `Period.plot_bucket`."""
    buckets: list[EngagementBucket]
    """The rows of the period's table, `Period.bucket_name`."""
    spells: list[EpisodeBucket]
    """For each of `hours`, as `gestures` is."""
    gestures: list[EpisodeBucket]
    confidences: list[ConfidenceBucket]
    """One entry for each of `buckets`."""
    past: "PastNumbers"

    def in_buckets(self, hours: list[EpisodeBucket]) -> list[EpisodeBucket]:
        """Return `spells` or `gestures` for each of `buckets`."""
        return regroup(hours, self.period.bucket_name, merge_episodes)


def read_text_numbers(
    devices: Sequence[Device], period: Period, *, label: str, parts: Sequence[Sequence[Device]] = ()
) -> TextNumbers:
    """Read the numbers in the text of a page about these devices of one site. At most fourteen queries.

    `parts` are some of the devices each, such as those of a spot. Episodes are read once for the whole and its parts.
    """
    whole, past, *of_parts = with_opening_hours(
        [
            _selection(devices, period),
            _past_selection(devices, period),
            *(_selection(part, period, single_bucket=True) for part in parts),
        ],
        period.hours,
    )
    of_past, rows = _past(past, whole, period, label=label)
    (hours,) = _engagement([whole], period.plot_bucket, period.now, rows)
    bucket = period.bucket_name
    of_table = regroup(hours, bucket, merge_engagement)
    is_whole = len(parts) == 1 and {each.pk for each in parts[0]} == {each.pk for each in devices}
    apart = [] if is_whole else of_parts
    engagement = [of_table, *(_engagement(apart, bucket, period.now, rows) if apart else ())]
    buckets, *activity = _read_activity([whole, *apart], engagement, label, bucket, rows)
    (counts,), labels = read_counts_and_labels([whole], label=label, bucket=bucket, engagement=[of_table])
    total = merge_activity(buckets)
    followed = first_visits(devices) if total.engagement.minutes_seen else None
    return TextNumbers(
        period=period,
        label=label,
        labels=sorted({*labels, label}),
        hours=hours,
        buckets=buckets,
        counts=counts,
        total=total,
        is_compared=_can_compare(devices, period),
        visits=_count_visits(whole, period, followed or {}),
        followed_from=followed,
        past=of_past,
        parts=[total] if is_whole else [part for (part,) in activity],
    )


def read_plot_numbers(devices: Sequence[Device], period: Period, *, label: str) -> PlotNumbers:
    """Read the numbers in the plots of a page about these devices of one site. At most seventeen queries."""
    *selections, past = with_opening_hours(
        [_selection(devices, period), _past_selection(devices, period)], period.hours
    )
    plots = period.plot_bucket
    of_past, rows = _past(past, selections[0], period, label=label)
    (hours,) = engagement = _engagement(selections, plots, period.now, rows)
    episodes = _episodes(selections, [FACE, label], plots, engagement, rows)
    bucket = period.bucket_name
    buckets = regroup(hours, bucket, merge_engagement)
    (confidences,) = read_confidences(selections, label=label, bucket=bucket, engagement=[buckets])
    (spells,), (gestures,) = episodes[FACE], episodes[label]
    return PlotNumbers(period, label, hours, buckets, spells, gestures, confidences, of_past)


def read_totals(places: Sequence[tuple[Sequence[Device], Period]], *, label: str) -> list[Activity]:
    """Read each place's devices together over the whole period of the place. At most four queries for any number."""
    if not places:
        return []
    selections = [_selection(devices, period, single_bucket=True) for devices, period in places]
    selections = with_opening_hours(selections, places[0][1].hours)
    engagement = read_engagement(selections, bucket="hour", now=places[0][1].now)
    return [total for (total,) in _read_activity(selections, engagement, label, "hour")]


def read_hours_and_past(
    places: Sequence[tuple[Sequence[Device], Period]], *, label: str
) -> list[tuple[list[Activity], HourSeries]]:
    """Read the hours of each place's period, its devices together, and what comparisons of the period need: each
    device's hours of the period, the period before and the past.

    All periods must have the same `now` and `hours`. At most eight queries, whatever the number of places.
    """
    if not places:
        return []
    pairs = [pair for place in places for pair in (_selection(*place), _past_selection(*place))]
    selections = with_opening_hours(pairs, places[0][1].hours)
    now = places[0][1].now
    engagement = read_engagement(selections[::2], bucket="hour", now=now)
    activity = _read_activity(selections[::2], engagement, label, "hour")
    series = read_hour_series(selections[1::2], label=label, now=now)
    return list(zip(activity, series, strict=True))


def compare_with_previous(series: HourSeries, period: Period) -> dict[Measure, Comparison]:
    """Compare the period with the period before; `series` has the hours of both."""
    return compare_spans(series, (period.start, period.end), (period.previous_start, period.previous_end))


def judge(comparisons: Mapping[Measure, Comparison]) -> dict[Measure, Finding]:
    """Judge the comparisons of a page that is mainly about how many people came."""
    return tell(comparisons, primary={people_measure(comparisons)})


def _selection(devices: Sequence[Device], period: Period, *, single_bucket: bool = False) -> Selection:
    return Selection(devices, period.zone, period.start, period.end, single_bucket)


def _past_selection(devices: Sequence[Device], period: Period) -> Selection:
    return Selection(devices, period.zone, period.past_start, period.past_end)


MOST_CAMERA_DAYS = 4_000
"""A page compares the hours of so many days, summed over the cameras: two years of five cameras, in about a second."""


def _can_compare(devices: Sequence[Device], period: Period) -> bool:
    days = (period.past_end - period.past_start).days
    return days * len(devices) <= MOST_CAMERA_DAYS or days <= PAST_DAYS + WEEK


def _count_visits(selection: Selection, period: Period, followed: Mapping[int, dt.datetime]) -> int | None:
    """Return how many visits began in the period; None where no camera had followed people before its end."""
    if not any(first < period.end for first in followed.values()):
        return None
    return sum(visits_of([replace(selection, single_bucket=True)]))


def _past(
    selection: Selection, whole: Selection, period: Period, *, label: str
) -> tuple[PastNumbers, PackedRows | None]:
    """Return what weeks of hours tell, and the rows that were read for it; None where it was kept.

    The rows cover the whole period, too, so that nothing is read twice for a page that is made for the first time.
    """
    if not _can_compare(selection.devices, period):
        return NOTHING_PAST, None
    read: list[PackedRows] = []

    def make() -> PastNumbers:
        devices = sorted({device.pk for device in selection.devices})
        (edges,) = edges_of([whole], period.plot_bucket)
        start, end = selection.start, selection.end
        bounds = (edges.epoch_s[0], edges.epoch_s[-1]) if edges.epoch_s else (round(start.timestamp()),) * 2
        start, end = min(start, sql.utc(bounds[0])), max(end, sql.utc(bounds[1]))
        waiting = waiting_devices([selection])
        read.append(read_packed_rows(devices, {FACE, label}, start, end, period=bounds, waiting=waiting))
        return _past_numbers(selection, period, label, read[0])

    name = ("past", period.start.timestamp(), period.end.timestamp(), label)
    (key,) = keys_of(name, [selection], now=period.now)
    past = _with_causes(keep(key, make), selection.devices, period)
    return past, read[0] if read else None


def _with_causes(past: PastNumbers, devices: Sequence[Device], period: Period) -> PastNumbers:
    causes = read_causes(devices, [each.change.day for each in past.changes], period.zone)
    return replace(past, changes=[DatedChange(each.change, causes[each.change.day]) for each in past.changes])


def _past_numbers(selection: Selection, period: Period, label: str, rows: PackedRows) -> PastNumbers:
    (series,) = read_hour_series([selection], label=label, now=period.now, rows=rows)
    devices = selection.devices
    today = today_of(series, period.zone, now=period.now) if period.is_current and devices else None
    people = people_of(series)
    first = period.start.astimezone(period.zone).date()
    changes = [change for change in find_changes(series.measures()[people]) if first <= change.day <= period.last]
    alone = [DatedChange(change, ()) for change in changes]
    return PastNumbers(today, people, alone, judge(compare_with_previous(series, period)))


def _engagement(
    selections: Sequence[Selection], bucket: Bucket, now: dt.datetime, rows: PackedRows | None
) -> list[list[EngagementBucket]]:
    if rows is None:
        return read_engagement(selections, bucket=bucket, now=now)
    return engagement_of_rows(selections, rows, bucket=bucket, now=now)


def _episodes(
    selections: Sequence[Selection],
    labels: Sequence[str],
    bucket: Bucket,
    engagement: Sequence[list[EngagementBucket]],
    rows: PackedRows | None,
) -> dict[str, list[list[EpisodeBucket]]]:
    if rows is None:
        return read_episodes_by_label(selections, labels=labels, bucket=bucket, engagement=engagement)
    return episodes_of_rows(selections, rows, labels=labels, bucket=bucket, engagement=engagement)


def _read_activity(
    selections: Sequence[Selection],
    engagement: Sequence[list[EngagementBucket]],
    label: str,
    bucket: Bucket,
    rows: PackedRows | None = None,
) -> list[list[Activity]]:
    episodes = _episodes(selections, [FACE, label], bucket, engagement, rows)
    return [
        [Activity(*measures) for measures in zip(*series, strict=True)]
        for series in zip(engagement, episodes[FACE], episodes[label], strict=True)
    ]
