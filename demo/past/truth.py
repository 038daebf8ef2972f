"""What the platform must say about a history, reckoned from the visits alone, without making a single frame.

A camera takes its frames at fixed instants, so a span contains a number of frames that is a division away; what was
seen follows from how spans overlap. Whoever counts messages and comes to other numbers has counted wrong. Times are
epoch milliseconds, UTC; confidences are whole millionths.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from demo.past.history import MINUTE, SECOND, History, Span, Thumb, overlap


@dataclass(frozen=True)
class Expected:
    """What was seen from a start to an end."""

    frames: int
    """Frames in which faces were looked for."""
    faces_sum: int
    faces_peak: int
    """Most faces in one frame."""
    faces_confidence: int
    """Sum over all faces, millionths."""
    minutes_seen: int
    """Minutes of the clock with a frame of any kind."""
    minutes_occupied: int
    """Minutes of the clock with a face in a frame."""
    thumbs: int
    """Thumbs over all frames: one that is held up in two frames counts twice."""
    thumbs_confidence: int
    """Sum over all thumbs, millionths."""

    @property
    def average_faces(self) -> Fraction | None:
        """Faces per frame; None where there was no frame."""
        return Fraction(self.faces_sum, self.frames) if self.frames else None


def expected(history: History, start: int, end: int) -> Expected:
    """What the platform must say about the frames taken from `start` to before `end`."""
    on = [seen for span in history.on if (seen := overlap(span, Span(start, end)))]
    present = [visit for visit in history.visits if visit.started < end and visit.ended > start]
    visits = [(seen, visit.confidence) for visit in present for seen in _seen(visit, on)]
    records = [(at, thumb) for at, thumb in _records(history) if any(span.started <= at < span.ended for span in on)]
    thumbs = [(1, thumb) for _, thumb in records] or list(_held_up(history, on))
    every = history.habits.frame_every
    return Expected(
        frames=sum(instants(span, every) for span in on),
        faces_sum=sum(instants(span, every) for span, _ in visits),
        faces_peak=_peak([span for span, _ in visits], every),
        faces_confidence=sum(instants(span, every) * confidence for span, confidence in visits),
        minutes_seen=len(_minutes(on, every) | {at // MINUTE for at, _ in records}),
        minutes_occupied=len(_minutes((span for span, _ in visits), every)),
        thumbs=sum(times * len(thumb.confidences) for times, thumb in thumbs),
        thumbs_confidence=sum(times * sum(thumb.confidences) for times, thumb in thumbs),
    )


VISIT_GAP = 20 * SECOND
"""Who is not seen for longer has left; who comes then begins another visit. As Liquid Galaxy's statistics have it."""


def occupied(history: History) -> tuple[Span, ...]:
    """The visits that the platform must tell of, in order: from the first frame with a face to the last one.

    However many people stand there, it is one visit. The camera must look at least every `VISIT_GAP`. Spans of visits
    contain their ends, as others do not: one of a single frame begins and ends with it.
    """
    every = history.habits.frame_every
    spans = (part for visit in history.visits for part in _seen(visit, history.on) if instants(part, every))
    frames = ((_first(part.started, every) * every, (_first(part.ended, every) - 1) * every) for part in spans)
    found: list[Span] = []
    for first, last in sorted(frames):
        if found and first - found[-1].ended <= VISIT_GAP:
            found[-1] = Span(found[-1].started, max(found[-1].ended, last))
        else:
            found.append(Span(first, last))
    return tuple(found)


def instants(span: Span, every: int) -> int:
    """How many frames a camera takes in this span: at every multiple of `every` milliseconds since the epoch."""
    return _first(span.ended, every) - _first(span.started, every)


def _first(at: int, every: int) -> int:
    """Number of the first frame that is taken at this time or after it."""
    return -(-at // every)


def _seen(span: Span, on: Iterable[Span]) -> Iterator[Span]:
    return (seen for part in on if (seen := overlap(span, part)))


def _peak(spans: list[Span], every: int) -> int:
    """Most spans at once, at an instant of the camera: what happens between two frames is not seen."""
    edges = sorted({edge for span in spans for edge in (span.started, span.ended)})
    changes = dict.fromkeys(edges, 0)
    for span in spans:
        changes[span.started] += 1
        changes[span.ended] -= 1
    present, peak = 0, 0
    for started, ended in itertools.pairwise(edges):
        present += changes[started]
        if instants(Span(started, ended), every):
            peak = max(peak, present)
    return peak


def _minutes(spans: Iterable[Span], every: int) -> set[int]:
    """Minutes since the epoch in which one of the spans contains an instant of the camera."""
    return {
        minute
        for span in spans
        for minute in range(span.started // MINUTE, -(-span.ended // MINUTE))
        if (part := overlap(span, Span(minute * MINUTE, (minute + 1) * MINUTE))) and instants(part, every)
    }


def _records(history: History) -> Iterator[tuple[int, Thumb]]:
    """The thumbs of a DeepLens, which sends a record for each, at the second in which it is held up."""
    if history.habits.speaks == "deeplens":
        yield from ((thumb.started // SECOND * SECOND, thumb) for thumb in history.thumbs)


def _held_up(history: History, on: list[Span]) -> Iterator[tuple[int, Thumb]]:
    """The thumbs of an agent, and in how many of its frames it sees each."""
    if history.habits.speaks == "agent":
        for thumb in history.thumbs:
            yield sum(instants(seen, history.habits.frame_every) for seen in _seen(thumb, on)), thumb
