"""Keeps `CoffeeTally` in step with the coffees, in the transaction of each change.

Whoever writes many coffees at once calls `insert`, and whoever changes coffees calls `in_step`. What else can change a
tally tells it by a signal: a coffee that is created or deleted, a person who is deleted, a device that moves to
another site, and a site whose time zone is corrected. A day is the site's own, by Python's zone data.
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
from devices.sql import Rows, lock
from faces.models import NOBODY, Coffee, CoffeeTally, Person, Span

Key = tuple[int, str, dt.date, int]
"""What a tally counts: device, span, the span's first day, and the person's number or `NOBODY`."""

Counted = tuple[int, int | None, dt.datetime, str]

LOCK = "coffees of a device"
"""Held together by whoever writes coffees, and alone by whoever counts all of a device's coffees anew."""

AT_ONCE = 500
"""Coffees that one statement names by their numbers; SQLite takes a limited number of parameters."""

READ_AT_ONCE = 10_000
"""Rows fetched from the database at a time."""

_KEY = ("device_id", "span", "start", "person_number")
_CLOCK: dict[type[Device] | type[Site], str] = {Device: "site_id", Site: "timezone"}
"""What decides in which local day a coffee is."""


def insert(coffees: Iterable[Coffee]) -> list[Coffee]:
    """Insert these coffees and count them."""
    with transaction.atomic():
        inserted = Coffee.objects.bulk_create(coffees)
        _share({coffee.device_id for coffee in inserted})
        _add(_held([coffee.pk for coffee in inserted]))
    return inserted


@contextmanager
def in_step(coffees: "QuerySet[Coffee]") -> Iterator[None]:
    """Within, these coffees may be changed by any statement; their tallies follow. It is one transaction.

    Coffees are neither created nor deleted within, as signals tell of those.
    """
    with transaction.atomic():
        numbers = list(_locked(coffees))
        before = _held(numbers)
        yield
        after = _held(numbers)
        after.subtract(before)
        _add(after)


def rebuild(*, devices: Collection[int] | None = None) -> int:
    """Count everything, or what these devices saw, anew from the coffees, and return how many tallies were wrong.

    One transaction for each device; meanwhile nobody writes a coffee of that device.
    """
    wanted = Device.objects.values_list("pk", flat=True) if devices is None else devices
    return sum(_rebuild(device) for device in sorted(wanted))


def count_created(sender: type[Coffee], instance: Coffee, created: bool, **_: Any) -> None:
    """A receiver of `post_save`."""
    if created:
        with transaction.atomic():
            _share({instance.device_id})
            _add(_held([instance.pk]))


def discount_deleted(sender: type[Coffee], instance: Coffee, **_: Any) -> None:
    """A receiver of `pre_delete`, which Django sends for each coffee of a cascade in the transaction that deletes."""
    gone = _held(list(_locked(Coffee.objects.filter(pk=instance.pk))))
    _add({key: -coffees for key, coffees in gone.items()})


def release(sender: type[Person], instance: Person, **_: Any) -> None:
    """A receiver of `pre_delete`: a person's coffees become nobody's, which Django's own cascade would tell no one."""
    coffees = Coffee.objects.filter(person=instance.pk)
    with in_step(coffees):
        coffees.update(person=None)


def note_clock(sender: type[Device] | type[Site], instance: Any, **_: Any) -> None:
    """A receiver of `pre_save`: remember whether the coffees' local days may change."""
    field = _CLOCK[sender]
    before = sender._default_manager.filter(pk=instance.pk).values_list(field, flat=True).first()
    instance.has_other_clock = before not in (None, getattr(instance, field))


def follow_clock(sender: type[Device] | type[Site], instance: Any, **_: Any) -> None:
    """A receiver of `post_save`: count the coffees anew where their local days may have changed."""
    if instance.__dict__.pop("has_other_clock", False):
        which = {"pk": instance.pk} if sender is Device else {"site": instance.pk}
        rebuild(devices=Device.objects.filter(**which).values_list("pk", flat=True))


@transaction.atomic
def _rebuild(device: int) -> int:
    lock(LOCK, [device], alone=True)
    truth = _tallies(_counted(Coffee.objects.filter(device=device)).iterator(READ_AT_ONCE))
    rows = CoffeeTally.objects.filter(device=device).values_list("pk", *_KEY, "coffees")
    held = {(device, span, start, person): (pk, coffees) for pk, device, span, start, person, coffees in rows}
    wrong = [key for key, (_, coffees) in held.items() if truth[key] != coffees]
    missing = [key for key in truth if key not in held]
    numbers = [held[key][0] for key in wrong]
    for start in range(0, len(numbers), AT_ONCE):
        CoffeeTally.objects.filter(pk__in=numbers[start : start + AT_ONCE]).delete()
    right = sorted((*key, truth[key]) for key in [*wrong, *missing] if truth[key])
    Rows(CoffeeTally, (*_KEY, "coffees"), right).insert()
    return len(wrong) + len(missing)


def _locked(coffees: "QuerySet[Coffee]") -> Iterator[int]:
    """The coffees' numbers. Until the transaction ends nobody else changes them, and nobody rebuilds their tallies."""
    rows = list(coffees.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk", "device"))
    _share({device for _, device in rows})
    return (number for number, _ in rows)


def _share(devices: Collection[int]) -> None:
    """Until the transaction ends, nobody rebuilds these devices' tallies."""
    lock(LOCK, devices, alone=False)


def _held(numbers: list[int]) -> Counter[Key]:
    """What the coffees of these numbers add to the tallies."""
    found: Counter[Key] = Counter()
    for start in range(0, len(numbers), AT_ONCE):
        found += _tallies(_counted(Coffee.objects.filter(pk__in=numbers[start : start + AT_ONCE])))
    return found


def _counted(coffees: "QuerySet[Coffee]") -> "QuerySet[Coffee, Counted]":
    """Of those that count: device, person, time and the site's zone."""
    rows = coffees.filter(voided=False).order_by()
    return rows.values_list("device", "person", "taken_at", "device__site__timezone")


def _tallies(coffees: Iterable[Counted]) -> Counter[Key]:
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
    """Add these numbers of coffees, negative ones too, to the tallies. A span without coffees has no row."""
    changed = sorted((*key, coffees) for key, coffees in changes.items() if coffees)
    Rows(CoffeeTally, (*_KEY, "coffees"), changed).add_up({"coffees": "sum"})
    fewer = [row for row in changed if row[-1] < 0]
    for start in range(0, len(fewer), AT_ONCE // len(_KEY)):
        devices, spans, starts, people, _ = zip(*fewer[start : start + AT_ONCE // len(_KEY)], strict=True)
        where = {"device__in": devices, "span__in": spans, "start__in": starts, "person_number__in": people}
        CoffeeTally.objects.filter(**where, coffees__lte=0).delete()
