"""Whether bands of hours and forecasts hold what came."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from analytics.verdicts.expected import Forecast, forecast_day, forecast_week, usual_hours
from analytics.verdicts.matched import Booleans, Floats, HourlyMeasure

FEW = 5
"""The number of people in an hour is whole: where few are expected, a band cannot hold 80 % of hours."""


@dataclass
class Held:
    """Whether bands of fresh hours, and forecasts of days and weeks, have held."""

    hours: list[bool] = field(default_factory=list)
    few: list[bool] = field(default_factory=list)
    """Hours where fewer than `FEW` are to be expected at most."""
    days: list[bool] = field(default_factory=list)
    weeks: list[bool] = field(default_factory=list)
    early: int = 0

    def add(self, measure: HourlyMeasure, weeks: int, random: np.random.Generator) -> None:
        """Judge a random day of the last of these weeks, and this week up to an hour of the day."""
        rates, corrected, monday = measure.rates, measure.corrected, 7 * (weeks - 1)
        day = monday + int(random.integers(7))
        bands = usual_hours(rates, day, corrected)
        self.early += all(band is None for band in bands)
        for came, band in zip(rates[0, day], bands, strict=True):
            if band is not None and not np.isnan(came):
                (self.hours if band.high >= FEW else self.few).append(band.low <= came <= band.high)
        over = np.arange(24) < int(random.integers(9, 19))
        made = forecast_day(seen_until(rates, day, over), day, over, ~over, corrected)
        self.days += known_only([whole_is_in(made, rates, day, over[None])])
        past = np.arange(7)[:, None] * 24 + np.arange(24) < (day - monday) * 24 + over.sum()
        made = forecast_week(seen_until(rates, monday, past), monday, past, ~past, corrected)
        self.weeks += known_only([whole_is_in(made, rates, monday, past)])


def seen_until(rates: Floats, unit: int, over: Booleans) -> Floats:
    """Return the rates without what is still to come of the unit that begins on this day."""
    found = rates.copy()
    part = found[:, unit : unit + np.atleast_2d(over).shape[0]]
    part[:, ~np.atleast_2d(over)] = np.nan
    found[:, unit + np.atleast_2d(over).shape[0] :] = np.nan
    return found


def whole_is_in(made: Forecast | None, rates: Floats, unit: int, over: Booleans) -> bool | None:
    """Tell whether what came is within the forecast; None where the camera missed an hour that was forecast."""
    to_come = rates[0, unit : unit + over.shape[0]][~over]
    if made is None or np.isnan(to_come).any():
        return None
    return bool(made.band.low <= made.so_far + to_come.sum() <= made.band.high)


def known_only(values: Sequence[bool | None]) -> list[bool]:
    return [value for value in values if value is not None]
