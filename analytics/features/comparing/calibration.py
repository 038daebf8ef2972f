"""The calibration of a place from the ground truth of its cameras, for comparisons with other places."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from analytics.features.groundtruth.reads import calibration_of, read_accuracy
from analytics.models.groundtruth import GroundTruthSession
from analytics.verdicts.hour_series import HourSeries, Measure
from analytics.verdicts.matched import Booleans, Calibration
from devices.models import Device
from devices.storage.querysets import Spot, spots_of

MOST_CAMERAS = 8
"""A place with more cameras is compared by what they find: each calibration takes some queries."""


def read_calibrations(places: Sequence[tuple[Sequence[Device], HourSeries, Booleans]]) -> list[Calibration | None]:
    """Return the calibration of each place over some of its hours, [day, hour].

    None unless all of its cameras have one: for the setup of now one that still holds, and one for each other setup of
    these hours. One query if no camera has been compared with a count by eye, and some more for each camera that has.
    """
    devices = {device.pk for own, *_ in places for device in own}
    counted = set(GroundTruthSession.objects.filter(device__in=devices).values_list("device_id", flat=True).distinct())
    known: dict[int, Calibration | None] = {}
    return [_of_place(spots_of(own), series, hours, counted, known) for own, series, hours in places]


def _of_place(
    spots: Sequence[Spot],
    series: HourSeries,
    hours: Booleans,
    counted: set[int],
    known: dict[int, Calibration | None],
) -> Calibration | None:
    if not 1 <= len(spots) <= MOST_CAMERAS:
        return None
    if not all(any(device.pk in counted for device in spot.devices) for spot in spots):
        return None
    for spot in spots:
        if spot.latest.pk not in known:
            accuracy = read_accuracy(spot.latest)
            known[spot.latest.pk] = None if accuracy.ended else calibration_of(accuracy.comparison)
    cameras: list[tuple[float, Calibration | None]] = []
    for number, spot in enumerate(spots):
        faces = np.where(hours, series.faces[number], 0.0)
        setups = series.setups if series.setups is not None and number in series.setups.changed_spots else None
        if setups is None:
            cameras.append((float(faces.sum()), known[spot.latest.pk]))
            continue
        for each in np.unique(setups.numbers[number][faces > 0]).tolist():
            own = (
                known[spot.latest.pk]
                if each == setups.current[number]
                else setups.calibration(number, each, Measure.AVERAGE)
            )
            # An hour in which the setup changed has the setups of both sides, which count for it.
            if each >= 0:
                cameras.append((float(faces[setups.numbers[number] == each].sum()), own))
    return together(cameras)


def together(cameras: Sequence[tuple[float, Calibration | None]]) -> Calibration | None:
    """Return the calibration of several cameras that found so many faces each; None if one of them has none."""
    people: Mapping[int, float] = {
        number: found / each.share for number, (found, each) in enumerate(cameras) if each is not None
    }
    total = sum(people.values())
    if len(people) < len(cameras) or not total > 0:
        return None
    share = sum(found for found, _ in cameras) / total
    parts = [(people[number] / total) ** 2 * each.log_variance for number, (_, each) in enumerate(cameras) if each]
    variance = math.fsum(parts)
    freedoms = [each.freedom for _, each in cameras if each is not None]
    spread = math.fsum(part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True))
    return Calibration(share, variance, variance**2 / spread if spread else min(freedoms))


def pair_of(one: Calibration | None, other: Calibration | None) -> tuple[Calibration, Calibration] | None:
    """Return both calibrations; None if one is missing, so that like is compared with like."""
    return None if one is None or other is None else (one, other)
