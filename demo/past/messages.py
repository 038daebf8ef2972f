"""What the demo's cameras would have sent in the past that a history tells.

As in reality, some messages come late and so out of order, some come twice, and there are lines of log among them;
none of it may change a number. Times are epoch milliseconds, UTC.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TypeVar

import numpy as np

from demo.cameras import dialects
from demo.past.history import FRAME_SIZE, HOUR, MINUTE, SECOND, History, Span, Thumb
from edge_agent import messages
from edge_agent.vision.gestures import THUMBS_DOWN, THUMBS_UP

Stay = TypeVar("Stay", bound=Span)


@dataclass(frozen=True)
class Sent:
    """A message on its way to the platform."""

    topic: str
    payload: bytes
    sent_at: int


def sent_messages(histories: Iterable[History]) -> list[Sent]:
    """All that the cameras sent, in the order in which it arrives. Nothing arrives after the end of the period."""
    everything = chain.from_iterable(_with_troubles(history, _said(history)) for history in histories)
    return sorted(everything, key=lambda sent: sent.sent_at)


def _said(history: History) -> Iterator[Sent]:
    if history.habits.speaks == "deeplens":
        return chain(_deeplens_frames(history), _deeplens_thumbs(history), _deeplens_log(history))
    return chain(_agent_frames(history), _agent_log(history))


# -- troubles on the way ---------------------------------------------------------------------------------------------

_LATE, _LATEST = 0.01, 10 * MINUTE
"""Part of the messages that wait for the network, and how long they wait at most."""

_TWICE, _AGAIN_AFTER = 0.01, MINUTE
"""Part of the messages that are sent a second time, and how much later at most."""

_ON_THE_WAY = (150, 1_500)
"""Milliseconds from saying to arriving when all is well."""


def _with_troubles(history: History, said: Iterable[Sent]) -> Iterator[Sent]:
    random = np.random.default_rng((history.seed, *history.habits.thing.encode(), 2))
    for sent in said:
        is_late = random.random() < _LATE and sent.sent_at + _LATEST < history.period.ended
        waits = int(random.integers(_LATEST) if is_late else random.integers(*_ON_THE_WAY))
        arrives = min(sent.sent_at + waits, history.period.ended)
        yield replace(sent, sent_at=arrives)
        if random.random() < _TWICE:
            yield replace(sent, sent_at=min(arrives + int(random.integers(_AGAIN_AFTER)), history.period.ended))


# -- an agent --------------------------------------------------------------------------------------------------------


def _agent_frames(history: History) -> Iterator[Sent]:
    for span in history.on:
        frames = _frames(history, span)
        while batch := tuple(islice(frames, history.habits.frames_per_message)):
            taken_at = batch[-1].taken_at
            yield _from_agent(history, "frames", messages.Frames(_id(history, taken_at), batch), taken_at)


def _frames(history: History, span: Span) -> Iterator[messages.Frame]:
    moments = list(_moments(history, span))
    thumbs, thumbs_down = _present(history.thumbs, moments), _present(history.thumbs_down, moments)
    for taken_at, visits, up, down in zip(moments, _present(history.visits, moments), thumbs, thumbs_down, strict=True):
        yield messages.Frame(
            taken_at=taken_at,
            faces=tuple(messages.Face(visit.confidence / 1e6, visit.box) for visit in visits),
            gestures=(*_gestures(THUMBS_UP, up), *_gestures(THUMBS_DOWN, down)),
            size=FRAME_SIZE,
        )


def _gestures(label: str, thumbs: Sequence[Thumb]) -> Iterator[messages.Labelled]:
    for thumb in thumbs:
        yield from (messages.Labelled(label, confidence / 1e6) for confidence in thumb.confidences)


def _moments(history: History, span: Span) -> range:
    """When the camera takes its frames in this span."""
    every = history.habits.frame_every
    return range(-(-span.started // every) * every, span.ended, every)


def _present(stays: Sequence[Stay], moments: Iterable[int]) -> Iterator[list[Stay]]:
    """Which of the stays, in order of their starts, contain each of the moments."""
    coming, here = deque(stays), list[Stay]()
    for at in moments:
        while coming and coming[0].started <= at:
            here.append(coming.popleft())
        here = [stay for stay in here if stay.ended > at]
        yield here


def _agent_log(history: History) -> Iterator[Sent]:
    for at, text, is_error in _log_lines(history, "the camera is on", "the source has shown no frame for 10 s"):
        line = messages.Log(_id(history, at), at, text, "error" if is_error else "info")
        yield _from_agent(history, "log", line, at)


def _from_agent(history: History, kind: str, message: messages.FromDevice, at: int) -> Sent:
    topic = messages.topic_from_device(history.habits.thing, kind)
    return Sent(topic, messages.encode(message), at)


def _id(history: History, at: int) -> str:
    return f"past-{history.seed}-{at}"


# -- a DeepLens ------------------------------------------------------------------------------------------------------


def _deeplens_frames(history: History) -> Iterator[Sent]:
    """A message per frame, as the IoT console exports it, because the device itself does not tell the time."""
    for span in history.on:
        moments = list(_moments(history, span))
        for taken_at, visits in zip(moments, _present(history.visits, moments), strict=True):
            said = _in_dialect([visit.confidence / 1e6 for visit in visits], taken_at // history.habits.frame_every)
            yield _from_deeplens(history, _exported(said, _infer(history), taken_at), taken_at)


def _in_dialect(faces: Sequence[float], number: int) -> bytes:
    """The faces of a frame in one of the ways in which the device's projects wrote them; in turn, by frame number."""
    if number % 3 == 0 and len(faces) < 2:
        return dialects.one_face(faces[0]) if faces else dialects.empty()
    return dialects.faces(faces) if number % 3 == 1 else dialects.flagged_faces(faces)


def _exported(payload: bytes, topic: str, at: int) -> bytes:
    """The message in the IoT console's export. Put together as text: the payload's repeated keys must survive."""
    return b'{"format": "json", "payload": %b, "qos": 0, "timestamp": %d, "topic": "%b"}' % (
        payload,
        at,
        topic.encode(),
    )


def _deeplens_thumbs(history: History) -> Iterator[Sent]:
    for thumb in history.thumbs:
        second = thumb.started // SECOND
        if any(span.started <= second * SECOND < span.ended for span in history.on):
            confidences = [confidence / 1e6 for confidence in thumb.confidences]
            record = dialects.thumbs_up(confidences, second, history.habits.name)
            yield _from_deeplens(history, record, second * SECOND)


def _deeplens_log(history: History) -> Iterator[Sent]:
    for at, text, _ in _log_lines(history, dialects.START_UP[-1], "Test failed: Failed to get frame from the stream"):
        yield _from_deeplens(history, dialects.log_line(text), at)
    for span in history.on:
        for at in range(span.started, span.ended, HOUR):
            yield _from_deeplens(history, dialects.no_detections(), at)


def _from_deeplens(history: History, payload: bytes, at: int) -> Sent:
    return Sent(_infer(history), payload, at)


def _infer(history: History) -> str:
    return dialects.infer_topic(history.habits.thing)


# -- lines of log ----------------------------------------------------------------------------------------------------

_COMPLAINS_EVERY = 10 * MINUTE


def _log_lines(history: History, switched_on: str, no_picture: str) -> Iterator[tuple[int, str, bool]]:
    """When, what, and whether it is an error: a line whenever the camera is switched on, and some in its outage."""
    yield from ((span.started, switched_on, False) for span in history.on)
    if history.outage:
        times = range(history.outage.started, history.outage.ended, _COMPLAINS_EVERY)
        yield from ((at, no_picture, True) for at in times)
