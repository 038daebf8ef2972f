"""What messages say of their devices' states: when they were last heard of, whether they are online, what they run."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from devices.intake import decoding
from devices.intake.decoding import Arrival, Decoded
from devices.models import DeviceState


def write(news: Sequence[tuple[Arrival, Decoded]]) -> None:
    """Bring the devices' states up to date with these messages, of which `news` leaves the few that matter.

    Must run inside a transaction; waits for others who write the same devices' states.
    """
    pks = sorted({decoded.device.id for _, decoded in news})
    states = {state.pk: state for state in DeviceState.objects.select_for_update().filter(pk__in=pks).order_by("pk")}
    for arrival, decoded in news:
        if decoded.device.pk not in states:
            states[decoded.device.pk] = DeviceState(device=decoded.device)
        _heard(states[decoded.device.pk], arrival, decoded)
    DeviceState.objects.bulk_create(
        [states[pk] for pk in pks],
        update_conflicts=True,
        unique_fields=["device"],
        update_fields=[each.name for each in DeviceState._meta.fields if not each.primary_key],
    )


def news(taken_in: Sequence[tuple[Arrival, Decoded]]) -> list[tuple[Arrival, Decoded]]:
    """Without those messages that a later one of the batch, of the same device and kind, makes old."""
    latest: dict[object, tuple[Arrival, Decoded]] = {}
    for arrival, decoded in taken_in:
        kind = (
            id(decoded) if decoded.status is not None else (decoded.device.id, decoded.clock is None, arrival.retained)
        )
        if kind not in latest or arrival.received_at >= latest[kind][0].received_at:
            latest[kind] = (arrival, decoded)
    return sorted(latest.values(), key=lambda each: each[0].received_at)


def _heard(state: DeviceState, arrival: Arrival, decoded: Decoded) -> None:
    """Bring the state up to date with one message; an older one, or a retained status, changes what it may."""
    is_news = state.last_seen_at is None or arrival.received_at >= state.last_seen_at
    if is_news and not arrival.retained and (decoded.status is None or decoded.status.sent_at is not None):
        state.last_seen_at = arrival.received_at
    if is_news and decoded.clock is not None:
        state.clock_skew_ms = round((decoded.clock - arrival.received_at) / dt.timedelta(milliseconds=1))
    status = decoded.status
    if status is None or (state.status_at is not None and arrival.received_at < state.status_at):
        return
    state.online, state.status_at = status.online, arrival.received_at
    if status.sent_at is not None:
        state.software = status.software[:64]
        state.outbox_messages, state.outbox_bytes = status.outbox_messages, status.outbox_bytes
        state.dropped_messages = status.dropped_messages
        state.config_error = decoding.storable(status.settings_error)
        if status.settings is not None:
            state.reported_config = msgspec.to_builtins(status.settings)
