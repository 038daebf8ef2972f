"""The spans of time in which a place was open. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.numbers import sql


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
