"""The evaluation of runs, read from their predictions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from learning.evaluating.tables import (
    Confusion,
    CurvePoint,
    Item,
    Table,
    by_label,
    by_recording,
    confusion,
    entered,
    precision_recall,
    table,
)
from learning.models import Kind, Prediction, Run


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of a run at a threshold."""

    threshold: float
    table: Table
    labels: Mapping[str, Table]
    recordings: Mapping[str, Table]
    confusion: Confusion
    curve: Sequence[CurvePoint]


@dataclass(frozen=True, slots=True)
class Row:
    """A run beside others."""

    run: Run
    table: Table | None
    """None for a run that has no figures yet."""
    changed: Mapping[str, Any]
    """The hyper-parameters that differ from the run before."""
    is_best: bool


def items_of(runs: Iterable[Run]) -> dict[int, list[Item]]:
    """Return the items of each run, in one query."""
    items: dict[int, list[Item]] = defaultdict(list)
    rows = Prediction.objects.filter(run__in=list(runs)).order_by("pk")
    for run, *values in rows.values_list("run_id", "truth", "label", "confidence", "recording", "picture_id"):
        items[run].append(Item(*values))
    return items


def evaluate(run: Run, threshold: float | None = None) -> Evaluation | None:
    """Return the evaluation at this threshold, or at the run's own; None for a run that was not evaluated here."""
    if not run.is_evaluated:
        return None
    items = items_of([run])[run.pk]
    at = run.threshold if threshold is None else threshold
    return Evaluation(
        at,
        table(items, at),
        by_label(items, at),
        by_recording(items, at),
        confusion(items, at),
        precision_recall(items),
    )


def side_by_side(runs: Sequence[Run]) -> list[Row]:
    """Return the runs, in their order, each with its figures and what it changed, in one query; the best is marked.

    The best run has the highest F1 at its own threshold, the earliest of equal ones.
    """
    items = items_of([run for run in runs if run.is_evaluated])
    tables: dict[int, Table | None] = {}
    for run in runs:
        if run.kind == Kind.ENTERED:
            tables[run.pk] = entered(run.figures)
        else:
            tables[run.pk] = table(items[run.pk], run.threshold) if run.is_evaluated else None
    scores = {run.pk: found.f1 or 0.0 for run in runs if (found := tables[run.pk]) is not None}
    best = max(sorted(runs, key=lambda run: run.number), key=lambda run: scores.get(run.pk, -1.0), default=None)
    before: dict[str, Run] = {}
    changed: dict[int, dict[str, Any]] = {}
    for run in sorted(runs, key=lambda run: run.number):
        changed[run.pk] = differences(before[run.kind].parameters, run.parameters) if run.kind in before else {}
        before[run.kind] = run
    return [
        Row(run, tables[run.pk], changed[run.pk], run is best and len(scores) > 1 and run.pk in scores) for run in runs
    ]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of `now` that are not as before; None for one that is not given any more."""
    names = [*now, *(name for name in before if name not in now)]
    return {name: now.get(name) for name in names if now.get(name) != before.get(name)}


@dataclass(frozen=True, slots=True)
class Mistakes:
    """The predictions that are false, and the boxes that were missed."""

    false: Sequence[Prediction]
    missed: Sequence[Prediction]


def mistakes(run: Run, threshold: float, most: int) -> Mistakes:
    """Return at most so many of each, the surest false ones and the surest missed ones first; in one query."""
    rows = (
        Prediction.objects.filter(run=run)
        .select_related("picture")
        .defer("picture__hands")
        .order_by("-confidence", "pk")
    )
    false, missed = [], []
    for row in rows:
        outcome = Item(row.truth, row.label, row.confidence).outcome(threshold)
        if outcome == "false":
            false.append(row)
        elif outcome == "missed":
            missed.append(row)
    return Mistakes(false[:most], missed[:most])
