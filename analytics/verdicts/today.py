"""A place's day under way: how many came in each hour, the band of each hour, and what is still to come. Pure."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.numbers.intervals import Interval
from analytics.numbers.measures import HOURS, WEEKDAYS
from analytics.numbers.periods import PAST_DAYS
from analytics.verdicts.expected import Forecast, forecast_day, forecast_week, usual_hours
from analytics.verdicts.hour_series import MEASURE_NAMES, HourSeries, Measure, people_with_latest_setups
from analytics.verdicts.matched import Side, UsualRange, usual_range
from analytics.verdicts.untold import explain_day

HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TodayHour:
    """A local hour of today."""

    start: dt.datetime
    """Local."""
    is_open: bool
    came: float | None
    """How many came, for a whole hour of all cameras that saw it; None if the hour is not over or was not seen.

    Counts by eye make an hour before a change of a setup what the present setup would have found."""
    band: Interval | None
    """Holds 80 of 100 such hours; None where it is too early to tell."""


@dataclass(frozen=True, slots=True)
class Today:
    """A day under way beside what was to be expected of it."""

    measure: Measure
    """How many people came is told by visits, or by occupied spells."""
    usual: UsualRange | None
    """Of the hours that are over."""
    hours: Sequence[TodayHour]
    day: Forecast | None
    week: Forecast | None
    """The calendar week, Monday to Sunday."""
    untold: str
    """Why there is no usual range, in a sentence, and from which day on there will be one; "" where there is one."""

    @property
    def people(self) -> str:
        """The measure in words."""
        return MEASURE_NAMES[self.measure]

    @property
    def is_early(self) -> bool:
        """Whether it is too early to tell the band of any hour."""
        return all(hour.band is None for hour in self.hours)

    @property
    def sentences(self) -> list[str]:
        """The forecasts in words, each with how often such a forecast held."""
        found = []
        for name, forecast, unit in (
            ("by the end of today", self.day, "days"),
            ("by the end of Sunday", self.week, "weeks"),
        ):
            if forecast is not None:
                low, middle, high = (
                    f"{each:,.0f}" for each in (forecast.band.low, forecast.expected, forecast.band.high)
                )
                held = f"; such a forecast held in {forecast.held} of the last {forecast.tried} {unit}"
                found.append(
                    f"{middle} {self.people} are to be expected {name} ({low} to {high}){held * bool(forecast.tried)}."
                )
        return found


def today_of(series: HourSeries, zone: dt.tzinfo, *, now: dt.datetime) -> Today:
    """Return the day under way of the place whose hours these are.

    The past are the `PAST_DAYS` before it, also where more was read: so a day is as usual on the page of a year as on
    every other page.
    """
    date = now.astimezone(zone).date()
    series = series.since(date - dt.timedelta(days=PAST_DAYS - 1))
    day = (date - series.first_day).days
    midnight = dt.datetime.combine(date, dt.time(), zone)
    people, measure = people_with_latest_setups(series)
    earlier = dt.datetime.fromtimestamp(0, dt.UTC)
    usual = usual_range(Side(measure, series.between(midnight, now)), series.between(earlier, midnight))
    rates, corrected = measure.rates, measure.corrected
    planned = series.planned.sum(axis=0) > 0
    over = series.starts + HOUR.total_seconds() <= now.timestamp()
    bands = usual_hours(rates, day, corrected)
    known = ~np.isnan(rates[:, day])
    came = np.where(known.any(axis=0), np.where(known, rates[:, day], 0.0).sum(axis=0), np.nan)
    hours = [
        TodayHour(
            start=dt.datetime.fromtimestamp(series.starts[day, hour], zone),
            is_open=bool(planned[day, hour]),
            came=None if np.isnan(came[hour]) else float(came[hour]),
            band=bands[hour] if planned[day, hour] else None,
        )
        for hour in range(HOURS)
        if not np.isnan(series.starts[day, hour])
    ]
    monday = day - date.weekday()
    week = slice(monday, monday + WEEKDAYS)
    return Today(
        people,
        usual,
        hours,
        forecast_day(rates, day, over[day], planned[day] & ~over[day], corrected),
        forecast_week(rates, monday, over[week], planned[week] & ~over[week], corrected) if monday >= 0 else None,
        untold="" if usual else explain_day(series, date),
    )
