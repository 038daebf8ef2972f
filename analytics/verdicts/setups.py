"""What decides how well a camera counts, hour by hour: numbers are compared only over hours with one setup.

A setup is the device at the spot with what it has told: a hash of camera and source, models, and settings. Where a
setup changed, the camera may find more or fewer of the same people. New software alone is told but keeps the hours:
what it may change, models and settings, it tells itself.
"""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from django.db.models import QuerySet

from analytics.models import DeviceSetup
from analytics.numbers.measures import HOURS
from analytics.verdicts.matched import Calibration
from devices.models import Device

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

SOFTWARE = "software"

WORDS = {
    SOFTWARE: "software",
    "camera": "camera or its source",
    "models": "models",
    "accuracy": "accuracy",
    "facing_angle": "facing angle",
    "face_threshold": "face threshold",
    "faces": "detectors",
    "bodies": "search for bodies",
}
"""The keys of a setup (`sink.setup_of`) in words."""

MOST_SENTENCES = 3
"""More changes are counted."""

Calibrations = Mapping[str, Mapping[str, Calibration]]
"""By `setup_key`, and by the measure whose numbers the calibration is about."""

Told = Mapping[int, Sequence[tuple[dt.datetime, dict[str, Any]]]]
"""For each device the setups that it has told, by the time since which it has them."""


@dataclass(frozen=True, slots=True)
class SetupChange:
    """A change of the setup of a spot."""

    number: int
    """The place of the spot among the spots."""
    spot: str
    at: dt.datetime
    """Local."""
    what: str
    """Such as "accuracy and models"."""
    ends_setup: bool
    """Whether the hours before and after it are no longer compared."""


@dataclass(frozen=True, slots=True, eq=False)
class SetupHours:
    """The setups of the spots of a place over some days."""

    numbers: Integers
    """[spot, day, hour]: equal where a spot has the same setup; an hour in which it changed has one of its own."""
    changes: Sequence[SetupChange]
    keys: Sequence[Sequence[str]]
    """For each spot the `setup_key` of each number from 0 on."""
    current: Sequence[int]
    """For each spot the number of the setup that it has now."""
    calibrations: Calibrations = field(default_factory=dict)

    def since(self, day: int) -> "SetupHours":
        """Return the setups from the day with this index on."""
        return replace(self, numbers=self.numbers[:, day:])

    @property
    def changed_spots(self) -> list[int]:
        """The spots that had several setups within these days."""
        return [spot for spot, numbers in enumerate(self.numbers) if np.unique(numbers[numbers >= 0]).size > 1]

    def calibration(self, spot: int, number: int, measure: str) -> Calibration | None:
        """Return the calibration of a spot's setup; None for an hour in which the setup changed, and where nobody
        counted."""
        return self.calibrations.get(self.keys[spot][number], {}).get(measure) if number >= 0 else None

    def one_setup(self, after: Booleans, before: Booleans) -> Booleans:
        """Return which hours, [spot, day, hour], have the setup that the two sides of known hours have most in common.

        Hours of neither side are kept.
        """
        kept = np.ones(self.numbers.shape, bool)
        for spot, numbers in enumerate(self.numbers):
            sides = after[spot], before[spot]
            found = set(numbers[sides[0] | sides[1]].tolist())
            if len(found) <= 1:
                continue
            common = {number: min(int((numbers[side] == number).sum()) for side in sides) for number in found}
            best = max(common, key=lambda number: (common[number], number))
            kept[spot] = (numbers == best) & (common[best] > 0) | ~(sides[0] | sides[1])
        return kept

    def latest_setup(self, known: Booleans) -> Booleans:
        """Return which hours, [spot, day, hour], have the setup of the last known hour of their spot."""
        last = [numbers[hours][-1] if hours.any() else -1 for numbers, hours in zip(self.numbers, known, strict=True)]
        kept: Booleans = self.numbers == np.array(last, np.int64)[:, None, None]
        return kept

    def sentences(
        self, start: dt.datetime, end: dt.datetime, corrected: Mapping[int, Sequence[str]]
    ) -> tuple[str, ...]:
        """Say what was changed from `start` on and before `end`, and what follows for a comparison.

        `corrected` names for each spot the measures that counts by eye correct.
        """
        spots: dict[tuple[bool, dt.date, str, str], list[str]] = defaultdict(list)
        for change in self.changes:
            if start <= change.at < end:
                measures = _listed(corrected.get(change.number, ())) if change.ends_setup else ""
                spots[not change.ends_setup, change.at.date(), change.what, measures].append(change.spot)
        found = []
        for (keeps_setup, day, what, measures), names in sorted(spots.items()):
            # A camera may change twice on a day.
            changed = f"{what} of {_listed(list(dict.fromkeys(names)))} changed on {day:%a} {day.day} {day:%b}"
            if keeps_setup:
                found.append(f"The {changed}, which may change what is counted.")
            elif measures:
                found.append(
                    f"The {changed}. Counts by eye correct this for {measures}, with a wider interval; anything else "
                    "is compared only over hours with one setup."
                )
            else:
                found.append(f"The {changed}, so only hours with one setup are compared.")
        more = len(found) - MOST_SENTENCES
        return (*found[:MOST_SENTENCES], *([f"{more:,} more setups changed."] if more > 0 else []))


