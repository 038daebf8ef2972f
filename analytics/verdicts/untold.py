"""Why a day or a week has no usual range, in a sentence, and from which day on there will be one. Pure.

A usual range is made from earlier weeks with the same setup. So it begins anew when a camera, a model or a setting that
decides how well the camera counts is changed, unless somebody counted by eye with both setups.
"""

import datetime as dt

import numpy as np

from analytics.numbers.measures import WEEKDAYS
from analytics.numbers.periods import PAST_DAYS
from analytics.verdicts.hour_series import HourSeries, people_with_latest_setups
from analytics.verdicts.matched import FEWEST_SHARE, FEWEST_WEEKS, Booleans

HORIZON = (FEWEST_WEEKS + 2) * WEEKDAYS
"""Of cameras that stay on, every open day has a usual range within so many days."""


def explain_day(series: HourSeries, day: dt.date) -> str:
    """Return why the hours of this day, the last one with hours that are over, have no usual range.

    `series` has the `PAST_DAYS` that `usual_people` has found nothing in.
    """
    known = ~np.isnan(people_with_latest_setups(series)[1].rates)
    place = (day - series.first_day).days
    if not known[:, place].any():
        return "No hour of the day is over yet in which a camera was on."
    if _weeks_seen(known, place) >= FEWEST_WEEKS:
        return "Too few people come in these hours to tell what is usual."
    needed = "It takes six earlier weeks with the same camera and settings that saw these hours."
    is_open = series.planned.sum(axis=(0, 2)) > 0
    ahead = _days_ahead(known, is_open, place)
    if ahead is None:
        return needed
    return f"{needed} If the cameras stay on, there is a usual range from {_name(day + dt.timedelta(days=ahead))} on."


def explain_span(series: HourSeries, first: int, days: int) -> str:
    """Return why the days from the one with this index on, a week or a month, have no usual range.

    `series` has the spans before them that `usual_span` has found nothing in.
    """
    known = ~np.isnan(people_with_latest_setups(series)[1].rates)
    step = days // WEEKDAYS * WEEKDAYS
    own = known[:, first : first + step]
    earlier = [known[:, start : start + step] & own for start in range(first % step, first, step)]
    seen = [bool(each.any()) and each.sum() >= FEWEST_SHARE * own.sum() for each in earlier]
    if sum(seen) >= FEWEST_WEEKS:
        return "Too few people come in these hours to tell what is usual."
    spans = "weeks" if step == WEEKDAYS else "spans of four weeks"
    needed = f"It takes six earlier {spans} with the same camera and settings that saw the same hours."
    # Only an unbroken run of spans, with this one at its end, will still count when there are six.
    run = next((number for number, was_seen in enumerate(reversed(seen)) if not was_seen), len(seen))
    is_open = series.planned[:, first : first + step] > 0
    if not own.sum() >= FEWEST_SHARE * is_open.sum():
        run = -1
    since = series.first_day + dt.timedelta(days=first + (FEWEST_WEEKS - run) * step)
    if step == WEEKDAYS:
        told = f"weeks from {_name(since)} on"
    else:
        told = f"months from {(since - dt.timedelta(days=1)).replace(day=1) + dt.timedelta(days=31):%B %Y} on"
    return f"{needed} If the cameras stay on, this can be told of {told}."


def _weeks_seen(known: Booleans, place: int) -> int:
    """Return how many earlier days of the same weekday saw enough of the day's hours, as `usual_range` counts them."""
    past = known[:, place % WEEKDAYS : place : WEEKDAYS]
    both = known[:, place] & past.any(axis=1)
    seen = (past & both[:, None]).sum(axis=(0, 2))
    return int((seen >= FEWEST_SHARE * both.sum()).sum()) if both.any() else 0


def _days_ahead(known: Booleans, is_open: Booleans, today: int) -> int | None:
    """Return in how many days, at least one, all open days will have a usual range; None of a place never open.

    All cameras are taken to be on from `today` on, on the weekdays on which the place is open.
    """
    weekdays = np.array([is_open[weekday::WEEKDAYS].any() for weekday in range(WEEKDAYS)])
    if not weekdays.any():
        return None
    seen = np.resize(weekdays, today + HORIZON + WEEKDAYS)
    for weekday in range(WEEKDAYS):
        days = known[:, weekday:today:WEEKDAYS]
        cells = int(days.any(axis=1).sum())
        seen[weekday:today:WEEKDAYS] = days.sum(axis=(0, 2)) >= max(1.0, FEWEST_SHARE * cells)
    weeks = [range(day - WEEKDAYS, max(-1, day - PAST_DAYS), -WEEKDAYS) for day in range(seen.size)]
    has_range = np.array([sum(bool(seen[each]) for each in earlier) >= FEWEST_WEEKS for earlier in weeks])
    fine = has_range | ~np.resize(weekdays, seen.size)
    return next((ahead for ahead in range(1, HORIZON) if fine[today + ahead : today + ahead + WEEKDAYS].all()), None)


def _name(day: dt.date) -> str:
    return f"{day:%a} {day.day} {day:%b}"
