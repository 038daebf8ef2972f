"""The calibration of a place from the ground truth of its cameras, for comparisons with other places."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

from analytics.features.groundtruth.reads import read_accuracy
from analytics.models.groundtruth import GroundTruthSession
from analytics.numbers.intervals import CONFIDENCE
from analytics.verdicts.hour_series import HourSeries
from analytics.verdicts.matched import Calibration
from devices.models import Device
from devices.storage.querysets import Spot, spots_of

MOST_CAMERAS = 8
"""A place with more cameras is compared by what they find: each calibration takes some queries."""


def read_calibrations(places: Sequence[tuple[Sequence[Device], HourSeries]]) -> list[Calibration | None]:
    """Return the calibration of each place; None unless all of its cameras have one that still holds.

    One query if no camera has been compared with a count by eye, and some more for each camera that has.
    """
    devices = {device.pk for own, _ in places for device in own}
    counted = set(GroundTruthSession.objects.filter(device__in=devices).values_list("device_id", flat=True).distinct())
    known: dict[int, Calibration | None] = {}
    return [_of_place(spots_of(own), series, counted, known) for own, series in places]


def _of_place(
    spots: Sequence[Spot], series: HourSeries, counted: set[int], known: dict[int, Calibration | None]
) -> Calibration | None:
    if not 1 <= len(spots) <= MOST_CAMERAS:
        return None
    if not all(any(device.pk in counted for device in spot.devices) for spot in spots):
        return None
    for spot in spots:
        if spot.latest.pk not in known:
            known[spot.latest.pk] = _of_camera(spot.latest)
    faces = series.faces.sum(axis=(1, 2))
    return together([(float(found), known[spot.latest.pk]) for spot, found in zip(spots, faces, strict=True)])


def _of_camera(device: Device) -> Calibration | None:
    accuracy = read_accuracy(device)
    comparison = accuracy.comparison
    share, interval = comparison.share, comparison.share_interval
    if accuracy.ended is not None or not share or interval is None or not interval.low > 0:
        return None
    # Student's reach over the normal quantile: the wider tails of few minutes stay in the variance.
    error = (interval.high - interval.low) / 2 / NormalDist().inv_cdf((1 + CONFIDENCE) / 2) / share
    return Calibration(share, error**2, comparison.minutes)


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
