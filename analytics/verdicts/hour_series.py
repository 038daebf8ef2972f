"""Each hour of each spot of some places, as arrays: what comparisons are made from. A spot is one camera here.

`read_hour_series` takes five queries, whatever the number of places and cameras and however long the periods are, and
some more where the setup of a camera changed. The database returns quarter hours and episodes as packed columns, which
cost no Python object for each.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import OuterRef, Subquery

from analytics.models import FACE, Episode, VisitQuarter
from analytics.models.quarters import MILLION
from analytics.numbers import sql
from analytics.numbers.buckets import bucket_edges
from analytics.numbers.measures import HOURS
from analytics.numbers.open_spans import OpenSpans, while_there
from analytics.numbers.packed_rows import NO_QUARTERS, NOTHING, PackedRows, Quarters, read_quarters
from analytics.numbers.reads import Selection, waiting_devices
from analytics.verdicts import calibrations
from analytics.verdicts.corrections import carry_over
from analytics.verdicts.matched import (
    Booleans,
    Comparison,
    Floats,
    HourlyMeasure,
    Side,
    UsualRange,
    usual_range,
)
from analytics.verdicts.setups import SetupHours, Told, read_told, setup_hours
from devices.models import Device
from devices.storage.querysets import spots_of

LEAST_COVERAGE = 0.5
"""An hour of a camera is compared if the camera was on for at least this share of it."""

MINUTE_S = 60


class Measure(StrEnum):
    """The measures that are compared. A peak and a coverage are not: neither is a rate of an hour."""

    VISITS = "visits"
    """Of cameras that follow people. Visits are compared with visits alone, never with occupied spells."""
    AVERAGE = "average"
    OCCUPIED = "occupied"
    SPELLS = "occupied_spells"
    GESTURES = "gestures"


@dataclass(frozen=True, eq=False)
class HourSeries:
    """The hours of a place over some local days. All arrays are [camera, day, hour], or [day, hour] for all cameras.

    A local hour that clocks repeat is one entry with both hours in it; an hour that clocks skip has 0 minutes.
    """

    first_day: dt.date
    starts: Floats
    """[day, hour]: epoch seconds; NaN for an hour that the zone does not have or that was not read."""
    minutes: Floats
    """The minutes of the hour that count; 0 if the hour is not over or the place was closed."""
    frames: Floats
    faces: Floats
    seen: Floats
    """Covered minutes."""
    told: Floats
    """Covered minutes in which labels are known."""
    occupied: Floats
    spells: Floats
    gestures: Floats
    visits: Floats
    """The visits that began in the hour."""
    followed: Floats
    """Covered minutes in which the camera followed people; in the others, nothing is known of visits."""
    planned: Floats
    """The minutes of the hour that will count once it is over; equal to `minutes` for an hour that is over."""
    setups: SetupHours | None = None
    """None where each camera had one setup throughout, and where cameras are added up."""

    @property
    def known(self) -> Booleans:
        """Where an hour is over and the camera was on for at least half of it."""
        return (self.minutes > 0) & (self.seen >= LEAST_COVERAGE * self.minutes)

    def between(self, start: dt.datetime, end: dt.datetime) -> Booleans:
        """Return which hours, as [day, hour], begin from `start` on and before `end`."""
        found: Booleans = (self.starts >= start.timestamp()) & (self.starts < end.timestamp())
        return found

    def measures(self) -> dict[Measure, HourlyMeasure]:
        """Return the rates of all measures: per frame, per covered minute, and per covered hour.

        Visits are left out where no camera follows people.
        """
        return self._measures

    @cached_property
    def _measures(self) -> dict[Measure, HourlyMeasure]:
        on, counting = self.known, self.known & (self.frames > 0)
        following = on & (self.followed >= LEAST_COVERAGE * self.minutes)
        telling = (self.minutes > 0) & (self.told >= LEAST_COVERAGE * self.minutes)
        visits = self._measure(self.visits, self.followed / MINUTE_S, following, is_count=True)
        return {
            **({Measure.VISITS: visits} if following.any() else {}),
            Measure.AVERAGE: self._measure(self.faces, self.frames, counting),
            Measure.OCCUPIED: self._measure(self.occupied, self.seen, counting),
            Measure.SPELLS: self._measure(self.spells, self.seen / MINUTE_S, counting, is_count=True),
            Measure.GESTURES: self._measure(self.gestures, self.told / MINUTE_S, telling, is_count=True),
        }

    def with_latest_setups(self) -> "HourSeries":
        """Return the hours of each camera with the setup that it has at the end; in others nothing was seen."""
        return self if self.setups is None else self._seen_in(self.setups.latest_setup(self.known))

    def since(self, day: dt.date) -> "HourSeries":
        """Return the hours from this local day on; all of them if they begin later."""
        skipped = (day - self.first_day).days
        if skipped <= 0:
            return self
        cut = {name: getattr(self, name)[:, skipped:] for name in _AMOUNTS}
        setups = None if self.setups is None else self.setups.since(skipped)
        return replace(self, first_day=day, starts=self.starts[skipped:], **cut, setups=setups)

    def _seen_in(self, hours: Booleans) -> "HourSeries":
        cut = {name: getattr(self, name) * hours for name in ("frames", "seen", "told", "followed")}
        return replace(self, **cut)

    def together(self) -> "HourSeries":
        """Return all cameras as one: an hour is known if at least half of all cameras' minutes were covered."""
        added = [getattr(self, name).sum(axis=0, keepdims=True) for name in _AMOUNTS]
        return HourSeries(self.first_day, self.starts, *added)

    def _measure(self, amount: Floats, exposure: Floats, known: Booleans, *, is_count: bool = False) -> HourlyMeasure:
        rates = np.divide(amount, exposure, out=np.full(amount.shape, np.nan), where=known)
        return HourlyMeasure(rates, self.first_day, amount if is_count else None)


