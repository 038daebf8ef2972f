"""`python -m benchmarks.verdicts`: how often a comparison tells a change, with and without one.

A simulated camera counts people for up to nine weeks. Its typical week, and how much its weeks, days and hours differ
while nothing changes, are those of a real street counter (`benchmarks/data/street_counts.py`). People come in groups,
whose sizes are a zero-truncated Poisson variable (J. James, “The distribution of free-forming small group size”,
American Sociological Review 18 (1953)). The camera fails at random, and is on or off at night for a week at a time. The
last week is compared with the week before by the function that pages call. Two other ways judge the same weeks: the
totals of both weeks as they are, and an interval from drawing the days of the two weeks with replacement.

Each run has another seed, which `--seed` repeats. Prints a table and writes `benchmarks/results/verdicts.json`.
"""

import argparse
import datetime as dt
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.data.street_counts import Street, streets
from benchmarks.tools import report, results

sys.path.insert(1, str(results.ROOT / "platform"))
os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true"}

import django

django.setup()

from analytics.verdicts.expected import usual_hours  # noqa: E402
from analytics.verdicts.findings import Finding, Word, tell  # noqa: E402
from analytics.verdicts.hour_series import (  # noqa: E402
    HourSeries,
    Measure,
    people_measure,
    people_with_latest_setups,
    usual_people,
)
from analytics.verdicts.levels import find_changes  # noqa: E402
from analytics.verdicts.matched import PUBLISHED_WEEK_SD, Comparison  # noqa: E402
from analytics.verdicts.period_numbers import judge  # noqa: E402
from analytics.verdicts.spans import compare_spans  # noqa: E402
from benchmarks.data.counted_by_eye import with_two_setups  # noqa: E402
from benchmarks.data.held_bands import FEW, Held  # noqa: E402
from benchmarks.data.simulated_camera import FIRST, WEEK, WEEKS, Truth, as_series, simulate, street  # noqa: E402

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

DRAWS = 1_000
"""Of days with replacement, by the other way."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=1_000, help="number of pairs of weeks for each figure (1,000)")
    parser.add_argument("--seed", type=int, help="repeat the run with this seed")
    asked = parser.parse_args()
    seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    print(f"seed {seed}")
    known = streets()
    measured = [
        report.told("counters that the noise is learned from", len(known), ""),
        report.told("weeks, median relative standard deviation", percent(np.median([s.week_sd for s in known])), "%"),
        report.told("days of a week", percent(np.median([s.day_sd for s in known])), "%"),
        report.told("hours of a day", percent(np.median([s.hour_sd for s in known])), "%"),
        report.told("weeks, as published in the product", percent(PUBLISHED_WEEK_SD), "%"),
        *nothing_changed(known, asked.pairs, np.random.default_rng((seed, 1))),
        *real_weeks(known, np.random.default_rng((seed, 2))),
        *something_changed(known, asked.pairs, np.random.default_rng((seed, 3))),
        *bands(known, asked.pairs, np.random.default_rng((seed, 5))),
        *hours_and_forecasts(known, asked.pairs, np.random.default_rng((seed, 6))),
        *levels(known, asked.pairs, np.random.default_rng((seed, 7))),
        *intervals(known, asked.pairs, np.random.default_rng((seed, 4))),
        *counted_by_eye(known, asked.pairs, np.random.default_rng((seed, 8))),
    ]
    print(report.table(measured))
    results.write(results.FOLDER / "verdicts.json", measured)


def nothing_changed(known: list[Street], pairs: int, random: np.random.Generator) -> list[results.Measured]:
    single: dict[Measure, list[bool]] = {measure: [] for measure in Measure}
    pages, totals, drawn = [], [], []
    for _ in tqdm(range(pairs), desc="nothing changed", disable=None):
        weeks = int(random.integers(2, WEEKS + 1))
        truth = simulate(street(known, random), random, weeks=weeks, people=np.exp(random.uniform(4, 8)))
        found = compared(truth)
        for measure, comparison in found.items():
            single[measure].append(tells(comparison))
        pages.append(any(finding.change for finding in page(found).values()))
        totals.append(totals_differ(truth.series))
        drawn.append(drawn_days_differ(truth.series))
    told_of = {measure: percent(np.mean(values)) for measure, values in single.items()}
    return [
        report.at_most("nothing changed: pairs that tell a change", float(np.mean([*told_of.values()])), "%", 6.5),
        *(report.told(f"    {measure}", value, "%") for measure, value in told_of.items()),
        report.at_most("nothing changed: pages that tell a change", percent(np.mean(pages)), "%", 5),
        report.told("    the totals of both weeks as they are", percent(np.mean(totals)), "%"),
        report.told("    drawing days with replacement, spells alone", percent(np.mean(drawn)), "%"),
    ]


def real_weeks(known: list[Street], random: np.random.Generator) -> list[results.Measured]:
    """Judge the counters' own neighbouring weeks, thinned to a few hundred people a day; all weeks before are past."""
    told, drawn = [], []
    for each in known:
        for run in each.runs:
            for last in range(2, len(run) + 1):
                counts = run[max(0, last - WEEKS) : last]
                kept = min(1.0, np.exp(random.uniform(5.5, 7)) / (counts.sum() / counts.shape[0] / 7))
                series = as_series(random.binomial(counts.astype(int), kept).astype(float), np.ones(counts.shape, bool))
                told.append(tells(compared(Truth(series, 1.0))[Measure.SPELLS]))
                drawn.append(drawn_days_differ(series))
    return [
        report.told("the counters' real neighbouring weeks", len(told), "pairs"),
        report.told("    that tell a change", percent(np.mean(told)), "%"),
        report.told("    drawing days with replacement", percent(np.mean(drawn)), "%"),
    ]


