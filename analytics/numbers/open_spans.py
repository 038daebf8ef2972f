"""The spans of time in which a place was open, and a device was there. Pure."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analytics.numbers import sql

if TYPE_CHECKING:
    from devices.models import Device


@dataclass(frozen=True, slots=True, eq=False)
class OpenSpans:
    """When a place was open."""

    bounds: sql.Integers
    """Epoch seconds, ascending: each opening followed by its closing."""

    @classmethod
    def of(cls, starts: sql.Integers, is_open: npt.NDArray[np.bool_], length: int) -> "OpenSpans":
        """Return the spans of adjoining slices of time of this length, from their starts."""
        steps = np.flatnonzero(np.diff(np.concatenate([[False], is_open, [False]]).astype(np.int8)))
        return cls(np.append(starts, starts[-1] + length)[steps])

    def contains(self, seconds: sql.Integers) -> npt.NDArray[np.bool_]:
        """Return which of these times, in epoch seconds, lie in a span."""
        found: npt.NDArray[np.bool_] = np.searchsorted(self.bounds, seconds, side="right") % 2 == 1
        return found

    def seconds_before(self, moments: sql.Integers) -> sql.Integers:
        """Return how many seconds of the spans lie before each of these times."""
        opens, closes = self.bounds[::2], self.bounds[1::2]
        whole = np.concatenate([[0], np.cumsum(closes - opens)])
        number = np.searchsorted(opens, moments, side="right")
        last = np.maximum(number - 1, 0)
        if not opens.size:
            return np.zeros_like(moments)
        beyond = np.maximum(0, closes[last] - np.asarray(moments)) * (number > 0)
        found: sql.Integers = whole[number] - beyond
        return found


def seconds_between(spans: OpenSpans | None, moments: sql.Integers) -> sql.Integers:
    """Return how many seconds lie between adjoining moments; of the spans only, where they are given."""
    found: sql.Integers = np.diff(moments if spans is None else spans.seconds_before(moments))
    return found


def while_there(device: "Device", moments: sql.Integers) -> sql.Integers:
    """Move the moments before the device came to its place, and after it left, to these times."""
    since = None if device.since is None else math.floor(device.since.timestamp())
    until = None if device.until is None else math.ceil(device.until.timestamp())
    found = moments if since is None else np.maximum(moments, since)
    return found if until is None else np.minimum(found, until)
