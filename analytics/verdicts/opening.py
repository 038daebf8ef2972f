"""When sites were open: the spans of time that averages, occupied spells, coverage and comparisons are about."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from analytics.models.opening import OpeningException, OpeningPlan
from analytics.models.opening_hours import DAY_QUARTERS, Hours, parse_hours
from analytics.models.quarters import QUARTER
from analytics.numbers.buckets import day_start, offsets
from analytics.numbers.open_spans import OpenSpans
from analytics.numbers.periods import HoursOf
from analytics.numbers.reads import Selection

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
    midnights = [day_start(date, zone) for date in days]
    quarters = np.arange(round(midnights[0].timestamp()), round(midnights[-1].timestamp()), QUARTER_S)
    place = local_quarters(quarters, midnights, zone) - (first.toordinal() - EPOCH) * DAY_QUARTERS
    return OpenSpans.of(quarters, flat[place], QUARTER_S)


def local_quarters(
    quarters: npt.NDArray[np.int64], days: Sequence[dt.datetime], zone: ZoneInfo
) -> npt.NDArray[np.int64]:
    """Return local quarter hours since 1970 of quarter hours in epoch seconds; `days` are local midnights around."""
    changes = offsets(days, zone)
    since = np.array([moment.timestamp() for moment, _ in changes])
    shift = np.array([round(offset.total_seconds()) for _, offset in changes])
    local = quarters + shift[np.searchsorted(since, quarters, side="right") - 1]
    return np.asarray(local // QUARTER_S, np.int64)
