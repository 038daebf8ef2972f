"""Everything that the pages of a site and a device show of a period, each page with the same few queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analytics.models import FACE
from analytics.numbers.buckets import Bucket
from analytics.numbers.findings import Finding, tell
from analytics.numbers.hour_series import (
    HourSeries,
    Measure,
    compare_spans,
    count_visits,
    people_measure,
    read_hour_series,
    usual_people,
)
from analytics.numbers.matched import Comparison, UsualRange
from analytics.numbers.measures import (
    Activity,
    ConfidenceBucket,
    CountBucket,
    EngagementBucket,
    EpisodeBucket,
    engagement_by_day,
    episodes_by_day,
    merge_activity,
)
from analytics.numbers.opening import with_opening_hours
from analytics.numbers.periods import Period
from analytics.numbers.reads import (
    Selection,
    read_confidences,
    read_counts_and_labels,
    read_engagement,
    read_episodes_by_label,
)
from devices.models import Device


@dataclass(frozen=True, slots=True)
class TextNumbers:
    """The numbers in the text of a page: some devices taken together over a period."""

    period: Period
    label: str
    """The label of `gestures` and `counts`."""
    labels: list[str]
    """All labels but `FACE` that were detected in the period, and `label`; sorted."""
    hours: list[EngagementBucket]
    buckets: list[Activity]
    """Hours if the period is a single day, days if it is longer."""
    counts: list[CountBucket]
    """The label's detections in single frames, for each of `buckets`."""
    total: Activity
    findings: Mapping[Measure, Finding]
    """How the period compares with the period before, over the hours of the week that both saw."""
    visits: int | None
    """The visits of the period; None where no camera followed people."""
    people: Measure
    """The measure of `usual`: visits, or occupied spells."""
    usual: UsualRange | None
    """How many people usually came in today's hours so far; None if it is not about today, or too early to tell."""


@dataclass(frozen=True, slots=True)
class PlotNumbers:
    """The numbers in the plots of a page: some devices taken together over a period."""

    period: Period
    label: str
    """The label of `gestures` and `confidences`."""
    hours: list[EngagementBucket]
    spells: list[EpisodeBucket]
    """For each of `hours`, as `gestures` is."""
    gestures: list[EpisodeBucket]
    confidences: list[ConfidenceBucket]
    """One entry for each hour of a single day, or for each day of a longer period."""

    @property
    def buckets(self) -> list[EngagementBucket]:
        """Hours if the period is a single day, days if it is longer."""
        return self.hours if self.period.days == 1 else engagement_by_day(self.hours)

    def in_buckets(self, hours: list[EpisodeBucket]) -> list[EpisodeBucket]:
        """Return `spells` or `gestures` for each of `buckets`."""
        return hours if self.period.days == 1 else episodes_by_day(hours)


def read_text_numbers(devices: Sequence[Device], period: Period, *, label: str) -> TextNumbers:
    """Read the numbers in the text of a page about these devices of one site. At most eight queries."""
    *selections, past = with_opening_hours(
        [_selection(devices, period), _past_selection(devices, period)], period.hours
    )
    (hours,) = read_engagement(selections, bucket="hour", now=period.now)
    engagement = hours if period.days == 1 else engagement_by_day(hours)
    bucket = bucket_of(period)
    (buckets,) = _read_activity(selections, [engagement], label, bucket)
    (counts,), labels = read_counts_and_labels(selections, label=label, bucket=bucket, engagement=[engagement])
    (series,) = read_hour_series([past], label=label, now=period.now)
    people, usual = (
        usual_people(series, day=period.midnight, now=period.now) if period.is_current else (Measure.SPELLS, None)
    )
    return TextNumbers(
        period=period,
        label=label,
        labels=sorted({*labels, label}),
        hours=hours,
        buckets=buckets,
        counts=counts,
        total=merge_activity(buckets),
        findings=judge(compare_with_previous(series, period)),
        visits=count_visits(series, (period.start, period.end)),
        people=people,
        usual=usual,
    )


def read_plot_numbers(devices: Sequence[Device], period: Period, *, label: str) -> PlotNumbers:
    """Read the numbers in the plots of a page about these devices of one site. At most five queries."""
    selections = with_opening_hours([_selection(devices, period)], period.hours)
    (hours,) = engagement = read_engagement(selections, bucket="hour", now=period.now)
    episodes = read_episodes_by_label(selections, labels=[FACE, label], bucket="hour", engagement=engagement)
    buckets = [hours if period.days == 1 else engagement_by_day(hours)]
    (confidences,) = read_confidences(selections, label=label, bucket=bucket_of(period), engagement=buckets)
    (spells,), (gestures,) = episodes[FACE], episodes[label]
    return PlotNumbers(period, label, hours, spells, gestures, confidences)


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

    All periods must have the same `now` and `hours`. At most seven queries, whatever the number of places.
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


def bucket_of(period: Period) -> Bucket:
    """Return "hour" for a single day, else "day"."""
    return "hour" if period.days == 1 else "day"


def _selection(devices: Sequence[Device], period: Period, *, single_bucket: bool = False) -> Selection:
    return Selection(devices, period.zone, period.start, period.end, single_bucket)


def _past_selection(devices: Sequence[Device], period: Period) -> Selection:
    return Selection(devices, period.zone, period.past_start, period.end)


def _read_activity(
    selections: Sequence[Selection], engagement: Sequence[list[EngagementBucket]], label: str, bucket: Bucket
) -> list[list[Activity]]:
    episodes = read_episodes_by_label(selections, labels=[FACE, label], bucket=bucket, engagement=engagement)
    return [
        [Activity(*measures) for measures in zip(*series, strict=True)]
        for series in zip(engagement, episodes[FACE], episodes[label], strict=True)
    ]
