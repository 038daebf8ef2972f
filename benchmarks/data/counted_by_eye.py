"""A simulated camera whose setup changes before the last week, with counts by eye of both setups."""

from dataclasses import replace

import numpy as np

from analytics.features.groundtruth.comparison import MINUTE, Minute, compare
from analytics.features.groundtruth.reads import calibration_of
from analytics.verdicts.hour_series import HourSeries, Measure
from analytics.verdicts.matched import Calibration
from analytics.verdicts.setups import SetupHours
from benchmarks.data.simulated_camera import FIRST


def with_two_setups(series: HourSeries, random: np.random.Generator) -> HourSeries:
    """Return what a camera finds whose setup changes before the last week, with counts by eye of both setups.

    Somebody counts 20 to 60 minutes of each, with two people a minute on average, who stay for some minutes.
    """
    shares = random.uniform(0.5, 1.0, 2)
    numbers = np.zeros(series.visits.shape, np.int64)
    numbers[:, -7:] = 1
    visits = random.binomial(series.visits.astype(int), shares[numbers]).astype(float)
    known: dict[str, dict[str, Calibration]] = {}
    for name, share in zip("ab", shares, strict=True):
        there = np.convolve(random.poisson(0.5, int(random.integers(20, 60)) + 3), np.ones(4), "valid").astype(int)
        minutes = [
            Minute(FIRST + number * MINUTE, float(people), 1, int(random.binomial(people, share)))
            for number, people in enumerate(there.tolist())
        ]
        found = calibration_of(compare([minutes]))
        if found is not None:
            known[name] = {Measure.VISITS: found, Measure.AVERAGE: found}
    setups = SetupHours(numbers, (), [["a", "b"]], [1], known)
    return replace(series, visits=visits, spells=visits, faces=series.faces * shares[numbers], setups=setups)
