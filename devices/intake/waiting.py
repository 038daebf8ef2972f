"""Learns which DeepLens wait between uploads. Such a device says `deeplens.SIGN_OF_LIFE` while it waits, whatever it
sees, so that its signs of life do not tell that nothing was there.

Two things show it. AWS' sample for retraining waits, and names its pictures after the device. And a device that waits
says so many times that it is alive between any two uploads. What was learned is in `Device.waits_between_uploads`; the
numbers of signs are in the state of the thing.
"""

from collections.abc import Collection, Iterable

import msgspec

from devices.models import Device, DeviceState
from devices.reading.decoding import Arrival, Decoded

FEWEST_SIGNS = 10
"""Signs of life between two uploads of a device that waits. AWS' sample lets more than ten frames pass."""

WAITS = 3
"""A device waits if so many of its uploads in a row came after as many signs."""


class Run(msgspec.Struct):
    """Signs of life and uploads of one device in the order of their arrival."""

    device: Device
    before: int = 0
    """Signs before the first upload."""
    between: list[int] = []
    """Signs between two uploads, of each two that follow each other."""
    after: int | None = None
    """Signs after the last upload; None without an upload."""

    def add_sign(self) -> None:
        if self.after is None:
            self.before += 1
        else:
            self.after += 1

    def add_upload(self) -> None:
        if self.after is not None:
            self.between.append(self.after)
        self.after = 0


def runs_of(decoded: Iterable[tuple[Arrival, Decoded]]) -> dict[int, Run]:
    """Return the signs and uploads of each DeepLens in these messages, by the primary key of its thing.

    A message tells nothing here if its order among the others may not be that in which the device sent it.
    """
    runs: dict[int, Run] = {}
    for arrival, content in decoded:
        if content.message_id is not None or arrival.retained or arrival.read_at is not None:
            continue
        is_sign = bool(content.signs_of_life)
        if (not is_sign and not content.frames) or (arrival.delivery is not None and arrival.delivery.redelivered):
            continue
        pk = content.device.thing.pk
        run = runs.get(pk) or runs.setdefault(pk, Run(content.device))
        if is_sign:
            run.add_sign()
        else:
            run.add_upload()
    return runs


def learn(runs: Collection[Run], states: dict[int, DeviceState]) -> None:
    """Count these signs in the states of the things, by primary key, and note which devices wait, or do not."""
    for run in runs:
        state = states.get(run.device.thing.pk)
        said_it_was_alive = run.before or any(run.between) or run.after
        if state is None or (state.signs_since_upload is None and not said_it_was_alive):
            continue
        waits = _count(run, state)
        if waits is not None and run.device.waits_between_uploads is None:
            unknown = Device.objects.filter(pk=run.device.pk, waits_between_uploads=None, sought_is_corrected=False)
            unknown.update(waits_between_uploads=waits)


def _count(run: Run, state: DeviceState) -> bool | None:
    """Add the run to the state. Return whether the device waits; None while that is not known."""
    since = run.before + (state.signs_since_upload or 0)
    if run.after is None:
        state.signs_since_upload = since
        return None
    # Before the first upload that was ever noticed, the device may have waited for longer or not at all.
    between = run.between if state.uploads_after_waits is None else [since, *run.between]
    state.signs_since_upload = run.after
    if any(signs < FEWEST_SIGNS for signs in between):
        state.uploads_after_waits = 0
        return False
    state.uploads_after_waits = min((state.uploads_after_waits or 0) + len(between), WAITS)
    return True if state.uploads_after_waits == WAITS else None
