"""`python -m benchmarks.visits`: how well the agent tells people apart, against simulated audiences with known truth.

For each of ten seeds, 140 people come within 30 minutes (`benchmarks/data/audience.py`). The truth is what a perfect
detector's tracks give by the same definitions: somebody who turns away for two seconds is a new visit there too. The
benchmark measures the number of visits, the median dwell and attention, and IDF1: the share of faces whose identity
fits their person best, which falls when visits are split or joined. norfair follows the same faces beside the agent's
tracker. Prints a table and writes `benchmarks/results/visits.json`.
"""

import argparse
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from tqdm import tqdm

from benchmarks.data import audience
from benchmarks.data.audience import Detector, Sighting
from benchmarks.tools import report, results
from benchmarks.tools.results import Measured
from edge_agent.messages import Face, Visit
from edge_agent.tracking.tracks import LOST_SECONDS
from edge_agent.tracking.visits import LEAST_LOOKS, VisitTracker

SEEDS = 10
RATES = (5.0, 6.0, 10.0)
"""Looks a second; at the default cadence the agent looks six times."""
TOLERANCE, DURATION_TOLERANCE, LEAST_IDF1 = 0.10, 0.15, 0.8

NORFAIR_REACH = 2.0
"""Face widths; of 1.0, 1.5, 2.0 and 3.0 the one with which norfair's IDF1 is best on seeds that are not measured."""

SIZE = (audience.WIDTH, audience.HEIGHT)

Identity = tuple[int, int]
"""A person of the truth and the number of her visit."""


@dataclass(frozen=True)
class Result:
    """What one tracker found in one run. Durations are seconds, one for each visit."""

    truth: "Truth"
    dwell: Sequence[float]
    attention: Sequence[float]
    idf1: float
    seconds_per_look: float


def run(seed: int, rate: float) -> tuple[Result, Result | None]:
    """Return what the agent's tracker and norfair make of the same faces; None where norfair is not installed."""
    random = np.random.default_rng(seed)
    detector = Detector(random, audience.audience(random), audience.faults(random))
    times = [number / rate for number in range(int((audience.MINUTES * 60 + 60) * rate))]
    visible = [detector.visible(at) for at in times]
    truth = _truth(times, visible)
    ours, found = _ours(detector, times, visible, truth)
    return ours, _norfair(times, found, truth, rate)


@dataclass(frozen=True)
class Truth:
    """A perfect detector's tracks: the identity of each visible face by look, and each visit's dwell and attention."""

    identities: Sequence[dict[int, Identity]]
    dwell: Sequence[float]
    attention: Sequence[float]


def _truth(times: Sequence[float], visible: Sequence[Sequence[Sighting]]) -> Truth:
    of_person: defaultdict[int, list[tuple[int, float, bool]]] = defaultdict(list)
    for number, (at, faces) in enumerate(zip(times, visible, strict=True)):
        for face in faces:
            if face.person is not None:
                of_person[face.person].append((number, at, face.facing))
    identities: list[dict[int, Identity]] = [{} for _ in times]
    dwell, attention = [], []
    for person, sightings in of_person.items():
        for number, visit in enumerate(_split(sightings)):
            if len(visit) < LEAST_LOOKS:
                continue
            for look, _, _ in visit:
                identities[look][person] = (person, number)
            dwell.append(visit[-1][1] - visit[0][1])
            attention.append(
                sum(
                    (after[1] - before[1]) * (before[2] + after[2]) / 2
                    for before, after in pairwise(visit)
                    if after[0] - before[0] == 1
                )
            )
    return Truth(identities, dwell, attention)


def _split(sightings: Sequence[tuple[int, float, bool]]) -> Iterator[list[tuple[int, float, bool]]]:
    visit = [sightings[0]]
    for sighting in sightings[1:]:
        if sighting[1] - visit[-1][1] >= LOST_SECONDS:
            yield visit
            visit = []
        visit.append(sighting)
    yield visit


