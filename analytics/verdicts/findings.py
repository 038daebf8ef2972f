"""What may be said of comparisons, in words. Every sentence, arrow and percentage that compares comes from here. Pure.

more, fewer         the sides differ, also when all comparisons on the page are judged together
about the same      the interval lies within ±10 %
cannot tell         everything else: too few hours, too few spells, too much noise
"""

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from analytics.numbers.intervals import CONFIDENCE
from analytics.verdicts.matched import Comparison, UsualRange

SAME_WITHIN = 0.10
"""Differences of less than this share do not matter to anybody who runs displays."""

PRIMARY_SHARE = 0.9
"""The share of a page's error that its primary comparisons use. The others then need clear evidence of their own, or
the primary comparisons to tell a change first: most changes are changes of how many people came."""

K = TypeVar("K", bound=Hashable)


class Word(StrEnum):
    """The four things that may be said of a comparison."""

    MORE = "more"
    FEWER = "fewer"
    SAME = "about the same"
    UNKNOWN = "cannot tell"

    @property
    def linking(self) -> str:
        """The word between this one and the other side, such as "than" in "more than the 7 days before"."""
        return {Word.SAME: "as", Word.UNKNOWN: "against"}.get(self, "than")


@dataclass(frozen=True, slots=True)
class Finding:
    """A comparison with the word that holds for it."""

    word: Word
    comparison: Comparison

    @property
    def change(self) -> int:
        """1 for more, -1 for fewer, 0 otherwise: the direction of an arrow."""
        return {Word.MORE: 1, Word.FEWER: -1}.get(self.word, 0)

    @property
    def hours(self) -> str:
        """Such as "12 hours in common"."""
        number = self.comparison.hours_in_common
        if not number:
            return "no hour in common"
        return "1 hour in common" if number == 1 else f"{number:,} hours in common"

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was changed at the cameras meanwhile; empty for most findings."""
        return self.comparison.notes

    @property
    def percent(self) -> str:
        """The interval of the change, such as "+12% to +31%"; empty unless the word is more or fewer."""
        interval = self.comparison.interval
        if interval is None or not self.change:
            return ""
        return f"{_percent(interval.low)} to {_percent(interval.high)}"

    @property
    def reversed(self) -> "Finding":
        """The same finding, told of the other side."""
        word = {Word.MORE: Word.FEWER, Word.FEWER: Word.MORE}.get(self.word, self.word)
        return Finding(word, self.comparison.reversed)

    @property
    def beside_week_before(self) -> str:
        """The finding of seven days beside the seven days before them, as `text` says it."""
        return self.text("the 7 days before")

    def text(self, other: str = "") -> str:
        """Return the sentence's part, such as "more than the 7 days before: +12% to +31% (168 hours in common)".

        `other` names the other side; without it the text is short.
        """
        name = f" {self.word.linking} {other}" if other else ""
        interval = f": {self.percent}" if self.percent else ""
        return f"{self.word}{name}{interval} ({self.hours})"


class Normality(StrEnum):
    """The four things that may be said of a day beside what is usual."""

    BUSIER = "busier than usual"
    QUIETER = "quieter than usual"
    USUAL = "as usual"
    EARLY = "too early to tell"


def judge_day(usual: UsualRange | None) -> Normality:
    """Say whether a day, or its hours so far, is usual; “too early to tell” without a usual range."""
    if usual is None:
        return Normality.EARLY
    if usual.value > usual.band.high:
        return Normality.BUSIER
    return Normality.QUIETER if usual.value < usual.band.low else Normality.USUAL


def tell(comparisons: Mapping[K, Comparison], *, primary: Collection[K] = ()) -> dict[K, Finding]:
    """Judge all comparisons of one page together, so that at most 5 % of such pages tell a change without one.

    The `primary` comparisons, which the page is mainly about, share `PRIMARY_SHARE` of that error among themselves.
    """
    lead = [key for key in comparisons if key in primary]
    rest = len(comparisons) - len(lead)
    share = PRIMARY_SHARE if lead and rest else 1.0
    weights = [share / len(lead) if key in lead else (1 - share if lead else 1.0) / rest for key in comparisons]
    adjusted = holm([each.p_value for each in comparisons.values()], weights)
    return {
        key: Finding(_word(comparison, p_value), comparison)
        for (key, comparison), p_value in zip(comparisons.items(), adjusted, strict=True)
    }


def _word(comparison: Comparison, p_value: float) -> Word:
    interval, ratio = comparison.interval, comparison.ratio
    if interval is None or ratio is None:
        return Word.UNKNOWN
    if interval.low >= 1 - SAME_WITHIN and interval.high <= 1 + SAME_WITHIN:
        return Word.SAME
    if p_value > 1 - CONFIDENCE:
        return Word.UNKNOWN
    return Word.MORE if ratio > 1 else Word.FEWER


def holm(p_values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the adjusted p-values, in the same order; the weights are above 0.

    S. Holm, “A simple sequentially rejective multiple test procedure”, Scandinavian Journal of Statistics 6 (1979),
    65-70, with weights. It holds however the comparisons depend on each other.
    """
    adjusted = [1.0] * len(p_values)
    left, highest = math.fsum(weights), 0.0
    for number in sorted(range(len(p_values)), key=lambda number: p_values[number] / weights[number]):
        highest = max(highest, min(1.0, p_values[number] / weights[number] * left))
        adjusted[number] = highest
        left -= weights[number]
    return adjusted


def _percent(ratio: float) -> str:
    """Such as "+12%" or "−4%" for 1.12 or 0.96."""
    return f"{ratio - 1:+.0%}".replace("-", "−")
