"""Assigns each part of a message to the device that its thing was at the time: frame by frame, as one message may
straddle a move.

What was taken while its thing was at no place cannot be counted: the message is quarantined with `Reason.NO_PLACE`.
If only some parts of a message have no place, the others are committed all the same. A replay of the whole message
then adds only what is missing, because every part is recognised by its own key.

A part that is stored already keeps the device and the time under which it is stored. So nothing counts twice when a
message is delivered again after the thing's clock was set, or after the time zone of its clock was corrected.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from devices.intake.fact_kinds import find_facts, has_key, key_of
from devices.models import Device, Reason
from devices.reading.decoding import (
    Arrival,
    Decoded,
    Rejection,
    TakenPicture,
    decode,
)
from devices.reading.places import Whereabouts, read_whereabouts


@dataclass(slots=True)
class Placing:
    """How the messages of one batch are placed: by time, unless a part is stored already."""

    stored: Mapping[tuple[Any, ...], Device] = field(default_factory=dict)
    """The devices of stored parts, by thing name and `key_of`."""
    doubtful: list[tuple[Whereabouts, Any]] = field(default_factory=list)
    """The parts that may be stored under another device of their thing, or by another time zone."""

    def decode(
        self, arrival: Arrival, where: Whereabouts | None, *, retention: dt.timedelta
    ) -> tuple[Decoded, Rejection | None]:
        """Return the content of this message with the device of each part, and the rejection of parts without a place.

        Raises `Rejection` if no part of the message can be taken in.
        """
        decoded = decode(arrival, where, retention=retention)
        if where is None or where.is_certain:
            return decoded, None
        if decoded.is_stamped:
            decoded = self._as_stored(arrival, where, retention) or decoded
        return decoded, None if where.always is not None else self._place(decoded, arrival, where)

    def _as_stored(self, arrival: Arrival, where: Whereabouts, retention: dt.timedelta) -> Decoded | None:
        """Return the content as it is stored by a time zone that was set for the thing before; None if it is not."""
        for zone in where.thing.former_timezones:
            try:
                decoded = decode(arrival, where, retention=retention, zone=zone)
            except Rejection:
                continue  # Nothing of it is stored by this zone.
            parts = [*decoded.frames, *decoded.pictures]
            if any((where.thing.name, *key_of(part)) in self.stored for part in parts):
                return decoded
            self.doubtful += [(where, part) for part in parts]
        return None

    def look_up(self) -> "Placing | None":
        """Look for the doubtful parts in the database. Return a placing that knows the stored ones; None if none is."""
        parts: defaultdict[str, list[Any]] = defaultdict(list)
        things = {where.thing.name: where for where, _ in self.doubtful}
        for where, part in self.doubtful:
            parts[where.thing.name].append(part)
        stored = {
            (thing, *key): device
            for thing, of_thing in parts.items()
            for key, device in _stored(of_thing, things[thing]).items()
        }
        return Placing(stored) if stored else None

    def _place(self, decoded: Decoded, arrival: Arrival, where: Whereabouts) -> Rejection | None:
        """Assign the parts of this message to their devices. Remove those without a place; return their rejection."""
        # A file tells of the past, when the clock may have been right.
        by_time = where.by_clock if decoded.timed and arrival.read_at is None else where.at
        at_sending = where.at(arrival.received_at) if decoded.clock is None else where.by_clock(decoded.clock)
        decoded.device, decoded.has_place = at_sending or where.latest, at_sending is not None
        lost: list[dt.datetime] = []

        def placed(parts: Sequence[Any], time: str) -> list[Any]:
            found = []
            for part in parts:
                at = getattr(part, time)
                if has_key(part) and where.is_doubtful(at):
                    self.doubtful.append((where, part))
                known = self.stored.get((where.thing.name, *key_of(part))) if self.stored and has_key(part) else None
                device = known or by_time(at)
                if device is None:
                    lost.append(at)
                else:
                    found.append(part if part.device is device else msgspec.structs.replace(part, device=device))
            return found

        kinds = (
            *(decoded.frames, decoded.gestures, decoded.visits, decoded.plays),
            *(decoded.pictures, decoded.log, decoded.signs_of_life),
        )
        count = sum(map(len, kinds))
        decoded.frames = placed(decoded.frames, "taken_at")
        decoded.gestures = placed(decoded.gestures, "began_at")
        decoded.visits = placed(decoded.visits, "began_at")
        decoded.plays = placed(decoded.plays, "started_at")
        decoded.pictures = placed(decoded.pictures, "taken_at")
        decoded.log = placed(decoded.log, "at")
        decoded.signs_of_life = placed(decoded.signs_of_life, "at")
        if not lost:
            return None
        rejection = _no_place(where, lost, count)
        if len(lost) == count:
            raise rejection
        return rejection


def picture_at_its_place(picture: TakenPicture) -> TakenPicture:
    """Return the picture with the device under which it is stored already, if that is another one of its thing."""
    where = read_whereabouts([picture.device.thing_name]).get(picture.device.thing_name)
    if where is None or where.always is not None:
        return picture
    device = _stored([picture], where).get(key_of(picture))
    return picture if device is None else msgspec.structs.replace(picture, device=device)


def _stored(parts: Sequence[Any], where: Whereabouts) -> dict[tuple[Any, ...], Device]:
    devices = {device.pk: device for device in where.devices}
    return {key: devices[pk] for key, pk in find_facts(parts, devices).items()}


def device_at(where: Whereabouts, taken_at: dt.datetime | None, received_at: dt.datetime) -> Device:
    """Return the device that the thing was when its clock showed `taken_at`, or if that is None, at the arrival.

    Raises `Rejection` if the thing was at no place then.
    """
    device = where.at(received_at) if taken_at is None else where.by_clock(taken_at)
    if device is None:
        raise _no_place(where, [taken_at or received_at], 1)
    return device


def _no_place(where: Whereabouts, lost: Sequence[dt.datetime], count: int) -> Rejection:
    what = "it" if count == 1 else f"{len(lost)} of its {count} parts"
    sentence = f"{where.thing} was registered at no place at {min(lost).isoformat()}, when {what} was taken."
    return Rejection(Reason.NO_PLACE, f"{sentence} Correct the dates of its places, then replay this message.")