def _ours(
    detector: Detector, times: Sequence[float], visible: Sequence[Sequence[Sighting]], truth: Truth
) -> tuple[Result, list[list[Sighting]]]:
    """Return the result of the agent's tracker, and the faces that the detector found at each look."""
    tracker = VisitTracker()
    reports: dict[str, Visit] = {}
    tracks: list[list[tuple[str, int | None]]] = []
    found: list[list[Sighting]] = []
    spent = 0.0
    for at, there in zip(times, visible, strict=True):
        began = time.perf_counter()
        expected = tracker.expected(at)
        spent += time.perf_counter() - began
        found.append(detector.find(at, there, expected))
        faces = [_face(each) for each in found[-1]]
        began = time.perf_counter()
        named, changed = tracker.look(at, round(at * 1000), faces, SIZE)
        spent += time.perf_counter() - began
        reports |= {visit.id: visit for visit in changed}
        tracks.append([(face.visit or "", each.person) for face, each in zip(named, found[-1], strict=True)])
    reports |= {visit.id: visit for visit in tracker.end_all()}
    durations = {visit.id: (visit.dwell / 1000, (visit.attention or 0) / 1000) for visit in reports.values()}
    return _result(truth, tracks, durations, spent / len(times)), found


def _face(sighting: Sighting) -> Face:
    box = tuple(map(round, (sighting.left, sighting.top, sighting.width, sighting.height)))
    return Face(0.9, box, facing=sighting.facing)  # type: ignore[arg-type]


def _norfair(times: Sequence[float], found: Sequence[Sequence[Sighting]], truth: Truth, rate: float) -> Result | None:
    """Return what norfair makes of the same faces, gated in face widths, with the same time until a track is lost.

    None where norfair is not installed; `make bench-visits` installs it apart, because it asks for an old numpy.
    """
    try:
        import norfair
    except ImportError:
        return None

    def distance(face: Any, known: Any) -> float:
        return float(np.linalg.norm(face.points[0] - known.estimate[0])) / float(face.data[0])

    tracker = norfair.Tracker(
        distance,
        distance_threshold=NORFAIR_REACH,
        hit_counter_max=round(LOST_SECONDS * rate),
        initialization_delay=LEAST_LOOKS - 1,
    )
    tracks: list[list[tuple[str, int | None]]] = []
    seen_at: defaultdict[str, list[float]] = defaultdict(list)
    spent = 0.0
    for at, faces in zip(times, found, strict=True):
        detections = [
            norfair.Detection(
                np.array([[each.left + each.width / 2, each.top + each.height / 2]]), data=(each.width, each.person)
            )
            for each in faces
        ]
        began = time.perf_counter()
        known = tracker.update(detections)
        spent += time.perf_counter() - began
        fresh = [(str(each.id), each.last_detection.data[1]) for each in known if each.last_detection in detections]
        for track, _ in fresh:
            seen_at[track].append(at)
        tracks.append(fresh)
    durations = {track: (moments[-1] - moments[0], 0.0) for track, moments in seen_at.items()}
    return _result(truth, tracks, durations, spent / len(times))


def _result(
    truth: Truth,
    tracks: Sequence[Sequence[tuple[str, int | None]]],
    visits: dict[str, tuple[float, float]],
    seconds_per_look: float,
) -> Result:
    dwell, attention = zip(*visits.values(), strict=True)
    return Result(truth, dwell, attention, _idf1(truth, tracks, visits), seconds_per_look)


