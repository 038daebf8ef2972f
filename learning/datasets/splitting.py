"""Divides pictures into those to learn from and those to evaluate with. Pure.

Pictures of one recording are nearly the same picture, so by default a recording is in one part as a whole.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

TRAIN, VALIDATION = "train", "validation"

TRIES = 500
"""Orders of the recordings that are tried for a split in which each label is in both parts."""

RANDOM_WARNING = (
    "Single pictures are split at random, so nearly the same picture may be in both parts. The evaluation then "
    "promises more than the model can do."
)


class CannotSplit(ValueError):
    """The pictures cannot be divided. The text says why and what to do, in one or two sentences."""


class Item(NamedTuple):
    """A picture that is to be divided."""

    key: int
    recording: str
    labels: tuple[str, ...]
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Split:
    """Which part each picture is in, and what is to be said of it."""

    part: Mapping[int, str]
    recordings: Mapping[str, str]
    """The part of each recording; empty where recordings are divided."""
    warnings: Sequence[str] = ()

    def keys(self, part: str) -> list[int]:
        return [key for key, each in self.part.items() if each == part]


def split(items: Sequence[Item], *, by: str, seed: int, share: float) -> Split:
    """Return the split; the same pictures, seed and share always give the same. Raises `CannotSplit`."""
    if len(items) < 2:
        raise CannotSplit("A data set needs at least two annotated pictures before it can be split.")
    if by == "random":
        return _at_random(items, seed, share)
    if by == "folder":
        return _by_folder(items)
    return _by_recording(items, seed, share)


def _at_random(items: Sequence[Item], seed: int, share: float) -> Split:
    order = sorted(items, key=lambda item: item.key)
    random.Random(seed).shuffle(order)  # noqa: S311 - a split need not be secret
    count = min(max(round(share * len(order)), 1), len(order) - 1)
    part = {item.key: VALIDATION if number < count else TRAIN for number, item in enumerate(order)}
    return _told(items, Split(part, {}, (RANDOM_WARNING,)))


def _by_folder(items: Sequence[Item]) -> Split:
    part = {item.key: item.folder for item in items if item.folder}
    if set(part.values()) != {TRAIN, VALIDATION}:
        raise CannotSplit(
            "No pictures were imported from both folders, train and validation. Split by recording instead."
        )
    left = len(items) - len(part)
    warnings: tuple[str, ...] = (f"{left:,} pictures are in neither folder and are left out.",) if left else ()
    shared = {item.recording for item in items if part.get(item.key) == TRAIN} & {
        item.recording for item in items if part.get(item.key) == VALIDATION
    }
    if shared:
        warnings += (f"{len(shared)} recordings are in both folders, so nearly the same picture may be in both.",)
    return _told(items, Split(part, {}, warnings))


def _by_recording(items: Sequence[Item], seed: int, share: float) -> Split:
    by_recording: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_recording[item.recording].append(item)
    if len(by_recording) < 2:
        raise CannotSplit(
            "All pictures are of one recording. Add a second recording, at another time or place; or split single "
            "pictures at random, which promises more than the model can do."
        )
    chosen = _choose(by_recording, seed, share)
    recordings = {name: VALIDATION if name in chosen else TRAIN for name in sorted(by_recording)}
    return _told(items, Split({item.key: recordings[item.recording] for item in items}, recordings))


def _choose(by_recording: Mapping[str, Sequence[Item]], seed: int, share: float) -> frozenset[str]:
    """Return the recordings to evaluate with: of `TRIES` orders the best one, the earliest of equal ones.

    The best split lacks the fewest labels in either part, then is nearest to the share.
    """
    total = sum(map(len, by_recording.values()))
    labels = {name: Counter(label for item in group for label in item.labels) for name, group in by_recording.items()}
    all_labels = {label for counts in labels.values() for label in counts}
    chance = random.Random(seed)  # noqa: S311 - a split need not be secret
    best: tuple[tuple[int, float], frozenset[str]] | None = None
    for _ in range(TRIES):
        order = sorted(by_recording)
        chance.shuffle(order)
        chosen: list[str] = []
        size = 0
        for name in order[:-1]:
            if chosen and size + len(by_recording[name]) / 2 > share * total:
                break
            chosen.append(name)
            size += len(by_recording[name])
        kept = [name for name in order if name not in chosen]
        lacking = sum(not any(labels[name][label] for name in part) for part in (chosen, kept) for label in all_labels)
        score = (lacking, abs(size / total - share))
        if best is None or score < best[0]:
            best = score, frozenset(chosen)
    assert best is not None  # noqa: S101 - there is at least one try
    return best[1]


def _told(items: Sequence[Item], split: Split) -> Split:
    """Return the split with a warning for each label that is missing in a part."""
    there: dict[str, set[str]] = {TRAIN: set(), VALIDATION: set()}
    for item in items:
        if item.key in split.part:
            there[split.part[item.key]].update(item.labels)
    warnings = list(split.warnings)
    for part, other, what in ((TRAIN, VALIDATION, "learned"), (VALIDATION, TRAIN, "evaluated")):
        warnings += [
            f"“{label}” is not {what}: no picture of the part “{part}” shows it."
            for label in sorted(there[other] - there[part])
        ]
    return Split(split.part, split.recordings, tuple(warnings))
