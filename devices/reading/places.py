"""Where a thing was at which time: the device to which what it saw belongs.

    read_whereabouts(things)                    -> Whereabouts of each thing
    whereabouts.at(time)                        by the platform's clock
    whereabouts.by_clock(time)                  by the thing's own clock

Most things have one place, where they have always been. Then no time is compared.
"""

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Value
from django.db.models.expressions import RawSQL

from devices.models import SKEW_TO_FLAG, Device, DeviceState, Thing
from devices.storage import sql, statements

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
    version: str
    """On PostgreSQL, the versions of the two rows of a thing with one device; otherwise empty."""

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


_VERSION = """(devices_thing.xmin, devices_thing.ctid, devices_device.xmin, devices_device.ctid)::text"""
"""PostgreSQL's number of the transaction that wrote each row, and the row's place. Each update changes both."""

_VERSIONS = f"""
SELECT devices_thing.name, {_VERSION}
FROM devices_device JOIN devices_thing ON devices_thing.name = devices_device.thing_name
WHERE devices_device.thing_name = ANY (%s::text[])
"""  # noqa: S608


def read_whereabouts(things: Collection[str] | None = None, known: KnownThings | None = None) -> dict[str, Whereabouts]:
    """Read the whereabouts of the things with these names, or of all things.

    Whereabouts that have not changed are returned as the object in `known`. On PostgreSQL nothing but the versions of
    their rows is read of those that have always been at one place: a fleet sends thousands of messages a second, and
    each batch asks.
    """
    known = known or {}
    unchanged = {} if things is None else _unchanged(things, known)
    if things is not None and len(unchanged) == len(things):
        return unchanged
    devices = Device.objects.all()
    if things is not None:
        devices = devices.filter(thing__name__in=[thing for thing in things if thing not in unchanged])
    version = RawSQL(_VERSION, []) if _has_versions() else Value("")  # noqa: S611
    rows: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for *row, of_row in devices.order_by("pk").annotate(version=version).values_list(*_COLUMNS, "version"):
        rows[row[1]].append((tuple(row), of_row))
    return unchanged | {thing: _known_or_made(of_thing, known.get(thing)) for thing, of_thing in rows.items()}


def _unchanged(things: Collection[str], known: KnownThings) -> dict[str, Whereabouts]:
    """Return what is known of these things, of those whose rows PostgreSQL still has in the same version."""
    candidates = {thing: where for thing in things if (where := known.get(thing)) is not None and where.version}
    if not candidates or not _has_versions():
        return {}
    rows = statements.select(_VERSIONS, [sql.array(list(candidates))])
    versions = dict(rows)
    if len(versions) < len(rows):
        # A thing with two devices has two rows.
        count = Counter(name for name, _ in rows)
        versions = {name: version for name, version in rows if count[name] == 1}
    return {name: where for name, where in candidates.items() if versions.get(name) == where.version}


def _has_versions() -> bool:
    return connection.vendor == "postgresql"


def _known_or_made(versioned: list[tuple[tuple[Any, ...], str]], known: Whereabouts | None) -> Whereabouts:
    rows = [row for row, _ in versioned]
    is_bounded = len(rows) > 1 or rows[0][_SINCE] is not None or rows[0][_UNTIL] is not None
    clock_ahead, doubt = _clock(*rows[0][len(_THING) : _FIRST]) if is_bounded else (ZERO, ZERO)
    values = clock_ahead, doubt, rows[0][: len(_THING)], [row[_FIRST:] for row in rows]
    version = "" if is_bounded else versioned[0][1]
    if known is not None and known.values == values and known.version == version:
        return known
    thing = Thing.from_db(DEFAULT_DB_ALIAS, _THING, rows[0][: len(_THING)])
    devices = [Device.from_db(DEFAULT_DB_ALIAS, _DEVICE, row[_FIRST:]) for row in rows]
    for device in devices:
        device.thing = thing
    devices.sort(key=lambda device: device.since or dt.datetime.min.replace(tzinfo=dt.UTC))
    always = None if is_bounded else devices[0]
    is_certain = always is not None and not thing.former_timezones
    return Whereabouts(thing, tuple(devices), clock_ahead, doubt, always, is_certain, values, version)


def _clock(skew_ms: int | None, largest_skew_ms: int | None) -> tuple[dt.timedelta, dt.timedelta]:
    """Return `clock_ahead` and `doubt` for these numbers of the thing's state."""
    skew, largest = (dt.timedelta(milliseconds=each or 0) for each in (skew_ms, largest_skew_ms))
    ahead = SECOND * round(skew / SECOND) if abs(skew) > SKEW_TO_FLAG else ZERO
    return ahead, SKEW_TO_FLAG * (1 + math.ceil(largest / SKEW_TO_FLAG))


def doubt_of(state: DeviceState | None) -> dt.timedelta:
    """Return `Whereabouts.doubt` of the thing with this state; None: of a thing that was never heard."""
    return SKEW_TO_FLAG if state is None else _clock(state.clock_skew_ms, state.largest_skew_ms)[1]
