"""Corrects a measure of cameras whose setup changed, by counts by eye of each setup. Pure.

A count by eye tells which share of the people a camera finds with one setup. The hours of all counted setups become
what the latest of them would have found: each rate is divided by the share of its own setup and multiplied by that of
the latest. So a comparison of a corrected side with another divides each side by its calibration, and cameras whose
setup stayed the same can be added to it as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from analytics.verdicts.matched import Booleans, Calibration, Floats, HourlyMeasure
from analytics.verdicts.setups import Integers, SetupHours

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
        shares = _shares(setups, spot, name)
        counted = np.isin(numbers, list(shares))
        common, reach = (min(int((side & hours).sum()) for side in own) for hours in (kept[spot], counted))
        if common >= ENOUGH_COMMON * reach:
            continue
        latest = int(numbers[(own[0] | own[1]) & counted][-1])
        rates[spot] = measure.rates[spot]
        corrected += _scale(rates, spot, numbers, shares, latest)
        spots.append(spot)
    return Corrected(replace(measure, rates=rates, corrected=tuple(corrected)), tuple(spots))


def carry_over(measure: HourlyMeasure, name: str, setups: SetupHours, known: Booleans) -> HourlyMeasure:
    """Return a measure whose hours with former setups are what the setup of the last known hour would have found.

    Where nobody counted by eye with both setups, the hours with a former setup are unknown.
    """
    present = setups.latest_setup(known)
    rates = np.where(present, measure.rates, np.nan)
    corrected: list[tuple[Booleans, Calibration]] = []
    for spot in setups.changed_spots:
        numbers, shares = setups.numbers[spot], _shares(setups, spot, name)
        latest = set(numbers[present[spot]].tolist()) & set(shares)
        if latest:
            rates[spot] = measure.rates[spot]
            corrected += _scale(rates, spot, numbers, shares, latest.pop())
    return replace(measure, rates=rates, corrected=tuple(corrected))


def _shares(setups: SetupHours, spot: int, name: str) -> dict[int, Calibration]:
    """Return the calibration of each setup of a camera that somebody counted by eye with."""
    numbers = np.unique(setups.numbers[spot]).tolist()
    return {number: each for number in numbers if (each := setups.calibration(spot, number, name)) is not None}


def _scale(
    rates: Floats, spot: int, numbers: Integers, shares: Mapping[int, Calibration], latest: int
) -> list[tuple[Booleans, Calibration]]:
    """Change the rates of a camera to what the latest setup would have found; those of uncounted setups are unknown.

    Return the calibrations with the hours that each corrected.
    """
    counted = np.isin(numbers, list(shares))
    rates[spot][~counted] = np.nan
    corrected = []
    for number, share in shares.items():
        if number != latest:
            hours = numbers == number
            rates[spot][hours] *= shares[latest].share / share.share
            corrected.append((_of_spot(hours, spot, rates.shape), share))
    corrected.append((_of_spot(counted & (numbers != latest), spot, rates.shape), shares[latest]))
    return corrected


def _of_spot(hours: Booleans, spot: int, shape: tuple[int, ...]) -> Booleans:
    found = np.zeros(shape, bool)
    found[spot] = hours
    return found
