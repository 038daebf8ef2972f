"""A simulated camera for the verdicts: what it saw over some weeks of people, outages and nights."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.verdicts.hour_series import HourSeries
from benchmarks.data.street_counts import Street

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

WEEKS = 9
FIRST = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
"""A Monday."""

WEEK = dt.timedelta(weeks=1)
GROUP = 0.8
"""The parameter of James's distribution: groups have 1.45 people on average."""

DWELL_S, DWELL_SPREAD = 28.0, 0.8
"""The median and spread of a log-normal dwell, as in the demo."""

GESTURES = 0.05
"""The share of the people who hold up a thumb."""

NIGHT = np.isin(np.arange(24), [22, 23, 0, 1, 2, 3, 4, 5, 6])


@dataclass(frozen=True)
class Truth:
    """What a simulated camera saw, and the true ratio of its last week to the week before."""

    series: HourSeries
    ratio: float


def street(known: list[Street], random: np.random.Generator) -> Street:
    return known[int(random.integers(len(known)))]


def simulate(
    place: Street,
    random: np.random.Generator,
    *,
    weeks: int,
    people: float,
    lift: float = 1.0,
    lift_from: int | None = None,
    missing: float = 0.0,
    fails: bool = True,
) -> Truth:
    """Return what a camera at this place saw: `people` a day, and `lift` times as many from a day on.

    Without `lift_from` that is the last week.
    """
    levels = [
        random.normal(-sd * sd / 2, sd, (weeks, count, 1)) for sd, count in ((place.week_sd, 1), (place.day_sd, 7))
    ]
    hours = place.profile * np.exp(random.normal(0, place.hour_sd, (weeks, 7, 24)))
    # The noise of hours moves people within their day: that of days was learned from whole days.
    hours *= place.profile.sum(axis=1)[:, None] / hours.sum(axis=2, keepdims=True)
    expected = 7 * people * hours * np.exp(levels[0] + levels[1])
    expected.reshape(-1, 24)[7 * (weeks - 1) if lift_from is None else lift_from :] *= lift
    groups = random.poisson(expected * (1 - np.exp(-GROUP)) / GROUP)
    on = np.ones(expected.shape, bool) if not fails else ~outages(weeks, random)
    if missing:
        on &= random.random(expected.shape) >= missing
    counts = company(groups, random).astype(float)
    return Truth(as_series(counts, on, random, groups), lift)


def outages(weeks: int, random: np.random.Generator) -> Booleans:
    """Return when the camera is off: two failures a week on average, and in every other week at night."""
    off = np.zeros(weeks * 168, bool)
    for _ in range(int(random.poisson(2 * weeks))):
        start = int(random.integers(len(off)))
        off[start : start + int(random.exponential(10)) + 1] = True
    found = off.reshape(weeks, 7, 24)
    found[random.random(weeks) < 0.5] |= NIGHT
    return found


def company(groups: npt.NDArray[np.int64], random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return how many people these numbers of groups have."""
    sizes = np.arange(1, 9)
    shares = GROUP**sizes / np.cumprod(sizes)
    people = random.choice(sizes, int(groups.sum()), p=shares / shares.sum())
    ends = np.concatenate([[0], np.cumsum(people)])
    last = np.cumsum(groups.ravel())
    found: npt.NDArray[np.int64] = ends[last] - ends[last - groups.ravel()]
    return found.reshape(groups.shape)


def as_series(
    people: Floats,
    on: Booleans,
    random: np.random.Generator | None = None,
    groups: npt.NDArray[np.int64] | None = None,
) -> HourSeries:
    """Return the hours as the platform reads them from its tallies: [week, day, hour] becomes one camera's days."""
    random = random or np.random.default_rng(0)
    parties = people if groups is None else groups
    spread = np.exp(DWELL_SPREAD**2) - 1
    mean = DWELL_S * np.exp(DWELL_SPREAD**2 / 2)
    seconds = random.gamma(np.maximum(people, 1e-9) / spread, spread * mean)
    occupied = random.binomial(60, 1 - np.exp(-parties * (1 + mean / 60) / 60))
    days = on.size // 24
    seen: Floats = 60.0 * on.reshape(1, days, 24).astype(float)
    start: Floats = FIRST.timestamp() + 3600.0 * np.arange(on.size, dtype=float).reshape(days, 24)

    def of_camera(values: npt.NDArray[Any]) -> Floats:
        return values.reshape(1, days, 24).astype(float) * (seen > 0)

    return HourSeries(
        first_day=FIRST.date(),
        starts=start,
        minutes=np.full((1, days, 24), 60.0),
        frames=seen * 120,
        faces=of_camera(seconds * 2),
        seen=seen,
        told=seen,
        occupied=of_camera(np.asarray(occupied)),
        spells=of_camera(people),
        gestures=of_camera(random.binomial(people.astype(int), GESTURES)),
        visits=of_camera(people),
        followed=seen,
        planned=np.full((1, days, 24), 60.0),
    )
