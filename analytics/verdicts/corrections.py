"""Corrects a measure of cameras whose setup changed, by counts by eye of each setup. Pure.

A count by eye tells which share of the people a camera finds with one setup. The hours of all counted setups become
what the latest of them would have found: each rate is divided by the share of its own setup and multiplied by that of
the latest. So a comparison of a corrected side with another divides each side by its calibration, and cameras whose
setup stayed the same can be added to it as they are.
"""

from dataclasses import dataclass, replace

import numpy as np

from analytics.verdicts.matched import Booleans, Calibration, HourlyMeasure
from analytics.verdicts.setups import SetupHours

ENOUGH_COMMON = 0.5
"""Without a correction, a camera is compared over the hours with the one setup that both sides have most in common.
Calibrations have errors of their own, so they are used only where that leaves less than this share of the hours."""


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """A measure with corrected cameras."""

    measure: HourlyMeasure
    spots: tuple[int, ...]
    """The corrected cameras; empty where none needs a correction or can have one."""


def correct(measure: HourlyMeasure, name: str, setups: SetupHours, after: Booleans, before: Booleans) -> Corrected:
    """Return a measure by which two sets of hours, [day, hour], can be compared, though setups changed between them.

    Of a camera that is not corrected, only the hours with the setup that both sets have most in common are kept.
    """
    known = ~np.isnan(measure.rates)
    sides = known & after, known & before
    kept = setups.one_setup(*sides)
    rates = np.where(kept, measure.rates, np.nan)
    corrected: list[tuple[Booleans, Calibration]] = []
    spots = []
    for spot in setups.changed_spots:
        numbers, own = setups.numbers[spot], tuple(side[spot] for side in sides)
        shares = {
            number: found
            for number in np.unique(numbers).tolist()
            if (found := setups.calibration(spot, number, name)) is not None
        }
        counted = np.isin(numbers, list(shares))
        common, reach = (min(int((side & hours).sum()) for side in own) for hours in (kept[spot], counted))
        if common >= ENOUGH_COMMON * reach:
            continue
        latest = int(numbers[(own[0] | own[1]) & counted][-1])
        rates[spot] = np.where(counted, measure.rates[spot], np.nan)
        for number, share in shares.items():
            if number != latest:
                hours = numbers == number
                rates[spot][hours] *= shares[latest].share / share.share
                corrected.append((_of_spot(hours, spot, rates.shape), share))
        corrected.append((_of_spot(counted & (numbers != latest), spot, rates.shape), shares[latest]))
        spots.append(spot)
    return Corrected(replace(measure, rates=rates, corrected=tuple(corrected)), tuple(spots))


def _of_spot(hours: Booleans, spot: int, shape: tuple[int, ...]) -> Booleans:
    found = np.zeros(shape, bool)
    found[spot] = hours
    return found
