"""Episodes by the plain walk over all frames, to hold the platform's against."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from analytics.models import Episode
from devices.reading.decoding import ReceivedFrame, ReceivedGesture
from tests.analytics.frames import detections

SECOND = dt.timedelta(seconds=1)
Moment = tuple[dt.datetime, dt.datetime, int, float]
"""From when to when something is shown, how many of it, and how sure."""


def walk(moments: Iterable[Moment], gap: dt.timedelta) -> list[Moment]:
    """These moments in runs whose parts are no further apart than the gap."""
    runs: list[list[Moment]] = []
    for moment in sorted(moments):
        if runs and moment[0] - max(end for _, end, _, _ in runs[-1]) <= gap:
            runs[-1].append(moment)
        else:
            runs.append([moment])
    return [
        (run[0][0], max(end for _, end, _, _ in run), max(each[2] for each in run), max(each[3] for each in run))
        for run in runs
    ]


def visits(frames: Sequence[ReceivedFrame]) -> list[Moment]:
    return walk(
        (
            (
                frame.taken_at,
                frame.taken_at,
                len(frame.frame.faces),
                max(found[1] for found in detections(frame) if found[0] == "face"),
            )
            for frame in frames
            if frame.frame.faces
        ),
        20 * SECOND,
    )


def shown(frames: Sequence[ReceivedFrame], gestures: Sequence[ReceivedGesture], label: str, visit: str) -> list[Moment]:
    """What the person of this visit shows of the label; "" stands for all people whose visit is unknown."""
    mine = [told for told in gestures if (told.label, told.visit) == (label, visit)]
    moments = [(told.began_at, told.ended_at, 1, told.confidence) for told in mine]
    for frame in frames:
        objects = [found for found in frame.frame.objects if (found.label, found.visit or "") == (label, visit)]
        found = [found.confidence for found in objects]
        if found:
            moments.append((frame.taken_at, frame.taken_at, len(found), max(found)))
    return walk(moments, 3 * SECOND)


def episode_table(frames: Sequence[ReceivedFrame], gestures: Sequence[ReceivedGesture] = ()) -> list[tuple[Any, ...]]:
    """The rows of Episode that these different frames and reports should make."""
    rows: list[tuple[Any, ...]] = []
    for device in {frame.device.pk for frame in frames} | {gesture.device.pk for gesture in gestures}:
        mine = [frame for frame in frames if frame.device.pk == device]
        told = [gesture for gesture in gestures if gesture.device.pk == device]
        rows += [(device, "face", "", *visit) for visit in visits(mine)]
        kinds = {(found.label, found.visit or "") for frame in mine for found in frame.frame.objects}
        kinds |= {(gesture.label, gesture.visit) for gesture in told}
        for label, visit in kinds:
            if label != "face":
                rows += [(device, label, visit, *episode) for episode in shown(mine, told, label, visit)]
    return sorted(rows)


def stored_episodes() -> list[tuple[Any, ...]]:
    return sorted(Episode.objects.values_list("device_id", "label", "visit", "started", "ended", "peak", "confidence"))
