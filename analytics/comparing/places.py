"""Sites and devices beside each other over a period, each beside its own period before."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from analytics.numbers.measures import HOURS, Activity, add_up_engagement, merge_activity
from analytics.numbers.metrics import Metric, metrics
from analytics.numbers.period_numbers import read_hours_and_previous
from analytics.numbers.periods import Period
from analytics.plots.distributions import TypicalDay, typical_day_figure
from analytics.plots.layout import Figure
from analytics.plots.time_series import engagement_figure
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
    """The numbers of a place: its hours, its period and the period before."""

    subject: ComparedPlace
    hours: Sequence[Activity]
    total: Activity
    previous: Activity
    label: str

    @property
    def readings(self) -> list[Metric]:
        return metrics(self.total, self.previous, label=self.label)

    @property
    def average(self) -> float | None:
        return self.total.engagement.average_faces


def read_place_numbers(
    subjects: Sequence[ComparedPlace], period: Period, *, label: str, instant: bool = False
) -> list[PlaceNumbers]:
    """Each subject over the same days of its own clock, or (`instant`) over the same stretch of time of `period`'s.

    Three queries, however many subjects there are.
    """
    own = [period if instant else replace(period, zone=each.zone) for each in subjects]
    places = [(each.devices, mine) for each, mine in zip(subjects, own, strict=True)]
    return [
        PlaceNumbers(subject, hours, merge_activity(hours), before, label)
        for subject, (hours, before) in zip(subjects, read_hours_and_previous(places, label=label), strict=True)
    ]


def comparison_sentences(found: Sequence[PlaceNumbers]) -> list[str]:
    """For each subject a sentence: how it does beside its own past and beside the others."""
    return [_sentence(each, [other for other in found if other is not each]) for each in found]


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


def _sentence(each: PlaceNumbers, others: Sequence[PlaceNumbers]) -> str:
    if each.average is None:
        return f"{each.subject.name}: no camera was on that looks for faces, so there is nothing to compare."
    before = each.previous.engagement.average_faces
    past = (
        "nothing is known of the period before" if before is None else _than(each.average, before, "the period before")
    )
    beside = [_than(each.average, other.average, other.subject.name) for other in others if other.average is not None]
    return f"{each.subject.name}: {each.average:.2f} people on average, {'; '.join([past, *beside])}."


def _than(value: float, other: float, name: str) -> str:
    shown, before = f"{value:.2f}", f"{other:.2f}"
    if shown == before:
        return f"as many as {name}"
    change = f" ({(value - other) / other:+.0%})" if other else ""
    return f"{'more' if value > other else 'fewer'} than {name} with {before}{change}"
