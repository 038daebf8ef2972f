"""Sites and devices beside each other over a period, each beside its own period before."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from zoneinfo import ZoneInfo

from analytics.features.comparing.calibration import pair_of, read_calibrations
from analytics.numbers.measures import HOURS, Activity, add_up_engagement, merge_activity
from analytics.numbers.periods import Period
from analytics.plots.distributions import TypicalDay, typical_day_figure
from analytics.plots.layout import Figure
from analytics.plots.time_series import engagement_figure
from analytics.verdicts.findings import Finding, tell
from analytics.verdicts.hour_series import Measure
from analytics.verdicts.matched import Comparison, compare
from analytics.verdicts.metrics import Metric, metrics
from analytics.verdicts.period_numbers import compare_with_previous, read_hours_and_past
from analytics.verdicts.spans import average_side, count_visits
from devices.models import Device

MOST = 4
"""Places side by side; with more, neither lines nor columns can be told apart."""


@dataclass(frozen=True, slots=True)
class ComparedPlace:
    """A site with its devices, or one device."""

    name: str
    address: str
    """The address of the place's page."""
    devices: Sequence[Device]
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class PlaceNumbers:
    """The numbers of a place over its period, and how they compare. All findings of a page are made together."""

    subject: ComparedPlace
    period: Period
    hours: Sequence[Activity]
    total: Activity
    label: str
    visits: int | None
    """None where no camera followed people."""
    past: Mapping[Measure, Finding]
    """Beside the period before."""
    is_calibrated: bool
    """Whether all of its cameras have been compared with a count by eye, and that still holds."""
    others: Mapping[str, Finding]
    """The average beside that of each other place, by the name of the other place."""

    def readings(self, *, with_visits: bool) -> list[Metric]:
        """Return the metrics of the place, visits among them if any of the places knows them."""
        return metrics(self.total, self.past, label=self.label, visits=self.visits, with_visits=with_visits)

    @property
    def average(self) -> float | None:
        return self.total.engagement.average_faces

    @property
    def sentence(self) -> str:
        """One sentence: the place beside its own past and beside the other places."""
        name = self.subject.name
        if self.total.engagement.is_closed:
            return f"{name}: closed throughout by its opening hours, so there is nothing to compare."
        if self.average is None:
            return f"{name}: no camera was on that looks for faces, so there is nothing to compare."
        parts = [self.past[Measure.AVERAGE].text(self.period.previous_name)]
        parts += [finding.text(other) for other, finding in self.others.items()]
        told = f"{name}: {self.average:.2f} people on average; {'; '.join(parts)}."
        return " ".join([told, *self.past[Measure.AVERAGE].notes])


_Key = tuple[int, Measure] | tuple[int, int]
"""A place and a measure, beside the place's past; or two places, by their average."""


def read_place_numbers(
    subjects: Sequence[ComparedPlace], period: Period, *, label: str, instant: bool = False
) -> list[PlaceNumbers]:
    """Return the numbers of each subject over the days of the period, each by the subject's own clock.

    With `instant`, all subjects are read over one stretch of time instead: the period by its own time zone. This takes
    at most nine queries, however many subjects there are, and some more for each camera with ground truth.
    """
    own = [period if instant else replace(period, zone=each.zone) for each in subjects]
    places = [(each.devices, mine) for each, mine in zip(subjects, own, strict=True)]
    found = read_hours_and_past(places, label=label)
    hours, series = [each for each, _ in found], [each for _, each in found]
    comparisons: dict[_Key, Comparison] = {
        (number, measure): comparison
        for number, (past, mine) in enumerate(zip(series, own, strict=True))
        for measure, comparison in compare_with_previous(past, mine).items()
    }
    sides = [average_side(past, mine.start, mine.end) for past, mine in zip(series, own, strict=True)]
    pairs = combinations(range(len(subjects)), 2)
    calibrations = read_calibrations(
        [(each.devices, past, side.hours) for each, past, side in zip(subjects, series, sides, strict=True)]
    )
    comparisons |= {
        (one, other): compare(sides[one], sides[other], pair_of(calibrations[one], calibrations[other]))
        for one, other in pairs
    }
    findings = tell(comparisons, primary={key for key in comparisons if key[1] not in _NOT_IN_SENTENCES})
    return [
        PlaceNumbers(
            subject=subject,
            period=own[number],
            hours=hours[number],
            total=merge_activity(hours[number]),
            label=label,
            visits=count_visits(series[number], (own[number].start, own[number].end)),
            past={measure: findings[number, measure] for measure in Measure if (number, measure) in findings},
            is_calibrated=calibrations[number] is not None,
            others={
                other.name: findings[number, place] if number < place else findings[place, number].reversed
                for place, other in enumerate(subjects)
                if place != number
            },
        )
        for number, subject in enumerate(subjects)
    ]


_NOT_IN_SENTENCES = {measure for measure in Measure if measure is not Measure.AVERAGE}


def comparison_figures(found: Sequence[PlaceNumbers], *, now: dt.datetime) -> list[Figure]:
    """A figure of the hours of each, all on one scale."""
    top = max((row.engagement.average_faces or 0.0 for each in found for row in each.hours), default=0.0)
    return [engagement_figure([row.engagement for row in each.hours], now=now, min_top=top) for each in found]


def typical_day(found: Sequence[PlaceNumbers]) -> Figure:
    """The average of each hour of the local day, a line for each subject."""
    return typical_day_figure([TypicalDay(each.subject.name, _by_local_hour(each)) for each in found])


def _by_local_hour(each: PlaceNumbers) -> list[float | None]:
    local = [(row.engagement.start.astimezone(each.subject.zone).hour, row.engagement) for row in each.hours]
    return [add_up_engagement(camera for at, camera in local if at == hour).average_faces for hour in range(HOURS)]
