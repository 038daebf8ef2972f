"""What the pages of a site and of a device tell about a period: all numbers, and the first plot drawn plainly.

Their other plots are in `analytics/pages/plot_groups.py`; the browser asks for these once the page is there.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from analytics.numbers import readings, reads
from analytics.numbers.measures import CountBucket, EngagementBucket
from analytics.numbers.periods import Period
from analytics.numbers.readings import Row
from analytics.numbers.rows import bucket_of, rows_and_before
from analytics.numbers.selections import Asked
from analytics.plots import sparklines, time_series
from analytics.plots.layout import top_of
from devices.models import Device
from edge_agent.vision.gestures import THUMBS_UP


@dataclass(frozen=True, slots=True)
class TableRow:
    """An hour or a day in words, for a template that would take long to find them by itself."""

    name: str
    date: dt.date
    cells: list[str] | None
    """As `headlines.cells`; None where the camera was off."""


@dataclass(frozen=True, slots=True)
class Report:
    """Some devices taken together over a period; `label` is the gesture or object that is told of."""

    period: Period
    label: str
    labels: list[str]
    """Those that were detected in the period, and `label`."""
    hours: list[EngagementBucket]
    """What the cameras saw."""
    rows: list[Row]
    """The hours of a single day, else days."""
    whole: Row
    before: Row
    """The period before, up to the same time of day where the period is not over."""
    raw: list[CountBucket]
    """The label's detections in single frames, of each row."""

    @property
    def readings(self) -> list[readings.Reading]:
        return readings.readings(self.whole, self.before, label=self.label)

    @property
    def table(self) -> list[TableRow]:
        """The rows that have begun, in words."""
        both = zip(self.rows, self.raw, strict=True)
        return [_table_row(row, raw, self.period) for row, raw in both if row.camera.minutes]

    @property
    def detections(self) -> int:
        return sum(each.count for each in self.raw)

    @property
    def sentence(self) -> str:
        return time_series.sentence(self.hours)

    @property
    def drawing(self) -> sparklines.Strip:
        """The engagement as a plain drawing, to be seen until a script has drawn the figure, or without one."""
        highest = max((camera.average_faces or 0.0 for camera in self.hours), default=0.0)
        return sparklines.strip(self.hours, now=self.period.now, top=top_of(highest))

    @property
    def is_uncounted(self) -> bool:
        """Whether a camera was on for an hour without looking for faces."""
        return time_series.Showing.UNCOUNTED in map(time_series.showing, self.hours)


def report(devices: Sequence[Device], period: Period, *, label: str = THUMBS_UP) -> Report:
    """What these devices of one site saw in the period, and in the one before. Three queries."""
    hours, rows, before = rows_and_before(devices, period, label=label)
    asked = [Asked(devices, period.zone, period.start, period.end)]
    camera = [[row.camera for row in rows]]
    (raw,), labels = reads.counts_with_labels(asked, bucket=bucket_of(period), label=label, camera=camera)
    return Report(
        period=period,
        label=label,
        labels=sorted({*labels, label}),
        hours=hours,
        rows=rows,
        whole=readings.total(rows),
        before=before,
        raw=raw,
    )


def _table_row(row: Row, raw: CountBucket, period: Period) -> TableRow:
    start = row.camera.start
    name = time_series.day_name(start) if period.days > 1 else f"{time_series.day_name(start)}, {start:%H:%M %Z}"
    cells = readings.cells(row, raw) if row.camera.minutes_seen else None
    return TableRow(name, start.date(), cells)
