"""What the pages of a site and of a device tell about a period: all numbers and figures, from a few reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from analytics import charts, figures, headlines, reads, strips
from analytics.axes import Figure, top_of
from analytics.buckets import Bucket
from analytics.headlines import Row
from analytics.measures import ConfidenceBucket, week
from analytics.models import FACE, LabelQuarter
from analytics.overview import THUMBS_UP
from analytics.periods import Period
from analytics.rows import hours_and_before
from devices.models import Device


@dataclass(frozen=True, slots=True)
class Report:
    """Some devices taken together over a period; `label` is the gesture or object that is told of."""

    period: Period
    label: str
    labels: list[str]
    """Those that were detected in the period, and `label`."""
    hours: list[Row]
    rows: list[Row]
    """The hours of a single day, else days."""
    whole: Row
    before: Row
    """The period before, up to the same time of day where the period is not over."""
    confidences: list[ConfidenceBucket]
    """By hour for a single day, else by day."""

    @property
    def readings(self) -> list[headlines.Reading]:
        return headlines.readings(self.whole, self.before, label=self.label)

    @property
    def table(self) -> list[tuple[Row, reads.CountBucket]]:
        """Each row with its raw detections."""
        return [(row, each.at_least(0)) for row, each in zip(self.rows, self.confidences, strict=True)]

    @property
    def detections(self) -> int:
        return sum(sum(each.bins) for each in self.confidences)

    @property
    def sentence(self) -> str:
        return charts.sentence([row.camera for row in self.hours])

    @property
    def drawing(self) -> strips.Strip:
        """The engagement as a plain drawing, to be seen until a script has drawn the figure, or without one."""
        cameras = [row.camera for row in self.hours]
        highest = max((camera.average_faces or 0.0 for camera in cameras), default=0.0)
        return strips.strip(cameras, now=self.period.now, top=top_of(highest))

    @property
    def is_uncounted(self) -> bool:
        """Whether a camera was on for an hour without looking for faces."""
        return charts.Showing.UNCOUNTED in (charts.showing(row.camera) for row in self.hours)


def report(devices: Sequence[Device], period: Period, *, label: str = THUMBS_UP) -> Report:
    """What these devices of one site saw in the period, and in the one before. Five queries."""
    ((hours, before),) = hours_and_before([(devices, period)], label=label)
    rows = hours if period.days == 1 else headlines.by_day(hours)
    bucket: Bucket = "hour" if period.days == 1 else "day"
    asked = reads.Asked(devices, period.zone, period.start, period.end)
    camera = [[row.camera for row in rows]]
    (confidences,) = reads.confidences_each([asked], bucket=bucket, label=label, camera=camera)
    return Report(
        period=period,
        label=label,
        labels=sorted({*_labels(devices, period), label}),
        hours=hours,
        rows=rows,
        whole=headlines.total(rows),
        before=before,
        confidences=confidences,
    )


def figures_of(told: Report) -> dict[str, Figure]:
    """The figures of a report, by the ids that the page gives them."""
    now, hours, rows = told.period.now, told.hours, told.rows
    cameras, days = [row.camera for row in hours], [row.camera for row in rows]
    raw = [each.at_least(0) for each in told.confidences]
    found = {
        "engagement-figure": charts.engagement_figure(cameras, now=now),
        "week-figure": figures.week_figure(week(cameras, [row.visits for row in hours])),
        "visits-figure": figures.episodes_figure([row.visits for row in rows], days, now=now, what="visits"),
        "coverage-figure": figures.coverage_figure(days, now=now),
        "hourly-figure": figures.episodes_figure(
            [row.gestures for row in hours], cameras, now=now, what=f"times {told.label}"
        ),
        "raw-figure": charts.count_figure(raw, days, now=now),
        "histogram-figure": figures.histogram_figure(told.confidences),
    }
    if told.period.days > 1:
        found["daily-figure"] = figures.episodes_figure(
            [row.gestures for row in rows], days, now=now, what=f"times {told.label}"
        )
    return found


def threshold_data(told: Report) -> list[dict[str, Any]]:
    """What the browser needs to count again with another threshold: every bucket's detections by confidence."""
    return [
        {
            "name": charts.span(each),
            "bins": each.bins,
            "millionths": each.confidence_millionths,
            "known": each.is_known,
            "at": charts.ms(each.start),
        }
        for each in told.confidences
    ]


def _labels(devices: Sequence[Device], period: Period) -> "QuerySet[LabelQuarter, str]":
    tallies = LabelQuarter.objects.filter(device__in=devices, start__gte=period.start, start__lt=period.end)
    return tallies.exclude(label=FACE).order_by().values_list("label", flat=True).distinct()
