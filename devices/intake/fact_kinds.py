"""The kinds of facts that belong to a device and a time. A fact keeps its device, whatever dates are corrected.

An app above adds its own kinds with `register_facts`.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from devices.models import Device

AT_ONCE = 500
"""Facts that are looked up in one query; SQLite allows 32,766 parameters."""


@dataclass(frozen=True, slots=True)
class _Kind:
    time_field: str
    key: Sequence[str]


_kinds: dict[type[Model], _Kind] = {}
_models: dict[type, type[Model]] = {}


def register_facts(model: type[Model], time_field: str, *, part: type | None = None, key: Sequence[str] = ()) -> None:
    """Register a model whose rows belong to their `device` and to the time in `time_field`.

    `part` is the class of the intake of which a row is made. The fields `key`, which both have, identify a row among
    those of its device.
    """
    _kinds[model] = _Kind(time_field, key)
    if part is not None:
        _models[part] = model


def count_facts(
    device: Device, *, start: dt.datetime | None = None, end: dt.datetime | None = None, only_with_key: bool = False
) -> dict[str, int]:
    """Count the device's facts from `start`, included, to `end`, excluded: by the plural names of their kinds.

    A kind without facts is left out. None means no limit. `only_with_key` leaves out tallies, which have the time of
    their quarter hour.
    """
    kinds = [model for model, kind in _kinds.items() if kind.key or not only_with_key]
    counts = {str(model._meta.verbose_name_plural): _count(model, device, start, end) for model in kinds}
    return {name: count for name, count in counts.items() if count}


def span_of_facts(device: Device) -> tuple[dt.datetime, dt.datetime] | None:
    """Return the times of the device's first and last fact; None if it has none. Two short queries for each kind."""
    times: list[dt.datetime] = []
    for model, kind in _kinds.items():
        ordered = model._default_manager.filter(device=device.pk).values_list(kind.time_field, flat=True)
        for order in (kind.time_field, f"-{kind.time_field}"):
            times += ordered.order_by(order)[:1]
    return (min(times), max(times)) if times else None


def _count(model: type[Model], device: Device, start: dt.datetime | None, end: dt.datetime | None) -> int:
    field, limits = _kinds[model].time_field, {}
    if start is not None:
        limits[f"{field}__gte"] = start
    if end is not None:
        limits[f"{field}__lt"] = end
    return model._default_manager.filter(device=device.pk, **limits).count()


def has_key(part: Any) -> bool:
    """Whether parts of this class have a key; a sign of life has none, because it adds nothing when it is repeated."""
    return type(part) in _models


def key_of(part: Any) -> tuple[Any, ...]:
    """Return what identifies this part of a message among the facts of one device: its class and its key."""
    return (type(part), *(getattr(part, name) for name in _kinds[_models[type(part)]].key))


def find_facts(parts: Collection[Any], devices: Collection[int]) -> dict[tuple[Any, ...], int]:
    """Return by `key_of` the device under which a part is stored, for those that any of these devices has."""
    keys: dict[type, set[tuple[Any, ...]]] = {}
    for part in parts:
        keys.setdefault(type(part), set()).add(key_of(part))
    found: dict[tuple[Any, ...], int] = {}
    for part_type, wanted in keys.items():
        model = _models[part_type]
        fields, ordered = _kinds[model].key, sorted(wanted, key=lambda key: key[1])
        for start in range(0, len(ordered), AT_ONCE):
            firsts = {key[1] for key in ordered[start : start + AT_ONCE]}
            rows = model._default_manager.filter(device__in=devices, **{f"{fields[0]}__in": firsts})
            for device, *values in rows.values_list("device", *fields):
                if (key := (part_type, *values)) in wanted:
                    found[key] = device
    return found