def something_changed(known: list[Street], pairs: int, random: np.random.Generator) -> list[results.Measured]:
    # A day noise of 8 %, of which as much is common to the days of a week as in the median street.
    shares = [s.week_sd**2 / (s.week_sd**2 + s.day_sd**2) for s in known]
    share = float(np.median(shares))

    def told(lift: float, people: tuple[float, float], **conditions: float) -> list[tuple[Word, Word]]:
        """Return the words on how many people came: compared alone, and among all that a page compares."""
        found = []
        for _ in tqdm(range(pairs), desc=f"{lift - 1:+.0%}", disable=None):
            noise = conditions.get("noise", 0.08)
            place = replace(street(known, random), week_sd=noise * share**0.5, day_sd=noise * (1 - share) ** 0.5)
            truth = simulate(
                place,
                random,
                weeks=int(conditions.get("weeks", WEEKS)),
                people=np.exp(random.uniform(*np.log(people))),
                lift=lift,
                missing=conditions.get("missing", 0.0),
                fails=False,
            )
            comparisons = compared(truth)
            measure = people_measure(comparisons)
            alone = tell({measure: comparisons[measure]})
            found.append((alone[measure].word, page(comparisons)[measure].word))
        return found

    def more(words: list[tuple[Word, Word]]) -> tuple[float, float]:
        alone, on_page = zip(*words, strict=True)
        return share_of(alone, Word.MORE), share_of(on_page, Word.MORE)

    usual, half = told(1.2, (300, 3_000)), told(1.5, (300, 3_000), missing=0.5)
    few = [word for _, word in told(1.2, (20, 60), noise=0.25)]
    return [
        report.told("of a day noise of 8 %, common to a week", percent(share), "% of the variance"),
        report.at_least("+20 %, 300 to 3,000 spells a day: pairs that tell it", more(usual)[0], "%", 80),
        report.at_least("    pages", more(usual)[1], "%", 80),
        report.told("    pages, at 300 spells a day", more(told(1.2, (300, 300.1)))[1], "%"),
        report.told("    pages, at 3,000 spells a day", more(told(1.2, (3_000, 3_000.1)))[1], "%"),
        report.told("    pages, without a past", more(told(1.2, (300, 3_000), weeks=2))[1], "%"),
        report.at_least("+50 %, half of the hours missing: pairs that tell it", more(half)[0], "%", 80),
        report.at_least("    pages", more(half)[1], "%", 80),
        report.told("+20 %, a day noise of 25 %, 20 to 60 spells: more", share_of(few, Word.MORE), "%"),
        report.told("    cannot tell", share_of(few, Word.UNKNOWN), "%"),
        report.at_most("    fewer, which is wrong", share_of(few, Word.FEWER), "%", 2.5),
    ]


def intervals(known: list[Street], pairs: int, random: np.random.Generator) -> list[results.Measured]:
    held: dict[Measure, list[bool]] = {Measure.SPELLS: [], Measure.AVERAGE: []}
    drawn = []
    for _ in tqdm(range(2 * pairs), desc="intervals", disable=None):
        lift = float(np.exp(random.uniform(np.log(0.7), np.log(1.5))))
        weeks = int(random.integers(2, WEEKS + 1))
        people = np.exp(random.uniform(np.log(100), np.log(3_000)))
        truth = simulate(street(known, random), random, weeks=weeks, people=people, lift=lift)
        found = compared(truth)
        for measure, holds in held.items():
            interval = found[measure].interval
            if interval is not None:
                holds.append(interval.low <= truth.ratio <= interval.high)
        if (other := drawn_days(truth.series)) is not None:
            drawn.append(other[0] <= truth.ratio <= other[1])
    return [
        *(
            report.between(f"intervals that hold the truth, {measure}", percent(np.mean(holds)), "%", 93, 97)
            for measure, holds in held.items()
        ),
        report.told("    drawing days with replacement, spells", percent(np.mean(drawn)), "%"),
    ]


