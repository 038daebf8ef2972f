"""Keeps the state of each thing up to date: when it was last heard of, whether it is online, and what it runs."""

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from devices.intake import waiting
from devices.intake.waiting import Run
from devices.models import DeviceState
from devices.reading.decoding import EPOCH, Arrival, Decoded
from devices.rules.text import storable
from devices.storage.sql import Among, Rows

log = logging.getLogger(__name__)

SEEN_TO = dt.timedelta(seconds=5)
"""How exact `last_seen_at` is for a device whose messages only tell that it is on. A row for each message of each
device would take a tenth of the intake's time, and leave as many dead rows in the table."""


class Update(NamedTuple):
    """A message that can change the state of its thing."""

    arrival: Arrival
    decoded: Decoded


Updates = Mapping[int, Sequence[Update]]
"""Messages by the primary key of their thing, those of each thing by time of arrival."""

INSTANCES = 8
"""The programs of a device that are remembered."""


def write(updates: Updates, runs: Collection[Run]) -> None:
    """Apply these messages, of which `relevant` has picked the few that matter, to their devices' states.

    `runs` are the signs of life of all messages. Of most devices a batch has frames alone, which tell no more than
    that the device is on. Then nothing else of its state is read or written, which takes a tenth of the time, and
    nothing at all if `last_seen_at` is exact to `SEEN_TO`.

    Must run inside a transaction, and waits for other transactions that write the same devices' states.
    """
    told = {pk for pk, own in updates.items() if not all(map(_is_sign_of_life_alone, own))}
    told |= {run.device.thing.pk for run in runs}
    pks = sorted(updates.keys() - (_fresh(updates) - told))
    if not pks:
        return
    locked = DeviceState.objects.select_for_update().filter(Among("pk", pks)).order_by("pk")
    heard: dict[int, dt.datetime | None] = dict(locked.values_list("pk", "last_seen_at"))
    told |= set(pks) - set(heard)
    states: dict[int, DeviceState] = DeviceState.objects.in_bulk(told) if told else {}
    for pk in pks:
        if pk not in told:
            latest = updates[pk][-1].arrival.received_at
            heard[pk] = max(heard[pk] or latest, latest)
            continue
        if pk not in states:
            states[pk] = DeviceState(thing_id=pk)
        for update in updates[pk]:
            _apply(states[pk], *update)
    waiting.learn(runs, states)
    Rows(DeviceState, ("thing_id", "last_seen_at"), [each for each in heard.items() if each[0] not in told]).update()
    DeviceState.objects.bulk_create(
        [states[pk] for pk in pks if pk in told],
        update_conflicts=True,
        unique_fields=["thing"],
        update_fields=[field.name for field in DeviceState._meta.fields if not field.primary_key],
    )


def _fresh(updates: Updates) -> set[int]:
    """Return the things whose `last_seen_at` is exact enough to stay as it is."""
    if not updates:
        return set()
    since = min(own[0].arrival.received_at for own in updates.values()) - SEEN_TO
    return set(DeviceState.objects.filter(Among("pk", updates), last_seen_at__gt=since).values_list("pk", flat=True))


def _is_sign_of_life_alone(update: Update) -> bool:
    """Whether the message tells no more of its device than that it is on."""
    arrival, decoded = update
    return decoded.status is None and decoded.clock is None and not arrival.retained and arrival.read_at is None


def relevant(accepted: Sequence[tuple[Arrival, Decoded]]) -> Updates:
    """Return the messages that can change a state.

    Every status can. Of a device's other messages of one sort (with or without a time, retained or not) only the
    latest can.
    """
    latest: dict[object, Update] = {}
    for arrival, decoded in accepted:
        kind = (decoded.device.id, decoded.clock is None, arrival.retained)
        sort = id(decoded) if decoded.status is not None else kind
        if sort not in latest or arrival.received_at >= latest[sort].arrival.received_at:
            latest[sort] = Update(arrival, decoded)
    updates: defaultdict[int, list[Update]] = defaultdict(list)
    for update in sorted(latest.values(), key=lambda update: update.arrival.received_at):
        updates[update.decoded.device.thing.pk].append(update)
    return updates


def _apply(state: DeviceState, arrival: Arrival, decoded: Decoded) -> None:
    """Apply one message. A message older than the state changes nothing; a retained one is no sign of life.

    A message that was read from a file tells of the past, so it changes nothing either.
    """
    if arrival.read_at is not None:
        return
    is_latest = state.last_seen_at is None or arrival.received_at >= state.last_seen_at
    # A last will has no `sent_at`: the broker sent it, not the device.
    if is_latest and not arrival.retained and (decoded.status is None or decoded.status.sent_at is not None):
        state.last_seen_at = arrival.received_at
    if is_latest and decoded.clock is not None:
        state.clock_skew_ms = round((decoded.clock - arrival.received_at) / dt.timedelta(milliseconds=1))
        state.largest_skew_ms = max(state.largest_skew_ms, abs(state.clock_skew_ms))
    status = decoded.status
    if status is None or (state.status_at is not None and arrival.received_at < state.status_at):
        return
    state.online, state.status_at = status.online, arrival.received_at
    if status.sent_at is not None:
        if status.instance:
            _note_instance(state, status.instance, status.sent_at, arrival.received_at, decoded.device.thing_name)
        state.software = status.software[:64]
        state.outbox_messages, state.outbox_bytes = status.outbox_messages, status.outbox_bytes
        state.dropped_messages = status.dropped_messages
        state.temperature = status.temperature
        state.config_error = storable(status.settings_error)
        state.picture_problem = status.picture_problem or ""
        since = status.picture_problem_since if status.picture_problem else None
        state.picture_problem_since = None if since is None else EPOCH + dt.timedelta(milliseconds=since)
        if status.learned is not None:
            state.reported_models = msgspec.to_builtins(status.learned)
        if status.settings is not None:
            state.reported_config = msgspec.to_builtins(status.settings)


def _note_instance(state: DeviceState, instance: str, sent_at: int, received_at: dt.datetime, thing: str) -> None:
    """Note which program has sent a status. A program that comes back after another one shares the name with it.

    A program that is restarted gets a new id, and a status that is delivered again is not newer than before.
    """
    before = dict(state.instances)
    if sent_at <= before.get(instance, -1):
        return
    if instance in before and state.instances[-1][0] != instance:
        if not state.name_is_shared:
            log.warning(
                "Two programs use the thing name “%s”, such as on a copied card: give each camera its own.",
                thing,
            )
        state.name_shared_at = received_at
    others = [[other, at] for other, at in state.instances if other != instance]
    state.instances = [*others, [instance, sent_at]][-INSTANCES:]
