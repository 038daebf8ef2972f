"""Generates the messages that the demo's cameras would have sent during a history.

As in reality, some messages are late and therefore out of order, some are delivered twice, and some are log lines.
None of that may change a number. Times are epoch milliseconds, UTC.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TypeVar

import numpy as np

from demo.cameras import dialects
from demo.past.history import FRAME_SIZE, HOUR, MINUTE, SECOND, History, Span, Thumb, Visit, overlap
from edge_agent import messages
from edge_agent.vision.gestures import THUMBS_DOWN, THUMBS_UP

Stay = TypeVar("Stay", bound=Span)
Report = TypeVar("Report", messages.Visit, messages.GestureEpisode)


@dataclass(frozen=True)
class SentMessage:
    """A message to the platform, and when it arrives there."""

    topic: str
    payload: bytes
    sent_at: int


def sent_messages(histories: Iterable[History]) -> list[SentMessage]:
    """Return all messages of these cameras in the order of arrival. No message arrives after the end of the period."""
    delivered = chain.from_iterable(_with_network_faults(history, _published(history)) for history in histories)
    return sorted(delivered, key=lambda sent: sent.sent_at)


def _published(history: History) -> Iterator[SentMessage]:
    if history.profile.protocol == "deeplens":
        return chain(_deeplens_frames(history), _deeplens_thumbs(history), _deeplens_log(history))
    return chain(_agent_frames(history), _agent_log(history))


# -- network faults --------------------------------------------------------------------------------------------------

_LATE_SHARE, _LONGEST_DELAY = 0.01, 10 * MINUTE
"""Share of the messages that are late, and their longest delay."""

_REPEATED_SHARE, _LONGEST_REPEAT_DELAY = 0.01, MINUTE
"""Share of the messages that are delivered twice, and the longest delay of the second delivery."""

_USUAL_DELAY = (150, 1_500)
"""Shortest and longest delay of other messages, in milliseconds."""


def _with_network_faults(history: History, published: Iterable[SentMessage]) -> Iterator[SentMessage]:
    random = np.random.default_rng((history.seed, *history.profile.thing.encode(), 2))
    for sent in published:
        is_late = random.random() < _LATE_SHARE and sent.sent_at + _LONGEST_DELAY < history.period.ended
        waits = int(random.integers(_LONGEST_DELAY) if is_late else random.integers(*_USUAL_DELAY))
        arrives = min(sent.sent_at + waits, history.period.ended)
        yield replace(sent, sent_at=arrives)
        if random.random() < _REPEATED_SHARE:
            yield replace(
                sent, sent_at=min(arrives + int(random.integers(_LONGEST_REPEAT_DELAY)), history.period.ended)
            )


_ATTENTION = (2.0, 1.5)
"""The beta distribution of the share of a visit in which the face is turned to the display: on average 57 %."""

_METRE_FACE_WIDTH = 142
"""Width in pixels of a face that is a metre away, in the frames of a lens of 70°."""

# -- an agent --------------------------------------------------------------------------------------------------------


def _agent_frames(history: History) -> Iterator[SentMessage]:
    for span in history.on:
        frames, visits, gestures = _frames(history, span), _visits(history, span), _episodes(history, span)
        while batch := tuple(islice(frames, history.profile.frames_per_message)):
            taken_at = batch[-1].taken_at
            is_last = taken_at + history.profile.frame_every >= span.ended
            until = span.ended if is_last else taken_at
            reports, ended = tuple(_take_until(visits, until, _end_of)), _take_until(gestures, until, _end_of_gesture)
            message = messages.Frames(_id(history, taken_at), batch, tuple(ended), reports)
            yield _from_agent(history, "frames", message, taken_at)


def _visits(history: History, span: Span) -> deque[messages.Visit]:
    """Return the last reports of the visits in this span, as far as the camera was on, in the order of their ends."""
    seen = [overlap(visit, span) for visit in history.visits]
    reports = [_report(visit, both, span) for visit, both in zip(history.visits, seen, strict=True) if both is not None]
    return deque(sorted(reports, key=_end_of))


def _report(visit: Visit, seen: Span, span: Span) -> messages.Visit:
    random = np.random.default_rng((visit.started, visit.confidence))
    dwell = seen.ended - seen.started
    return messages.Visit(
        id=visit.id,
        began_at=seen.started,
        dwell=dwell,
        attention=round(dwell * random.beta(*_ATTENTION)),
        nearest=round(_METRE_FACE_WIDTH / visit.box[2], 2),
        ended=visit.ended < span.ended,
    )


def _episodes(history: History, span: Span) -> deque[messages.GestureEpisode]:
    """Return the gestures of this span, as far as the camera was on, in the order of their ends."""
    episodes = [
        messages.GestureEpisode(label, seen.started, max(thumb.confidences) / 1e6, seen.ended - 1, thumb.visit or None)
        for label, thumbs in ((THUMBS_UP, history.thumbs), (THUMBS_DOWN, history.thumbs_down))
        for thumb in thumbs
        if (seen := overlap(thumb, span)) is not None
    ]
    return deque(sorted(episodes, key=_end_of_gesture))


def _take_until(reports: deque[Report], at: int, end_of: Callable[[Report], int]) -> Iterator[Report]:
    while reports and end_of(reports[0]) <= at:
        yield reports.popleft()


def _end_of(visit: messages.Visit) -> int:
    return visit.began_at + visit.dwell


def _end_of_gesture(episode: messages.GestureEpisode) -> int:
    return episode.ended_at or episode.began_at


def _frames(history: History, span: Span) -> Iterator[messages.Frame]:
    moments = list(_moments(history, span))
    thumbs, thumbs_down = _present(history.thumbs, moments), _present(history.thumbs_down, moments)
    for taken_at, visits, up, down in zip(moments, _present(history.visits, moments), thumbs, thumbs_down, strict=True):
        yield messages.Frame(
            taken_at=taken_at,
            faces=tuple(messages.Face(visit.confidence / 1e6, visit.box, visit=visit.id) for visit in visits),
            gestures=(*_gestures(THUMBS_UP, up), *_gestures(THUMBS_DOWN, down)),
            size=FRAME_SIZE,
        )


def _gestures(label: str, thumbs: Sequence[Thumb]) -> Iterator[messages.Labelled]:
    for thumb in thumbs:
        visit = thumb.visit or None
        yield from (messages.Labelled(label, confidence / 1e6, visit=visit) for confidence in thumb.confidences)


def _moments(history: History, span: Span) -> range:
    """Return the times of the camera's frames in this span."""
    every = history.profile.frame_every
    return range(-(-span.started // every) * every, span.ended, every)


def _present(stays: Sequence[Stay], moments: Iterable[int]) -> Iterator[list[Stay]]:
    """Yield for each moment the stays that contain it. `stays` must be in the order of their starts."""
    coming, here = deque(stays), list[Stay]()
    for at in moments:
        while coming and coming[0].started <= at:
            here.append(coming.popleft())
        here = [stay for stay in here if stay.ended > at]
        yield here


def _agent_log(history: History) -> Iterator[SentMessage]:
    for at, text, is_error in _log_lines(history, "the camera is on", "the source has shown no frame for 10 s"):
        line = messages.Log(_id(history, at), at, text, "error" if is_error else "info")
        yield _from_agent(history, "log", line, at)


def _from_agent(history: History, kind: str, message: messages.FromDevice, at: int) -> SentMessage:
    topic = messages.topic_from_device(history.profile.thing, kind)
    return SentMessage(topic, messages.encode(message), at)


def _id(history: History, at: int) -> str:
    return f"past-{history.seed}-{at}"


# -- a DeepLens ------------------------------------------------------------------------------------------------------


def _deeplens_frames(history: History) -> Iterator[SentMessage]:
    """Yield a message per frame in the form of the IoT console's export, since a DeepLens sends no time of its own."""
    for span in history.on:
        moments = list(_moments(history, span))
        for taken_at, visits in zip(moments, _present(history.visits, moments), strict=True):
            payload = _in_dialect([visit.confidence / 1e6 for visit in visits], taken_at // history.profile.frame_every)
            yield _from_deeplens(history, _exported(payload, _infer(history), taken_at), taken_at)


def _in_dialect(faces: Sequence[float], number: int) -> bytes:
    """Return a frame's faces in one of the dialects of the DeepLens projects; frame numbers take turns."""
    if number % 3 == 0 and len(faces) < 2:
        return dialects.one_face(faces[0]) if faces else dialects.empty()
    return dialects.faces(faces) if number % 3 == 1 else dialects.flagged_faces(faces)


def _exported(payload: bytes, topic: str, at: int) -> bytes:
    """Return the message as the IoT console exports it. It is built as text, to keep the payload's repeated keys."""
    return b'{"format": "json", "payload": %b, "qos": 0, "timestamp": %d, "topic": "%b"}' % (
        payload,
        at,
        topic.encode(),
    )


def _deeplens_thumbs(history: History) -> Iterator[SentMessage]:
    for thumb in history.thumbs:
        second = thumb.started // SECOND
        if any(span.started <= second * SECOND < span.ended for span in history.on):
            confidences = [confidence / 1e6 for confidence in thumb.confidences]
            record = dialects.thumbs_up(confidences, second, history.profile.name)
            yield _from_deeplens(history, record, second * SECOND)


def _deeplens_log(history: History) -> Iterator[SentMessage]:
    for at, text, _ in _log_lines(history, dialects.START_UP[-1], "Test failed: Failed to get frame from the stream"):
        yield _from_deeplens(history, dialects.log_line(text), at)
    for span in history.on:
        for at in range(span.started, span.ended, HOUR):
            yield _from_deeplens(history, dialects.no_detections(), at)


def _from_deeplens(history: History, payload: bytes, at: int) -> SentMessage:
    return SentMessage(_infer(history), payload, at)


def _infer(history: History) -> str:
    return dialects.infer_topic(history.profile.thing)


# -- lines of log ----------------------------------------------------------------------------------------------------

_OUTAGE_LOG_INTERVAL = 10 * MINUTE


def _log_lines(history: History, switched_on: str, no_picture: str) -> Iterator[tuple[int, str, bool]]:
    """Yield time, text and whether it is an error: a line when the camera is switched on, and several in its outage."""
    yield from ((span.started, switched_on, False) for span in history.on)
    if history.outage:
        times = range(history.outage.started, history.outage.ended, _OUTAGE_LOG_INTERVAL)
        yield from ((at, no_picture, True) for at in times)
