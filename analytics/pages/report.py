"""The text of the page of a site or device, and its first plot as a drawing that needs no script. Pure.

The other plots are in `analytics/plots/period_figures.py`; the browser requests them once it has the page.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.numbers.measures import Activity, BucketState, CountBucket
from analytics.plots import texts
from analytics.plots.layout import scale_end
from analytics.plots.sparklines import Sparkline, sparkline
from analytics.verdicts.findings import judge_day
from analytics.verdicts.hour_series import MEASURE_NAMES
from analytics.verdicts.metrics import Metric, metrics, table_cells
from analytics.verdicts.period_numbers import TextNumbers


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of the table: an hour or a day in words."""

    name: str
    date: dt.date
    cells: list[str] | None
    """What `table_cells` returns; None where the camera was off or the place closed."""
    without_cells: str = ""
    """What the row says then."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the page says about some devices, taken together over a period."""

    numbers: TextNumbers

    @property
    def label(self) -> str:
        """The label of the gestures and detections."""
        return self.numbers.label

    @property
    def total(self) -> Activity:
        """The whole period."""
        return self.numbers.total

    @property
    def metrics(self) -> list[Metric]:
        """The metrics of the period, compared with the period before."""
        return metrics(self.total, self.numbers.past.findings, label=self.label, visits=self.numbers.visits)

    @property
    def today(self) -> str | None:
        """Whether today is normal so far, in a sentence; None if the period does not end today or nothing was seen."""
        period, found = self.numbers.period, self.numbers.past.today
        midnight = period.midnight
        if found is None or not any(hour.minutes_seen for hour in self.numbers.hours if hour.start >= midnight):
            return None
        usual = found.usual
        if usual is None:
            return f"Today so far: {judge_day(usual)}. {found.untold}"
        low, high, middle = (f"{value:,.0f}" for value in (usual.band.low, usual.band.high, usual.median))
        return (
            f"Today so far: {judge_day(usual)}. {usual.value:,.0f} {found.people} in the hours that were seen; on a "
            f"{period.today:%A} usually {low} to {high}, the middle is {middle}.{usual.note}"
        )

    @property
    def notes(self) -> Sequence[str]:
        """Sentences on cameras and settings that were changed in the periods that are compared."""
        return next((finding.notes for finding in self.numbers.past.findings.values()), ())

    @property
    def changes(self) -> list[str]:
        """The changes of level within the period in sentences, each with what was done around the day."""
        return [
            texts.describe_change(each, MEASURE_NAMES[self.numbers.past.people]) for each in self.numbers.past.changes
        ]

    @property
    def table(self) -> list[TableRow]:
        """A row for each hour or day that has begun."""
        buckets = zip(self.numbers.buckets, self.numbers.counts, strict=True)
        is_hourly, now = self.numbers.period.is_hourly, self.numbers.period.now
        return [_table_row(*bucket, is_hourly=is_hourly) for bucket in buckets if bucket[0].engagement.start < now]

    @property
    def detections(self) -> int:
        """The number of the label's detections in single frames."""
        return sum(each.count for each in self.numbers.counts)

    @property
    def summary(self) -> str:
        """The engagement plot in words."""
        return texts.summarise(self.numbers.hours, self.numbers.period.plot_bucket)

    @property
    def sparkline(self) -> Sparkline:
        """The engagement plot as a drawing, for the time until a script has drawn the figure, or without a script."""
        hours = self.numbers.hours
        highest = max((hour.average_faces or 0.0 for hour in hours), default=0.0)
        return sparkline(hours, now=self.numbers.period.now, top=scale_end(highest))

    @property
    def is_uncounted(self) -> bool:
        """Whether in some hour only cameras were on that do not count faces."""
        return any(hour.state is BucketState.UNCOUNTED for hour in self.numbers.hours)


def _table_row(activity: Activity, counts: CountBucket, *, is_hourly: bool) -> TableRow:
    start = activity.engagement.start
    name = f"{texts.format_date(start)}, {start:%H:%M %Z}" if is_hourly else texts.format_bucket(activity.engagement)
    cells = table_cells(activity, counts) if activity.engagement.minutes_seen else None
    return TableRow(name, start.date(), cells, "closed" if activity.engagement.is_closed else "camera off")