def counted_by_eye(known: list[Street], pairs: int, random: np.random.Generator) -> list[results.Measured]:
    """Change the setup between the weeks, so that the camera finds another share; somebody counts both by eye."""
    held: dict[Measure, list[bool]] = {Measure.VISITS: [], Measure.AVERAGE: []}
    told: dict[str, list[bool]] = {"corrected": [], "as found": []}
    for number in tqdm(range(2 * pairs), desc="counted by eye", disable=None):
        lift = float(np.exp(random.uniform(np.log(0.7), np.log(1.5)))) if number < pairs else 1.0
        weeks, people = int(random.integers(2, WEEKS + 1)), np.exp(random.uniform(np.log(100), np.log(3_000)))
        truth = simulate(street(known, random), random, weeks=weeks, people=people, lift=lift)
        series = with_two_setups(truth.series, random)
        found = compared(Truth(series, lift))
        if number < pairs:
            for measure, holds in held.items():
                interval = found[measure].interval
                if interval is not None:
                    holds.append(interval.low <= lift <= interval.high)
        else:
            told["corrected"].append(tells(found[Measure.VISITS]))
            told["as found"].append(tells(compared(Truth(replace(series, setups=None), lift))[Measure.VISITS]))
    wrong = {way: percent(np.mean(values)) for way, values in told.items()}
    return [
        *(
            report.between(f"both setups counted: intervals hold, {measure}", percent(np.mean(holds)), "%", 93, 97)
            for measure, holds in held.items()
        ),
        report.at_most("both setups counted: pairs that tell a change", wrong["corrected"], "%", 6.5),
        report.told("    without the counts", wrong["as found"], "%"),
    ]