_AMOUNTS = tuple(field.name for field in fields(HourSeries) if field.name not in ("first_day", "starts", "setups"))
"""The arrays of all cameras, in the order of the fields."""

MEASURE_NAMES = {
    Measure.VISITS: "visits",
    Measure.AVERAGE: "people on average",
    Measure.OCCUPIED: "of the time occupied",
    Measure.SPELLS: "occupied spells",
    Measure.GESTURES: "gestures",
}
"""The measures in words, as they follow a number."""


PEOPLE = (Measure.VISITS, Measure.SPELLS)
"""The measures of how many people came, the better one first."""


def people_measure(comparisons: Mapping[Measure, Comparison]) -> Measure:
    """Return the measure that tells how many people came: visits, if at least half of the hours know them.

    Otherwise occupied spells, which every camera has that looks for faces.
    """
    visits, spells = comparisons.get(Measure.VISITS), comparisons[Measure.SPELLS]
    known = visits is not None and visits.hours_in_common >= max(1, LEAST_COVERAGE * spells.hours_in_common)
    return Measure.VISITS if known else Measure.SPELLS


KNOWN_LONG_ENOUGH = 2 / 3
"""Visits tell what is usual if they are known in this share of the hours: in six of nine weeks."""


def people_of(series: HourSeries) -> Measure:
    """Return the measure by which the past of a place tells how many people come: visits, or else occupied spells."""
    known = {name: int((~np.isnan(each.rates)).sum()) for name, each in series.measures().items() if name in PEOPLE}
    is_known = known.get(Measure.VISITS, 0) >= max(1, KNOWN_LONG_ENOUGH * known[Measure.SPELLS])
    return Measure.VISITS if is_known else Measure.SPELLS


def people_with_latest_setups(series: HourSeries) -> tuple[Measure, HourlyMeasure]:
    """Return by which measure a place tells how many people come, and this measure.

    Its hours are those with the setups that the cameras have at the end of what was read, and those with former setups
    as far as counts by eye tell what the latest ones would have found. This is the one rule of what is usual, for days,
    hours, weeks and forecasts.
    """
    people = people_of(series.with_latest_setups())
    measure = series.measures()[people]
    return people, measure if series.setups is None else carry_over(measure, people, series.setups, series.known)


