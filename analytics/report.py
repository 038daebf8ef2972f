"""What the pages of a site and of a device tell about a period: all numbers and figures, from a few reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from analytics import charts, figures, headlines, reads, strips
from analytics.axes import Figure, top_of
from analytics.comparing.places import hours_since, hours_until
from analytics.headlines import Row
from analytics.measures import ConfidenceBucket, week
from analytics.models import FACE, LabelQuarter
from analytics.overview import THUMBS_UP
from analytics.periods import Period
from devices.models import Device


@dataclass(frozen=True, slots=True)
class Report:
    """Some devices taken together over a period; `label` is the gesture or object that is told of."""

    period: Period
    label: str
    labels: list[str]
    """Those that were detected in the period, and `label`."""
    hours: list[Row]
    before: Row
    """The period before, up to the same time of day where the period is not over."""
    confidences: list[ConfidenceBucket]
    """By hour for a single day, else by day."""

    @property
    def whole(self) -> Row:
        return headlines.total(self.hours)

    @property
    def rows(self) -> list[Row]:
        """Hours of a single day, else days."""
        return self.hours if self.period.days == 1 else headlines.by_day(self.hours)

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
    """What these devices of one site saw in the period, and in the one before. Eight queries."""
    asked: Mapping[str, Any] = {"zone": period.zone, "start": period.previous_start, "end": period.end}
    rows = headlines.by_hour(
        reads.engagement(devices, **asked, bucket="hour", now=period.now),
        reads.episodes(devices, **asked, bucket="hour", label=FACE),
        reads.episodes(devices, **asked, bucket="hour", label=label),
    )
    return Report(
        period=period,
        label=label,
        labels=sorted({*_labels(devices, period), label}),
        hours=hours_since(rows, period.start),
        before=headlines.total(hours_until(rows, period.previous_end)),
        confidences=reads.confidences(
            devices,
            zone=period.zone,
            start=period.start,
            end=period.end,
            bucket="hour" if period.days == 1 else "day",
            label=label,
        ),
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
