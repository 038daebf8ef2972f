"""Keeps `CoffeeTally` in step with the coffees, in the transaction of each change.

Code that creates many coffees calls `insert`; code that changes coffees calls `in_step`. Signals cover all other
changes: a coffee that is created or deleted, a person who is deleted, and a site whose time zone changes. Days are
local days of the site, by Python's time zone data.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from devices.models import Device, Site
from devices.storage.sql import Rows, lock
from faces.models import NOBODY, Coffee, CoffeeTally, Person, Span

Key = tuple[int, str, dt.date, int]
"""The key of a tally: device, span, the span's first day, and the person's number or `NOBODY`."""

CoffeeRow = tuple[int, int | None, dt.datetime, str]
"""Device, person, time (UTC), and the site's time zone."""

LOCK = "coffees of a device"
"""Shared by transactions that write coffees of a device; exclusive for a rebuild of the device's tallies."""

AT_ONCE = 500
"""Coffees per statement, because SQLite limits the number of parameters."""

READ_AT_ONCE = 10_000
"""Rows fetched from the database at a time."""

_KEY = ("device_id", "span", "start", "person_number")


def insert(coffees: Iterable[Coffee]) -> list[Coffee]:
    """Insert these coffees and add them to the tallies. Returns the coffees with their primary keys."""
    with transaction.atomic():
        inserted = Coffee.objects.bulk_create(coffees)
        _block_rebuild({coffee.device_id for coffee in inserted})
        _add(_contribution([coffee.pk for coffee in inserted]))
    return inserted


@contextmanager
def in_step(coffees: "QuerySet[Coffee]") -> Iterator[None]:
    """A context in which any statement may change these coffees; at its end their tallies are updated.

    The context is one transaction. Coffees must be neither created nor deleted in it; signals cover those changes.
    """
    with transaction.atomic():
        numbers = list(_lock(coffees))
        before = _contribution(numbers)
        yield
        after = _contribution(numbers)
        after.subtract(before)
        _add(after)


def rebuild(*, devices: Collection[int] | None = None) -> int:
    """Recount the tallies of all devices, or of these, from the coffees; return how many tallies were wrong.

    Each device is one transaction, during which no other transaction writes a coffee of the device.
    """
    numbers = Device.objects.values_list("pk", flat=True) if devices is None else devices
    return sum(_rebuild(device) for device in sorted(numbers))


def count_created(sender: type[Coffee], instance: Coffee, created: bool, **_: Any) -> None:
    """Receive `post_save`: count a new coffee."""
    if created:
        with transaction.atomic():
            _block_rebuild({instance.device_id})
            _add(_contribution([instance.pk]))


def discount_deleted(sender: type[Coffee], instance: Coffee, **_: Any) -> None:
    """Receive `pre_delete`, which Django sends for each coffee of a cascade, in the deleting transaction."""
    contribution = _contribution(list(_lock(Coffee.objects.filter(pk=instance.pk))))
    _add({key: -coffees for key, coffees in contribution.items()})


def anonymise_coffees(sender: type[Person], instance: Person, **_: Any) -> None:
    """Receive `pre_delete`: make a person's coffees anonymous. Django's cascade would do so without a signal."""
    coffees = Coffee.objects.filter(person=instance.pk)
    with in_step(coffees):
        coffees.update(person=None)


def note_zone_change(sender: type[Site], instance: Any, **_: Any) -> None:
    """Receive `pre_save`: note on the site whether its time zone changes."""
    before = Site.objects.filter(pk=instance.pk).values_list("timezone", flat=True).first()
    instance.has_new_zone = before not in (None, instance.timezone)


def rebuild_after_zone_change(sender: type[Site], instance: Any, **_: Any) -> None:
    """Receive `post_save`: rebuild the tallies if the site's time zone has changed."""
    if instance.__dict__.pop("has_new_zone", False):
        rebuild(devices=Device.objects.filter(site=instance.pk).values_list("pk", flat=True))


@transaction.atomic
def _rebuild(device: int) -> int:
    lock(LOCK, [device], alone=True)
    truth = _tallies(_counting_rows(Coffee.objects.filter(device=device)).iterator(READ_AT_ONCE))
    rows = CoffeeTally.objects.filter(device=device).values_list("pk", *_KEY, "coffees")
    stored = {(device, span, start, person): (pk, coffees) for pk, device, span, start, person, coffees in rows}
    wrong = [key for key, (_, coffees) in stored.items() if truth[key] != coffees]
    missing = [key for key in truth if key not in stored]
    numbers = [stored[key][0] for key in wrong]
    for start in range(0, len(numbers), AT_ONCE):
        CoffeeTally.objects.filter(pk__in=numbers[start : start + AT_ONCE]).delete()
    right = sorted((*key, truth[key]) for key in [*wrong, *missing] if truth[key])
    Rows(CoffeeTally, (*_KEY, "coffees"), right).insert()
    return len(wrong) + len(missing)


def _lock(coffees: "QuerySet[Coffee]") -> Iterator[int]:
    """Lock the coffees and return their numbers. Until the transaction ends, no other transaction changes the
    coffees or rebuilds their tallies."""
    rows = list(coffees.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk", "device"))
    _block_rebuild({device for _, device in rows})
    return (number for number, _ in rows)


def _block_rebuild(devices: Collection[int]) -> None:
    """Block rebuilds of these devices' tallies until the transaction ends."""
    lock(LOCK, devices, alone=False)


def _contribution(numbers: list[int]) -> Counter[Key]:
    """Return what the coffees with these numbers add to the tallies."""
    total: Counter[Key] = Counter()
    for start in range(0, len(numbers), AT_ONCE):
        total += _tallies(_counting_rows(Coffee.objects.filter(pk__in=numbers[start : start + AT_ONCE])))
    return total


def _counting_rows(coffees: "QuerySet[Coffee]") -> "QuerySet[Coffee, CoffeeRow]":
    """Return the rows of those coffees that count."""
    rows = coffees.filter(voided=False).order_by()
    return rows.values_list("device", "person", "taken_at", "device__site__timezone")


def _tallies(coffees: Iterable[CoffeeRow]) -> Counter[Key]:
    days: Counter[tuple[int, int, dt.date]] = Counter()
    for device, person, taken_at, timezone in coffees:
        days[device, person or NOBODY, taken_at.astimezone(ZoneInfo(timezone)).date()] += 1
    tallies: Counter[Key] = Counter()
    for (device, person, day), coffees_of_the_day in days.items():
        for span, start in _spans(day):
            tallies[device, span, start, person] += coffees_of_the_day
    return tallies


def _spans(day: dt.date) -> tuple[tuple[str, dt.date], ...]:
    return (
        (Span.DAY.value, day),
        (Span.MONTH.value, day.replace(day=1)),
        (Span.YEAR.value, day.replace(month=1, day=1)),
    )


def _add(changes: Mapping[Key, int]) -> None:
    """Add these numbers of coffees, which may be negative, to the tallies. Delete tallies that become 0."""
    changed = sorted((*key, coffees) for key, coffees in changes.items() if coffees)
    Rows(CoffeeTally, (*_KEY, "coffees"), changed).add_up({"coffees": "sum"})
    fewer = [row for row in changed if row[-1] < 0]
    for start in range(0, len(fewer), AT_ONCE // len(_KEY)):
        devices, spans, starts, people, _ = zip(*fewer[start : start + AT_ONCE // len(_KEY)], strict=True)
        where = {"device__in": devices, "span__in": spans, "start__in": starts, "person_number__in": people}
        CoffeeTally.objects.filter(**where, coffees__lte=0).delete()
