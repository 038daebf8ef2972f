"""How a model does in the field: the precision by reviewers' verdicts beside what its evaluation promised."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from analytics.models import Detection, Verdict
from analytics.numbers.intervals import Interval, wilson
from learning.evaluating.reads import Evaluation
from learning.models import Rollout, Run

FEWEST_VERDICTS = 10
"""Verdicts below which nothing is said of drift: one wrong of two would be told as drift otherwise."""


@dataclass(frozen=True, slots=True)
class FieldPrecision:
    """The verdicts on a label's detections while cameras ran the model."""

    label: str
    right: int
    wrong: int
    promised: float | None
    """The precision in the evaluation; None where the model predicted the label nowhere."""

    @property
    def share(self) -> float | None:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def interval(self) -> Interval | None:
        return wilson(self.right, self.right + self.wrong)

    @property
    def has_drifted(self) -> bool:
        """Whether the field's whole interval, of enough verdicts, lies below what the evaluation promised."""
        if self.promised is None or self.interval is None or self.right + self.wrong < FEWEST_VERDICTS:
            return False
        return self.interval.high < self.promised


def read_field_precision(run: Run, evaluation: Evaluation | None, *, now: dt.datetime) -> Sequence[FieldPrecision]:
    """Return the precision of each label that a camera has shown with this model, in two queries."""
    stretches = list(Rollout.objects.filter(run=run).values_list("device_id", "since", "until"))
    if not stretches:
        return []
    while_running = Q()
    for device, since, until in stretches:
        while_running |= Q(device=device, taken_at__gte=since, taken_at__lt=until or now)
    decided = Detection.objects.filter(while_running, label__in=run.labels).exclude(review=None)
    counts: dict[str, dict[str, int]] = {}
    for label, verdict, count in decided.order_by().values_list("label", "review").annotate(Count("pk")):
        counts.setdefault(label, {})[verdict] = count
    return [
        FieldPrecision(
            label,
            found.get(Verdict.RIGHT, 0),
            found.get(Verdict.WRONG, 0),
            evaluation.labels[label].precision if evaluation and label in evaluation.labels else None,
        )
        for label, found in sorted(counts.items())
    ]