def _idf1(truth: Truth, tracks: Sequence[Sequence[tuple[str, int | None]]], visits: Iterable[str]) -> float:
    """Return IDF1 (Ristani et al., 2016): the share of faces with the right identity under the best assignment."""
    rows = {track: number for number, track in enumerate(visits)}
    columns: dict[Identity, int] = {}
    shared: Counter[tuple[int, int]] = Counter()
    found = 0
    for there, look in zip(truth.identities, tracks, strict=True):
        for track, person in look:
            found += track in rows
            if track in rows and person in there:
                shared[rows[track], columns.setdefault(there[person], len(columns))] += 1
    overlaps = np.zeros((len(rows), max(len(columns), 1)))
    for (row, column), number in shared.items():
        overlaps[row, column] = number
    right = overlaps[linear_sum_assignment(overlaps, maximize=True)].sum()
    return float(2 * right / (found + sum(map(len, truth.identities))))


def measure(seeds: Sequence[int], rate: float) -> list[Measured]:
    runs = [run(seed, rate) for seed in tqdm(seeds, desc=f"{rate:g} looks a second", disable=None)]
    ours = [result for result, _ in runs]
    what = f"{rate:g} looks/s"
    people = [audience.PEOPLE] * len(ours)
    measured = [
        *_number(f"{what}: visits", [len(r.dwell) for r in ours], [len(r.truth.dwell) for r in ours]),
        *_number(f"{what}: visits for each of {audience.PEOPLE} people", [len(r.dwell) for r in ours], people),
        *_median(f"{what}: median dwell", [r.dwell for r in ours], [r.truth.dwell for r in ours]),
        *_median(f"{what}: median attention", [r.attention for r in ours], [r.truth.attention for r in ours]),
        report.at_least(f"{what}: IDF1, the lowest of all seeds", min(r.idf1 for r in ours), "", LEAST_IDF1),
        report.told(f"{what}: IDF1, the mean", statistics.mean(r.idf1 for r in ours), ""),
        report.below(f"{what}: an update", 1000 * statistics.mean(r.seconds_per_look for r in ours), "ms", 0.5),
    ]
    beside = [result for _, result in runs if result is not None]
    if not beside:
        return [*measured, report.told(f"{what}: norfair", None, "not installed")]
    found, true = ([len(r.dwell) for r in beside], [len(r.truth.dwell) for r in beside])
    return [
        *measured,
        report.told(f"{what}: norfair, visits", sum(found) / sum(true), ""),
        report.told(f"{what}: norfair, IDF1, the mean", statistics.mean(r.idf1 for r in beside), ""),
        report.told(f"{what}: norfair, an update", 1000 * statistics.mean(r.seconds_per_look for r in beside), "ms"),
    ]


def _number(name: str, found: Sequence[int], true: Sequence[int]) -> list[Measured]:
    ratios = [one / other for one, other in zip(found, true, strict=True)]
    return _ratio(name, sum(found) / sum(true), ratios, TOLERANCE)


def _median(name: str, found: Sequence[Sequence[float]], true: Sequence[Sequence[float]]) -> list[Measured]:
    """Compare the medians of all seeds together: the audience has glances and stays, and few visits in between, so that
    the median of one seed jumps from one to the other."""
    ratios = [statistics.median(one) / statistics.median(other) for one, other in zip(found, true, strict=True)]
    return _ratio(name, statistics.median(chain(*found)) / statistics.median(chain(*true)), ratios, DURATION_TOLERANCE)


def _ratio(name: str, overall: float, of_seeds: Sequence[float], tolerance: float) -> list[Measured]:
    goal = f"{1 - tolerance:g} to {1 + tolerance:g}"
    furthest = max(of_seeds, key=lambda ratio: abs(ratio - 1))
    return [
        Measured(f"{name}, ratio to the truth", round(overall, 3), "", goal, abs(overall - 1) <= tolerance),
        report.told(f"{name}, the seed furthest off", furthest, ""),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first", type=int, default=0, help="the first seed; tune on others than 0 to 9")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    options = parser.parse_args(arguments)
    seeds = range(options.first, options.first + options.seeds)
    measured = [each for rate in options.rates for each in measure(seeds, rate)]
    print(report.table(measured))
    results.write(results.FOLDER / "visits.json", measured)
    return 0 if all(each.holds is not False for each in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