def usual_people(series: HourSeries, *, day: dt.datetime, now: dt.datetime) -> tuple[Measure, UsualRange | None]:
    """Return how many people usually come in the hours from `day`, a local midnight, up to `now`, and by which measure.

    The past is all that was read, as `people_with_latest_setups` has it.
    """
    people, measure = people_with_latest_setups(series)
    earlier = dt.datetime.fromtimestamp(0, dt.UTC)
    return people, usual_range(Side(measure, series.between(day, now)), series.between(earlier, day))


def read_hour_series(
    selections: Sequence[Selection], *, label: str, now: dt.datetime, rows: PackedRows | None = None
) -> list[HourSeries]:
    """Read all hours of each selection's devices, each by itself. `label` is that of `gestures`.

    With `rows`, which must cover the selections and the label, quarter hours and episodes are not read again.
    """
    devices = sorted({device.pk for selection in selections for device in selection.devices})
    if not devices:
        return [_series(selection, {}, {}, {}, {}, label, now) for selection in selections]
    start, end = min(each.start for each in selections), max(each.end for each in selections)
    tallies: Mapping[int, Quarters]
    if rows is None:
        tallies = read_quarters(devices, start, end, waiting_devices(selections))
        began = _read_starts(devices, {FACE, label}, start, end)
    else:
        tallies = rows.quarters
        began = {key: starts // MILLION for key, starts in rows.starts.items()}
    # Before a device's first visit, it did not follow people. Since then, no visit means that nobody came.
    ever = VisitQuarter.objects.filter(device=OuterRef("device")).order_by("start").values("start")[:1]
    visits = (
        VisitQuarter.objects.filter(device__in=devices, start__gte=start, start__lt=end)
        .order_by()
        .values_list("device_id")
        .annotate(starts=sql.PackedTimes("start"), numbers=sql.PackedIntegers("visits"), since=Subquery(ever))
    )
    followed = {
        device: _Visits(sql.PackedTimes.unpack(starts) // MILLION, sql.PackedIntegers.unpack(numbers), since)
        for device, starts, numbers, since in visits
    }
    told = read_told(devices)
    found = [_series(selection, tallies, began, followed, told, label, now) for selection in selections]
    return _with_calibrations(found, selections)


def _read_starts(
    devices: Sequence[int], labels: Collection[str], start: dt.datetime, end: dt.datetime
) -> dict[tuple[int, str], sql.Integers]:
    """Read when episodes began, in epoch seconds, by device and label."""
    episodes = (
        Episode.objects.filter(device__in=devices, label__in=labels, started__gte=start, started__lt=end)
        .order_by()
        .values_list("device_id", "label")
        .annotate(starts=sql.PackedTimes("started"))
    )
    return {
        (device, name): sql.PackedTimes.unpack(starts) // MILLION for device, name, starts in sql.read_packed(episodes)
    }


def _with_calibrations(found: list[HourSeries], selections: Sequence[Selection]) -> list[HourSeries]:
    """Return the series with the calibrations of the cameras whose setup changed within them; no query without one."""
    changed: set[int] = set()
    for series, selection in zip(found, selections, strict=True):
        if series.setups is not None:
            spots = spots_of(selection.devices)
            changed |= {device.pk for spot in series.setups.changed_spots for device in spots[spot].devices}
    if not changed:
        return found
    known = calibrations.read(changed)
    return [
        each if each.setups is None else replace(each, setups=replace(each.setups, calibrations=known))
        for each in found
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Visits:
    """The quarter hours of a device with visits, and since when the device follows people."""

    starts: sql.Integers
    numbers: sql.Integers
    since: dt.datetime


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """The local hours of a period: `cells` are places in a flat [day, hour] array, one for each run of instants."""

    first_day: dt.date
    days: int
    edges: sql.Integers
    """Epoch seconds, one more than `cells`."""
    cells: sql.Integers
    starts: Floats
    """[day, hour]: when each cell begins, in epoch seconds; NaN for an hour that the zone does not have or that was not
    read. Of a repeated hour the first one is its start."""
    ends: Floats
    """[day, hour]: when each cell ends, 0 where it has no start. Both hours of a repeated hour end with the second."""


@lru_cache(maxsize=32)
def _grid(zone: ZoneInfo, start: dt.datetime, end: dt.datetime) -> _Grid:
    edges = bucket_edges(zone=zone, start=start, end=end, bucket="hour")
    local = edges.local[:-1]
    first = local[0].date().toordinal() if local else 1
    cells = np.array([(at.toordinal() - first) * HOURS + at.hour for at in local], np.int64)
    days = int(cells[-1]) // HOURS + 1 if local else 0
    at = np.array(edges.epoch_s, np.int64)
    starts, ends = np.full((days, HOURS), np.nan), np.zeros((days, HOURS))
    # Of several values for one cell, the last one stays.
    starts.flat[cells[::-1]] = at[:-1][::-1]
    ends.flat[cells] = at[1:]
    return _Grid(dt.date.fromordinal(first), days, at, cells, starts, ends)


def _series(
    selection: Selection,
    tallies: Mapping[int, Quarters],
    began: Mapping[tuple[int, str], sql.Integers],
    followed: Mapping[int, _Visits],
    told_setups: Told,
    label: str,
    now: dt.datetime,
) -> HourSeries:
    # Keys in UTC: both one o'clocks of a day on which clocks are set back are equal in their own zone.
    grid = _grid(selection.zone, selection.start.astimezone(dt.UTC), selection.end.astimezone(dt.UTC))
    shape = (grid.days, HOURS)

    def by_hour(seconds: sql.Integers, amounts: Sequence[sql.Integers | None], hours: OpenSpans | None) -> list[Floats]:
        """Add up each of the amounts, or 1 for each of the seconds where it is None."""
        found = np.searchsorted(grid.edges, seconds, side="right") - 1
        inside = (found >= 0) & (found < len(grid.cells))
        if hours is not None:
            inside &= hours.contains(seconds)
        cells = grid.cells[found[inside]]
        return [
            np.bincount(cells, None if each is None else each[inside], grid.days * HOURS).astype(float).reshape(shape)
            for each in amounts
        ]

    # A spot is one camera, also after another device has taken its place.
    spots = spots_of(selection.devices)
    planned = np.zeros((len(spots), *shape))
    frames, faces, seen, told, occupied, spells, gestures, visits, followed_minutes = np.zeros((9, len(spots), *shape))
    for number, device in ((number, device) for number, spot in enumerate(spots) for device in spot.devices):
        hours = selection.hours.get(device.pk)
        planned[number] += _minutes(grid, device, hours).reshape(shape)
        quarters = tallies.get(device.pk, NO_QUARTERS)
        amounts = quarters.frames, quarters.faces, quarters.seen, quarters.told, quarters.occupied
        added = by_hour(quarters.starts, amounts, hours)
        for array, own in zip((frames, faces, seen, told, occupied), added, strict=True):
            array[number] += own
        for array, name in ((spells, FACE), (gestures, label)):
            array[number] += by_hour(began.get((device.pk, name), NOTHING), (None,), hours)[0]
        if (of_visits := followed.get(device.pk)) is not None:
            visits[number] += by_hour(of_visits.starts, (of_visits.numbers,), hours)[0]
            since = quarters.starts >= of_visits.since.timestamp()
            followed_minutes[number] += by_hour(quarters.starts[since], (quarters.seen[since],), hours)[0]
    # A camera that saw faces all day and nobody's visit did not follow people on that day.
    followed_minutes[(spells.sum(axis=2) > 0) & (visits.sum(axis=2) == 0)] = 0.0
    minutes = np.where(grid.ends <= now.timestamp(), planned, 0.0)
    setups = setup_hours(
        [spot.devices for spot in spots], told_setups, grid.edges, grid.cells, grid.days, selection.zone
    )
    return HourSeries(
        grid.first_day,
        grid.starts,
        minutes,
        frames,
        faces,
        seen,
        told,
        occupied,
        spells,
        gestures,
        visits,
        followed_minutes,
        planned,
        setups if setups.changes else None,
    )


def _minutes(grid: _Grid, device: Device, hours: OpenSpans | None) -> Floats:
    """Return the minutes of each cell that count: in opening hours, with the device there."""
    if not grid.days:
        return np.zeros(0)
    there = while_there(device, grid.edges)
    open_for = np.diff(there if hours is None else hours.seconds_before(there)) / MINUTE_S
    return np.bincount(grid.cells, open_for, grid.days * HOURS).astype(float)
