"""Computes the counts that the platform must show for a history, from the visits alone and without frames.

A camera takes its frames at fixed times, so a division gives the number of frames in a span, and overlaps of spans give
what was in the frames. Times are epoch milliseconds, UTC; confidences are whole millionths.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from demo.past.history import MINUTE, SECOND, History, Span, Thumb, overlap


@dataclass(frozen=True)
class ExpectedCounts:
    """The counts from a start to an end."""

    frames: int
    """Frames in which faces were detected or could have been."""
    faces_sum: int
    faces_peak: int
    """The most faces in one frame."""
    faces_confidence: int
    """Sum over all faces, millionths."""
    minutes_seen: int
    """Minutes of the clock with a frame of any kind."""
    minutes_occupied: int
    """Minutes of the clock with a face in a frame."""
    thumbs: int
    """Thumbs-up over all frames: a thumb in two frames counts twice."""
    thumbs_confidence: int
    """Sum over all thumbs, millionths."""

    @property
    def average_faces(self) -> Fraction | None:
        """Faces per frame; None where there was no frame."""
        return Fraction(self.faces_sum, self.frames) if self.frames else None


def expected_counts(history: History, start: int, end: int) -> ExpectedCounts:
    """Return the counts of the frames taken from `start` to before `end`."""
    on = [seen for span in history.on if (seen := overlap(span, Span(start, end)))]
    present = [visit for visit in history.visits if visit.started < end and visit.ended > start]
    visits = [(seen, visit.confidence) for visit in present for seen in _seen(visit, on)]
    records = [(at, thumb) for at, thumb in _records(history) if any(span.started <= at < span.ended for span in on)]
    thumbs = [(1, thumb) for _, thumb in records] or list(_held_up(history, on))
    every = history.profile.frame_every
    return ExpectedCounts(
        frames=sum(frames_in(span, every) for span in on),
        faces_sum=sum(frames_in(span, every) for span, _ in visits),
        faces_peak=_peak([span for span, _ in visits], every),
        faces_confidence=sum(frames_in(span, every) * confidence for span, confidence in visits),
        minutes_seen=len(_minutes(on, every) | {at // MINUTE for at, _ in records}),
        minutes_occupied=len(_minutes((span for span, _ in visits), every)),
        thumbs=sum(times * len(thumb.confidences) for times, thumb in thumbs),
        thumbs_confidence=sum(times * sum(thumb.confidences) for times, thumb in thumbs),
    )


SPELL_GAP = 20 * SECOND
"""A visit ends when no face is in a frame for longer than this, as in Liquid Galaxy's statistics."""


def expected_visits(history: History) -> tuple[Span, ...]:
    """Return the visits that the platform must count, in order: each from the first frame with a face to the last.

    Any number of people at the same time are one visit. The camera must take a frame at least every `SPELL_GAP`. Unlike
    other spans, a visit contains its end: a visit of a single frame begins and ends at that frame.
    """
    every = history.profile.frame_every
    spans = (part for visit in history.visits for part in _seen(visit, history.on) if frames_in(part, every))
    frames = ((_first(part.started, every) * every, (_first(part.ended, every) - 1) * every) for part in spans)
    found: list[Span] = []
    for first, last in sorted(frames):
        if found and first - found[-1].ended <= SPELL_GAP:
            found[-1] = Span(found[-1].started, max(found[-1].ended, last))
        else:
            found.append(Span(first, last))
    return tuple(found)


def frames_in(span: Span, every: int) -> int:
    """Return the number of frames in this span, taken at every multiple of `every` milliseconds since the epoch."""
    return _first(span.ended, every) - _first(span.started, every)


def _first(at: int, every: int) -> int:
    """Return the number of the first frame at or after this time."""
    return -(-at // every)


def _seen(span: Span, on: Iterable[Span]) -> Iterator[Span]:
    return (seen for part in on if (seen := overlap(span, part)))


def _peak(spans: list[Span], every: int) -> int:
    """Return the most spans at the time of one frame."""
    edges = sorted({edge for span in spans for edge in (span.started, span.ended)})
    changes = dict.fromkeys(edges, 0)
    for span in spans:
        changes[span.started] += 1
        changes[span.ended] -= 1
    present, peak = 0, 0
    for started, ended in itertools.pairwise(edges):
        present += changes[started]
        if frames_in(Span(started, ended), every):
            peak = max(peak, present)
    return peak


def _minutes(spans: Iterable[Span], every: int) -> set[int]:
    """Return the minutes since the epoch with a frame in one of the spans."""
    return {
        minute
        for span in spans
        for minute in range(span.started // MINUTE, -(-span.ended // MINUTE))
        if (part := overlap(span, Span(minute * MINUTE, (minute + 1) * MINUTE))) and frames_in(part, every)
    }


def _records(history: History) -> Iterator[tuple[int, Thumb]]:
    """Yield the thumbs of a DeepLens, which sends one record per thumb, with the second of the record."""
    if history.profile.protocol == "deeplens":
        yield from ((thumb.started // SECOND * SECOND, thumb) for thumb in history.thumbs)


def _held_up(history: History, on: list[Span]) -> Iterator[tuple[int, Thumb]]:
    """Yield the thumbs of an agent, each with the number of frames that show it."""
    if history.profile.protocol == "agent":
        for thumb in history.thumbs:
            yield sum(frames_in(seen, history.profile.frame_every) for seen in _seen(thumb, on)), thumb
