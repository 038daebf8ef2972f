"""Whether a site's day is normal, how yesterday was, and how the week was: the sentences of the first screen.

They are made from nine weeks of hours. So `analytics.numbers.kept` keeps them, and one request reads the weeks of
`MOST_CAMERAS` cameras at most. Sites beyond that get theirs from the next requests, which an open page sends itself.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from analytics.models import FACE
from analytics.numbers import kept
from analytics.numbers.buckets import day_start
from analytics.numbers.periods import PAST_DAYS, WEEK
from analytics.numbers.reads import Selection
from analytics.verdicts.findings import Finding, judge_day, tell
from analytics.verdicts.hour_series import (
    MEASURE_NAMES,
    HourSeries,
    Measure,
    people_measure,
    read_hour_series,
    usual_people,
)
from analytics.verdicts.matched import Comparison, UsualRange
from analytics.verdicts.opening import with_opening_hours
from analytics.verdicts.spans import Span, compare_spans
from analytics.verdicts.today import today_of
from devices.models import Device, Site

MOST_CAMERAS = 100
"""Nine weeks of so many cameras are read in about a second."""


@dataclass(frozen=True, slots=True)
class UsualDay:
    """A day, or its hours that are over, beside what is usual for them."""

    people: Measure
    usual: UsualRange | None
    came: int | None
    """How many came on the whole day; None for a day under way, and where no camera was on."""

    @property
    def words(self) -> str:
        """Such as "as usual" or "too early to tell"."""
        return str(judge_day(self.usual))

    @property
    def band(self) -> str:
        """The usual range, such as "180 to 240 visits"; empty where it is too early to tell."""
        if self.usual is None:
            return ""
        return f"{self.usual.band.low:,.0f} to {self.usual.band.high:,.0f} {MEASURE_NAMES[self.people]}"

    @property
    def sentence(self) -> str:
        """Such as "230 visits, as usual (180 to 240 visits)", or "230 visits" where nobody can tell what is usual.

        Empty where no camera was on.
        """
        if self.came is None:
            return ""
        came = f"{self.came:,} {MEASURE_NAMES[self.people]}"
        return f"{came}, {self.words} ({self.band})" if self.band else came


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a site's past tells about its present."""

    today: UsualDay
    """Its usual range is that of the hours that are over."""
    untold: str
    """Why `today` has no usual range, in a sentence; "" where it has one."""
    yesterday: UsualDay
    forecasts: list[str]
    """What is to be expected of today and of the week, in sentences."""
    people: Measure
    """The measure of `week`."""
    week: Comparison
    """The seven days before today beside the seven days before them."""
    week_came: int | None

    @property
    def people_name(self) -> str:
        """The measure of the week in words."""
        return MEASURE_NAMES[self.people]


def read_outlooks(sites: Sequence[tuple[Site, Sequence[Device]]], *, now: dt.datetime) -> dict[int, Outlook | None]:
    """Return the outlook of each site by its primary key; None for a site whose outlook is not read yet.

    At most eight queries, whatever the number of sites.
    """
    weeks = [
        Selection(devices, site.zone, _midnight(site, now, 1 - PAST_DAYS), _week_end(site, now))
        for site, devices in sites
    ]
    weeks = with_opening_hours(weeks)
    keys = kept.keys_of("outlook", weeks, now=now)
    known = kept.find(keys)
    found: dict[int, Outlook | None] = {site.pk: known.get(key) for (site, _), key in zip(sites, keys, strict=True)}
    missing: list[tuple[Site, Selection, str]] = []
    cameras = 0
    for (site, devices), selection, key in zip(sites, weeks, keys, strict=True):
        cameras += len(devices) if found[site.pk] is None else 0
        if found[site.pk] is None and (cameras <= MOST_CAMERAS or not missing):
            missing.append((site, selection, key))
    series = read_hour_series([selection for _, selection, _ in missing], label=FACE, now=now) if missing else []
    for (site, _, key), of_site in zip(missing, series, strict=True):
        found[site.pk] = kept.keep(key, partial(_outlook, site, of_site, now))
    return found


def judge_weeks(outlooks: dict[int, Outlook | None]) -> dict[int, Finding]:
    """Judge the weeks of all sites of a page together; by primary key of the site."""
    return tell({pk: outlook.week for pk, outlook in outlooks.items() if outlook is not None})


def _outlook(site: Site, series: HourSeries, now: dt.datetime) -> Outlook:
    midnight, yesterday = _midnight(site, now, 0), _midnight(site, now, -1)
    week, before = _midnight(site, now, -WEEK), _midnight(site, now, -2 * WEEK)
    comparisons = compare_spans(series, (week, midnight), (before, week))
    people = people_measure(comparisons)
    today = today_of(series, site.zone, now=now)
    of_yesterday, usual = usual_people(series, day=yesterday, now=midnight)
    if usual is None:
        # Without a range to be compared with, yesterday is told by the same measure as the week.
        of_yesterday = people
    return Outlook(
        today=UsualDay(today.measure, today.usual, came=None),
        untold=today.untold,
        forecasts=today.sentences,
        yesterday=UsualDay(of_yesterday, usual, _came(series, of_yesterday, (yesterday, midnight))),
        people=people,
        week=comparisons[people],
        week_came=_came(series, people, (week, midnight)),
    )


def _came(series: HourSeries, measure: Measure, span: Span) -> int | None:
    """Return how many visits or occupied spells began in the span; None where no camera was on that counts them."""
    hours = series.between(*span)
    counted, on = (series.visits, series.followed) if measure is Measure.VISITS else (series.spells, series.frames)
    return int(counted[:, hours].sum()) if on[:, hours].any() else None


def _week_end(site: Site, now: dt.datetime) -> dt.datetime:
    return _midnight(site, now, WEEK - now.astimezone(site.zone).weekday())


def _midnight(site: Site, now: dt.datetime, days: int) -> dt.datetime:
    """Return the start of the local day that is so many days after today."""
    return day_start(now.astimezone(site.zone).date() + dt.timedelta(days=days), site.zone)