def bands(known: list[Street], days: int, random: np.random.Generator) -> list[results.Measured]:
    """Tell how many fresh days lie in their usual range, up to a random hour, and so for single days alone."""
    held, raw, early, short = [], [], 0, 0
    for _ in tqdm(range(days), desc="bands", disable=None):
        weeks = int(random.integers(7, WEEKS + 1))
        people = np.exp(random.uniform(np.log(100), np.log(3_000)))
        truth = simulate(street(known, random), random, weeks=weeks, people=people, fails=bool(random.integers(2)))
        day = FIRST + weeks * WEEK - dt.timedelta(days=int(random.integers(1, 8)))
        now = day + dt.timedelta(hours=int(random.integers(10, 25)))
        _, usual = usual_people(truth.series, day=day, now=now)
        if usual is None:
            early += 1
            continue
        held.append(usual.band.low <= usual.value <= usual.band.high)
        hours = truth.series.between(day, now)
        same = range(int(np.flatnonzero(hours.any(axis=1))[0]) % 7, int(np.flatnonzero(hours.any(axis=1))[0]), 7)
        known_hours = hours.any(axis=0)
        sums = [float(truth.series.spells[0, number][known_hours].sum()) for number in same]
        low, high = np.percentile(sums, [10, 90])
        raw.append(low <= float(truth.series.spells[0][hours].sum()) <= high)
    for _ in range(days // 10):
        truth = simulate(street(known, random), random, weeks=6, people=1_000, fails=False)
        day = FIRST + 6 * WEEK - dt.timedelta(days=int(random.integers(1, 8)))
        short += usual_people(truth.series, day=day, now=day + dt.timedelta(hours=18))[1] is None
    return [
        report.between("usual ranges that hold a fresh day, from six weeks on", percent(np.mean(held)), "%", 75, 85),
        report.told("    percentiles of the same weekday alone", percent(np.mean(raw)), "%"),
        report.told("    too early to tell, with outages", percent(early / days), "%"),
        report.at_least("with five weeks: too early to tell", percent(short / max(1, days // 10)), "%", 100),
    ]


def hours_and_forecasts(known: list[Street], days: int, random: np.random.Generator) -> list[results.Measured]:
    """Tell how many fresh hours lie in their band, and how many days and weeks in their forecast."""
    alike, counted = Held(), Held()
    for _ in tqdm(range(days), desc="hours and forecasts", disable=None):
        weeks = int(random.integers(7, WEEKS + 1))
        people = np.exp(random.uniform(np.log(100), np.log(3_000)))
        truth = simulate(street(known, random), random, weeks=weeks, people=people, fails=bool(random.integers(2)))
        alike.add(truth.series.measures()[Measure.VISITS], weeks, random)
        # The same camera, whose setup changes before the last week, and both setups were counted by eye.
        counted.add(people_with_latest_setups(with_two_setups(truth.series, random))[1], weeks, random)
    short = [
        all(band is None for band in usual_hours(truth.series.measures()[Measure.VISITS].rates, 35))
        for truth in (simulate(street(known, random), random, weeks=6, people=1_000) for _ in range(days // 10))
    ]
    return [
        report.between("bands that hold a fresh hour, from six weeks on", percent(np.mean(alike.hours)), "%", 75, 85),
        report.told(f"    hours with fewer than {FEW} at the upper end", percent(np.mean(alike.few)), "%"),
        report.told("    too early to tell, with outages", percent(alike.early / days), "%"),
        report.at_least("with five weeks: too early to tell", percent(np.mean(short)), "%", 100),
        *(
            report.between(f"{setups}{name}", percent(np.mean(values)), "%", 75, 85)
            for setups, held in (("", alike), ("both setups counted: ", counted))
            for name, values in (
                ("forecasts of a day that hold", held.days),
                ("forecasts of a week that hold", held.weeks),
            )
        ),
        report.between("both setups counted: bands that hold", percent(np.mean(counted.hours)), "%", 75, 85),
    ]


def levels(known: list[Street], days: int, random: np.random.Generator) -> list[results.Measured]:
    """Tell how often a change of level is told where there is none, and found where there is one."""
    wrong, found, near = [], [], []
    for _ in tqdm(range(days), desc="levels", disable=None):
        people = np.exp(random.uniform(np.log(100), np.log(3_000)))
        truth = simulate(street(known, random), random, weeks=WEEKS, people=people)
        wrong.append(bool(find_changes(truth.series.measures()[Measure.VISITS])))
        at = int(random.integers(14, 7 * WEEKS - 14))
        truth = simulate(street(known, random), random, weeks=WEEKS, people=people, lift_from=at, lift=1.3)
        changes = find_changes(truth.series.measures()[Measure.VISITS])
        off = [abs((change.day - FIRST.date()).days - at) for change in changes if change.ratio > 1]
        found.append(bool(off))
        near += [min(off) <= 2] if off else []
    return [
        report.at_most("no change of level: nine weeks that tell one", percent(np.mean(wrong)), "%", 5),
        report.at_least("+30 % from a random day on: found", percent(np.mean(found)), "%", 80),
        report.told("    of these, dated to within two days", percent(np.mean(near)), "%"),
    ]


# -- the ways to judge -----------------------------------------------------------------------------------------------


def compared(truth: Truth) -> dict[Measure, Comparison]:
    weeks = truth.series.starts.shape[0] // 7
    end = FIRST + weeks * WEEK
    return compare_spans(truth.series, (end - WEEK, end), (end - 2 * WEEK, end - WEEK))


def page(comparisons: dict[Measure, Comparison]) -> dict[Measure, Finding]:
    """Judge the comparisons as the page of a site or device does."""
    return judge(comparisons)


def tells(comparison: Comparison) -> bool:
    """Whether the comparison, alone on its page, tells a change."""
    return bool(tell({0: comparison})[0].change)


def totals_differ(series: HourSeries) -> bool:
    """Whether the totals of both weeks, as they are, look different with the digits that pages show."""
    hours = [slice(-7, None), slice(-14, -7)]
    averages = [series.faces[0, days].sum() / max(1.0, series.frames[0, days].sum()) for days in hours]
    spells = [series.spells[0, days].sum() for days in hours]
    return f"{averages[0]:.2f}" != f"{averages[1]:.2f}" or spells[0] != spells[1]


def drawn_days(series: HourSeries) -> tuple[float, float] | None:
    """Return the 2.5th and 97.5th percentile of the ratio of spells when matched days are drawn with replacement."""
    known = series.known[0]
    both = known[-7:] & known[-14:-7]
    late, early = ((series.spells[0, days] * both).sum(axis=1) for days in (slice(-7, None), slice(-14, -7)))
    drawn = np.random.default_rng(0).integers(0, 7, (DRAWS, 7))
    sums, others = late[drawn].sum(axis=1), early[drawn].sum(axis=1)
    if not others.all() or not sums.all():
        return None
    low, high = np.percentile(sums / others, [2.5, 97.5])
    return float(low), float(high)


def drawn_days_differ(series: HourSeries) -> bool:
    found = drawn_days(series)
    return found is not None and not found[0] <= 1 <= found[1]


def share_of(words: Sequence[Word], wanted: Word) -> float:
    return percent(np.mean([word is wanted for word in words]))


def percent(share: float | np.floating[npt.NBitBase]) -> float:
    return 100 * float(share)


if __name__ == "__main__":
    main()
