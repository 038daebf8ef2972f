"""Where a thing was at which time: the device to which what it saw belongs.

    read_whereabouts(things)                    -> Whereabouts of each thing
    whereabouts.at(time)                        by the platform's clock
    whereabouts.by_clock(time)                  by the thing's own clock

Most things have one place, where they have always been. Then no time is compared.
"""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from devices.models import SKEW_TO_FLAG, Device, DeviceState, Thing

ZERO = dt.timedelta()
SECOND = dt.timedelta(seconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class Whereabouts:
    """A thing, and the devices that it was or is: one for each stretch of time at a place, the oldest first."""

    thing: Thing
    """Read without its credentials and settings."""
    devices: tuple[Device, ...]
    clock_ahead: dt.timedelta
    """How far the thing's clock is ahead of the platform's, to the second; zero unless it is off by `SKEW_TO_FLAG`.

    Zero too for a thing that has always been at its place, where it does not matter.
    """
    doubt: dt.timedelta
    """How far from the edge of a stretch another delivery of a message may have been placed in the other stretch.

    That happens when the clock was set, or a date corrected, between the two deliveries.
    """
    always: Device | None
    """The thing's only device, if it has always been at its place and still is."""
    is_certain: bool
    """Whether everything of the thing belongs to one device, and no time stamp was ever read in another zone."""
    values: object
    """The values in the database of which this object was made."""

    @property
    def latest(self) -> Device:
        return self.devices[-1]

    def at(self, at: dt.datetime) -> Device | None:
        """Return the device that the thing was at this time by the platform's clock; None where it was at no place."""
        if self.always is not None:
            return self.always
        return next((device for device in self.devices if device.holds(at)), None)

    def by_clock(self, at: dt.datetime) -> Device | None:
        """Return the device that the thing was when its own clock showed this time; None where it was at no place."""
        return self.always if self.always is not None else self.at(at - self.clock_ahead)

    def is_doubtful(self, at: dt.datetime) -> bool:
        """Whether what has this time may be stored already under another device of the thing than `by_clock` tells."""
        edges = (edge for device in self.devices for edge in (device.since, device.until) if edge is not None)
        return any(abs(at - edge) <= self.doubt for edge in edges)


KnownThings = Mapping[str, Whereabouts]
"""Whereabouts by thing name."""

_DEVICE = [field.attname for field in Device._meta.concrete_fields]
_THING = ["id", "name", "clock_timezone", "former_timezones", "bucket", "bucket_prefix", "created_at"]
_CLOCK = ["thing__state__clock_skew_ms", "thing__state__largest_skew_ms"]
_COLUMNS = [*(f"thing__{name}" for name in _THING), *_CLOCK, *_DEVICE]
_FIRST = len(_THING) + len(_CLOCK)
_SINCE, _UNTIL = (_FIRST + _DEVICE.index(name) for name in ("since", "until"))


def read_whereabouts(things: Collection[str] | None = None, known: KnownThings | None = None) -> dict[str, Whereabouts]:
    """Read the whereabouts of the things with these names, or of all things, in one query.

    Whereabouts that have not changed are returned as the object in `known`.
    """
    devices = Device.objects.all() if things is None else Device.objects.filter(thing__name__in=things)
    rows: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in devices.order_by("pk").values_list(*_COLUMNS):
        rows[row[1]].append(row)
    known = known or {}
    return {thing: _known_or_made(of_thing, known.get(thing)) for thing, of_thing in rows.items()}


def _known_or_made(rows: list[tuple[Any, ...]], known: Whereabouts | None) -> Whereabouts:
    is_bounded = len(rows) > 1 or rows[0][_SINCE] is not None or rows[0][_UNTIL] is not None
    clock_ahead, doubt = _clock(*rows[0][len(_THING) : _FIRST]) if is_bounded else (ZERO, ZERO)
    values = clock_ahead, doubt, rows[0][: len(_THING)], [row[_FIRST:] for row in rows]
    if known is not None and known.values == values:
        return known
    thing = Thing.from_db(DEFAULT_DB_ALIAS, _THING, rows[0][: len(_THING)])
    devices = [Device.from_db(DEFAULT_DB_ALIAS, _DEVICE, row[_FIRST:]) for row in rows]
    for device in devices:
        device.thing = thing
    devices.sort(key=lambda device: device.since or dt.datetime.min.replace(tzinfo=dt.UTC))
    always = None if is_bounded else devices[0]
    is_certain = always is not None and not thing.former_timezones
    return Whereabouts(thing, tuple(devices), clock_ahead, doubt, always, is_certain, values)


def _clock(skew_ms: int | None, largest_skew_ms: int | None) -> tuple[dt.timedelta, dt.timedelta]:
    """Return `clock_ahead` and `doubt` for these numbers of the thing's state."""
    skew, largest = (dt.timedelta(milliseconds=each or 0) for each in (skew_ms, largest_skew_ms))
    ahead = SECOND * round(skew / SECOND) if abs(skew) > SKEW_TO_FLAG else ZERO
    return ahead, SKEW_TO_FLAG * (1 + math.ceil(largest / SKEW_TO_FLAG))


def doubt_of(state: DeviceState | None) -> dt.timedelta:
    """Return `Whereabouts.doubt` of the thing with this state; None: of a thing that was never heard."""
    return SKEW_TO_FLAG if state is None else _clock(state.clock_skew_ms, state.largest_skew_ms)[1]