def read_told(devices: "Iterable[int] | QuerySet[Any]") -> Told:
    """Read the setups that the devices with these keys have told, in one query."""
    told: dict[int, list[tuple[dt.datetime, dict[str, Any]]]] = defaultdict(list)
    rows = DeviceSetup.objects.filter(device__in=devices).order_by("since")
    for pk, since, setup in rows.values_list("device_id", "since", "setup"):
        told[pk].append((since, setup))
    return told


def name_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return what differs between two setups of a device, such as "accuracy and models"; "" if nothing does."""
    return _listed([word for key, word in WORDS.items() if before.get(key) != after.get(key)])


def setup_hours(
    spots: Sequence[Sequence[Device]], told: Told, edges: Integers, cells: Integers, days: int, zone: ZoneInfo
) -> SetupHours:
    """Return the setups of spots by hour. A device that has told several had the first one before it told any.

    `edges` are those of runs of instants, in epoch seconds; `cells` are their places in a flat [day, hour] array.
    """
    numbers = np.zeros((len(spots), days * HOURS), np.int64)
    changes: list[SetupChange] = []
    keys: list[Sequence[str]] = []
    current: list[int] = []
    for spot, devices in enumerate(spots):
        starts, own, known, changed = _stretches(devices, told, zone)
        changes += [replace(change, number=spot) for change in changed]
        keys.append(known)
        current.append(int(own[-1]) if own.size else 0)
        if len(starts) > 1 and len(cells):
            at = np.searchsorted(starts, edges[:-1], side="right") - 1
            numbers[spot, cells] = own[np.maximum(at, 0)]
            for number, start in enumerate(starts[1:].tolist()):
                run = int(np.searchsorted(edges, start, side="right")) - 1
                if 0 <= run < len(cells) and edges[run] != start and own[number] != own[number + 1]:
                    numbers[spot, cells[run]] = -1 - number
    return SetupHours(numbers.reshape(len(spots), days, HOURS), changes, keys, current)


def _stretches(
    devices: Sequence[Device], told: Told, zone: ZoneInfo
) -> tuple[Integers, Integers, list[str], list[SetupChange]]:
    """Return since when a spot has each setup in epoch seconds, the number of each, the key of each number, and the
    changes between the setups."""
    ever = dt.datetime.min.replace(tzinfo=dt.UTC)
    found: list[tuple[dt.datetime, Device, dict[str, Any]]] = []
    for device in sorted(devices, key=lambda device: device.since or ever):
        came, own = device.since or ever, told.get(device.pk, ())
        found.append((came, device, own[0][1] if own else {}))
        found += [(max(since, came), device, setup) for since, setup in own[1:]]
    known: dict[str, int] = {}
    numbers = [known.setdefault(setup_key(device.pk, setup), len(known)) for _, device, setup in found]
    starts = [0 if at is ever else round(at.timestamp()) for at, _, _ in found]
    changes = []
    for number, ((_, before, old), (at, after, new)) in enumerate(pairwise(found)):
        what = "camera" if before.pk != after.pk else name_changes(old, new)
        if what:
            ends_setup = numbers[number] != numbers[number + 1]
            changes.append(SetupChange(0, after.name, at.astimezone(zone), what, ends_setup))
    return np.array(starts, np.int64), np.array(numbers, np.int64), list(known), changes


def setup_key(device: int, setup: Mapping[str, Any]) -> str:
    """Return what hours with one setup have in common: the device's key and what it told, but for its software.

    This is the one rule of which setups are the same, for comparisons, for usual ranges and for counts by eye.
    """
    return json.dumps([device, {key: setup[key] for key in sorted(setup) if key != SOFTWARE}])


def _listed(names: Sequence[str]) -> str:
    """Such as "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
