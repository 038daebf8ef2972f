"""Learns from the messages of each device what it looks for: faces or not, and which labels; and whether it waits
between uploads, as far as a single message shows it (`waiting.py` learns it from many).

What was learned is in the fields `faces_sought`, `labels_sought` and `waits_between_uploads` of `Device`. It does not
depend on the order in which messages arrive: faces that were looked for once in a stretch are looked for, labels are
only added, and a device that waited once is one that waits.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from devices.models import Device
from devices.reading.decoding import Decoded, ReceivedFrame
from devices.reading.labels import BadLabel, normalised
from devices.storage.sql import Among

MOST_LABELS = 200
"""More labels of one device are not learned: no model of objects or gestures that a camera box runs has as many."""


@dataclass(slots=True)
class _Shown:
    """What messages have shown of one device."""

    device: Device
    faces: bool | None = None
    waits: bool = False
    labels: set[str] = field(default_factory=set)


def settle_empty_frames(contents: Iterable[Decoded]) -> None:
    """Set the faces of each frame whose message names nothing to none, if its device looks for faces.

    Otherwise they remain unknown. A device whose earlier message in `contents` has a face looks for faces.
    """
    shown: set[int] = set()
    for content in contents:
        if content.message_id is not None:
            continue  # An agent tells it with each frame.
        for seen in content.frames:
            if seen.frame.faces and not seen.device.sought_is_corrected:
                shown.add(seen.device.id)
            elif seen.is_empty and (seen.device.faces_sought or seen.device.id in shown):
                content.frames = [_without_faces(seen)]


def _without_faces(seen: ReceivedFrame) -> ReceivedFrame:
    return msgspec.structs.replace(seen, frame=msgspec.structs.replace(seen.frame, faces=()))


def learning(contents: Iterable[Decoded]) -> Callable[[], None] | None:
    """Return the write of what these messages show of their devices; None where nothing is new.

    A DeepLens that reports no face does not tell whether it looks for faces. An agent does.
    """
    shown: dict[int, _Shown] = {}
    for content in contents:
        is_agent = content.message_id is not None
        device = None
        for seen in content.frames:
            if seen.device is not device:
                device = seen.device
                of_device = shown.get(device.id) or shown.setdefault(device.id, _Shown(device))
            frame = seen.frame
            if of_device.faces is not True:
                if frame.faces or (is_agent and frame.faces is not None):
                    of_device.faces = True
                elif is_agent:
                    of_device.faces = False
            for labelled in frame.objects:
                of_device.labels.add(labelled.label)
            for labelled in frame.gestures:
                of_device.labels.add(labelled.label)
        if content.waits:
            shown.setdefault(content.device.id, _Shown(content.device)).waits = True
        for gesture in content.gestures:
            shown.setdefault(gesture.device.id, _Shown(gesture.device)).labels.add(gesture.label)
        status = content.status
        if status is not None and status.labels:
            shown.setdefault(content.device.id, _Shown(content.device)).labels.update(_usable(status.labels))
    new = [each for each in shown.values() if _merged(each.device, each) is not None]
    return partial(_learn, sorted(new, key=lambda each: each.device.pk)) if new else None


def _usable(labels: Iterable[str]) -> Iterator[str]:
    """Yield the labels as frames would report them."""
    for label in labels:
        with suppress(BadLabel):
            yield normalised(label)


def _learn(shown: Sequence[_Shown]) -> None:
    """Store what was learned, with one statement for all devices that have learned the same.

    When a fleet begins, thousands of its devices learn the same in one batch.
    """
    devices = Device.objects.select_for_update(no_key=True).order_by("pk").in_bulk([each.device.pk for each in shown])
    alike: dict[str, tuple[dict[str, Any], list[int]]] = {}
    for each in shown:
        device = devices.get(each.device.pk)
        merged = None if device is None else _merged(device, each)
        if merged is not None:
            alike.setdefault(repr(merged), (merged, []))[1].append(each.device.pk)
    for merged, pks in alike.values():
        Device.objects.filter(Among("pk", pks)).update(**merged)


def _merged(device: Device, shown: _Shown) -> dict[str, Any] | None:
    """Return what was learned of the device, by field, with what was shown; None where nothing changes."""
    if device.sought_is_corrected:
        return None
    faces = device.faces_sought if shown.faces is None else bool(device.faces_sought or shown.faces)
    new = sorted(shown.labels.difference(device.labels_sought))[: max(0, MOST_LABELS - len(device.labels_sought))]
    waits = True if shown.waits else device.waits_between_uploads
    if (faces, waits) == (device.faces_sought, device.waits_between_uploads) and not new:
        return None
    labels = sorted([*device.labels_sought, *new])
    return {"faces_sought": faces, "labels_sought": labels, "waits_between_uploads": waits}
