"""When sites were open: the spans of time that averages, occupied spells, coverage and comparisons are about."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from analytics.models import FACE
from analytics.models.opening import DAYS, OpeningException, OpeningPlan
from analytics.models.opening_hours import DAY_QUARTERS, Hours, format_hours, parse_hours
from analytics.models.quarters import QUARTER
from analytics.numbers.buckets import day_start, offsets
from analytics.numbers.measures import WEEKDAYS
from analytics.numbers.open_spans import OpenSpans
from analytics.numbers.periods import HoursOf
from analytics.numbers.reads import Selection
from analytics.verdicts.hour_series import read_hour_series
from devices.models import Device, Site

HOUR_QUARTERS = 4
QUARTER_S = round(QUARTER.total_seconds())
EPOCH = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class SiteOpening:
    """The opening hours of a site: its plans, the latest first, and its exceptions."""

    plans: Sequence[OpeningPlan]
    exceptions: Mapping[dt.date, Hours]

    def of(self, date: dt.date) -> Hours | None:
        """Return the hours that begin on a local day; None before the first plan, when all hours count."""
        if date in self.exceptions:
            return self.exceptions[date]
        plan = next((plan for plan in self.plans if plan.since <= date), None)
        if plan is None:
            return None
        if plan.country and date in _holidays(plan.country, plan.region, date.year):
            return parse_hours(plan.holiday)
        return plan.week[date.weekday()]


@lru_cache(maxsize=256)
def _holidays(country: str, region: str, year: int) -> frozenset[dt.date]:
    # The library is slow to import, and few requests need it.
    import holidays

    return frozenset(holidays.country_holidays(country, subdiv=region or None, years=year))


def with_opening_hours(selections: Sequence[Selection], hours: HoursOf = "open") -> list[Selection]:
    """Return the selections limited to the opening hours of their devices' sites; unchanged with "all".

    Devices of sites without opening hours keep all hours. At most two queries.
    """
    if hours == "all":
        return list(selections)
    sites = {device.site_id for selection in selections for device in selection.devices}
    of_site = read_site_hours(sites)
    if not of_site:
        return list(selections)
    return [_limited(selection, of_site) for selection in selections]


def read_site_hours(sites: Iterable[int]) -> dict[int, SiteOpening]:
    """Read the opening hours of sites by primary key; sites without a plan are left out. At most two queries."""
    plans: dict[int, list[OpeningPlan]] = defaultdict(list)
    for plan in OpeningPlan.objects.filter(site__in=sorted(sites)).order_by("-since"):
        plans[plan.site_id].append(plan)
    if not plans:
        return {}
    exceptions: dict[int, dict[dt.date, Hours]] = defaultdict(dict)
    for each in OpeningException.objects.filter(site__in=sorted(plans)):
        exceptions[each.site_id][each.date] = parse_hours(each.hours)
    return {site: SiteOpening(found, exceptions[site]) for site, found in plans.items()}


def _limited(selection: Selection, of_site: Mapping[int, SiteOpening]) -> Selection:
    if selection.start >= selection.end:
        return selection
    # The local time of a site decides when it is open, whatever the zone of the selection's buckets is.
    zones = {device.site_id: device.site.zone for device in selection.devices if device.site_id in of_site}
    spans = {
        site: open_spans(of_site[site], zone=zone, start=selection.start, end=selection.end)
        for site, zone in zones.items()
    }
    hours = {device.pk: spans[device.site_id] for device in selection.devices if device.site_id in spans}
    return replace(selection, hours=hours)


def open_spans(hours: SiteOpening, *, zone: ZoneInfo, start: dt.datetime, end: dt.datetime) -> OpenSpans:
    """Return when a site was open from `start` to `end`, widened to whole local days.

    A quarter hour is open if its local time is: a doubled hour is open twice, and a lost hour not at all.
    """
    first = start.astimezone(zone).date() - dt.timedelta(days=1)
    last = end.astimezone(zone).date() + dt.timedelta(days=1)
    days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    table = np.zeros((len(days) + 1, DAY_QUARTERS), bool)
    flat = table.reshape(-1)
    for number, date in enumerate(days):
        found = hours.of(date)
        for opens, closes in ((0, DAY_QUARTERS),) if found is None else found:
            flat[number * DAY_QUARTERS + opens : number * DAY_QUARTERS + closes] = True
    changes = offsets([day_start(date, zone) for date in days], zone)
    quarters = np.arange(
        round(day_start(days[0], zone).timestamp()), round(day_start(days[-1], zone).timestamp()), QUARTER_S
    )
    since = np.array([moment.timestamp() for moment, _ in changes])
    shift = np.array([round(offset.total_seconds()) for _, offset in changes])
    local = quarters + shift[np.searchsorted(since, quarters, side="right") - 1]
    place = local // QUARTER_S - (first.toordinal() - EPOCH) * DAY_QUARTERS
    return OpenSpans.of(quarters, flat[place], QUARTER_S)


PROPOSED_FROM = dt.timedelta(weeks=8)
"""How much of the past a proposal is made from."""

WEEKEND = 5
"""The first day of the weekend, counted from Monday. Where it is another one, the days of the week still tell."""

BUSY_SHARE = 0.1
"""Proposed hours have on average at least this share of the spells of the busiest hour: cleaners do not open a site."""


def propose_plan(site: Site, *, now: dt.datetime) -> dict[str, str]:
    """Return hours for each day of the week, by the fields of `OpeningPlan`, from what was seen. Three queries."""
    devices = list(Device.objects.filter(site=site))
    selection = Selection(devices, site.zone, now - PROPOSED_FROM, now)
    (series,) = read_hour_series([selection], label=FACE, now=now)
    together = series.together()
    week = propose_week(together.spells[0], together.known[0], together.first_day.weekday())
    return dict(zip(DAYS, week, strict=True))


def propose_week(spells: npt.NDArray[np.float64], known: npt.NDArray[np.bool_], weekday: int) -> list[str]:
    """Return the hours of each day of the week, Monday first, in which people usually come.

    `spells` and `known` are [day, hour]; `weekday` is that of the first day. A day is open from its first such hour to
    the end of its last. Of an hour that was never seen on a day of the week, the other days tell: first those of the
    same kind, working days or the weekend. A day of the week that was never seen is closed.
    """
    days = (np.arange(len(spells)) + weekday) % WEEKDAYS
    came = np.array([np.where(known, spells, 0.0)[days == day].sum(axis=0) for day in range(WEEKDAYS)])
    seen = np.array([known[days == day].sum(axis=0) for day in range(WEEKDAYS)])
    usual = came / np.maximum(seen, 1)
    for others in (slice(0, WEEKEND), slice(WEEKEND, WEEKDAYS), slice(0, WEEKDAYS)):
        of_others = came[others].sum(axis=0) / np.maximum(seen[others].sum(axis=0), 1)
        told = (seen[others] == 0) & (usual[others] == 0) & seen[others].any(axis=1, keepdims=True)
        usual[others] = np.where(told, of_others, usual[others])
    found = []
    for hours in (usual > 0) & (usual >= BUSY_SHARE * usual.max()):
        busy = np.flatnonzero(hours)
        span = ((int(busy[0]) * HOUR_QUARTERS, (int(busy[-1]) + 1) * HOUR_QUARTERS),) if busy.size else ()
        found.append(format_hours(span))
    return found
