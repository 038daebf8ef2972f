"""Coffees: counted once per person and cool-down, and voided or restored by a reviewer."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from devices.models import Device, Site
from faces.coffees import coffee_tallies
from faces.models import Coffee, Sighting

if TYPE_CHECKING:
    from devices.models import User

COOL_DOWN = dt.timedelta(minutes=5)
"""Two sightings with a cup that are less apart are one coffee; as in the coffee sample."""


def count_coffees(*, device: Device, taken_at: dt.datetime, holding: Sequence[Sighting]) -> list[Coffee]:
    """Count the coffees of those who hold a cup in one picture; the caller has locked the site (`lock_site`).

    A person's coffee counts unless one of theirs at this site was counted within `COOL_DOWN` before or after, voided
    ones included: the cup that a reviewer refused is still the same cup ten seconds later. Of the strangers, as many
    count as cannot be anybody who was counted at this device within the cool-down, because the same stranger
    stands before a camera for more than one picture and may not be told from another.
    """
    known = [sighting for sighting in holding if sighting.person_id is not None]
    strangers = [sighting for sighting in holding if sighting.person_id is None]
    new = [sighting for sighting in known if not _is_cooling(sighting, device, taken_at)]
    if strangers:
        counted = _around(Coffee.objects.filter(device=device), taken_at)
        perhaps_them = counted.exclude(person__in=[sighting.person_id for sighting in known]).count()
        new += strangers[perhaps_them:]
    coffees = (Coffee(person=one.person, device=device, taken_at=taken_at, sighting=one) for one in new)
    return coffee_tallies.insert(coffees)


def lock_site(site: Site) -> None:
    """Let nobody else count coffees at the site until this transaction ends, without stopping the intake."""
    list(Site.objects.select_for_update(no_key=True).filter(pk=site.pk).values_list("pk"))


def void_coffee(*, coffee: Coffee, by: "User | None", reason: str, now: dt.datetime | None = None) -> Coffee:
    """Take the coffee out of every count. Raises `ValueError` without a reason."""
    return _review(coffee, by, reason, now or timezone.now(), voided=True)


@transaction.atomic
def restore_coffee(*, coffee: Coffee, by: "User | None", reason: str, now: dt.datetime | None = None) -> Coffee:
    """Let a voided coffee count again. Raises `ValueError` without a reason, and as `check_restorable`."""
    lock_site(coffee.device.site)
    check_restorable(coffee)
    return _review(coffee, by, reason, now or timezone.now(), voided=False)


def check_restorable(coffee: Coffee) -> None:
    """Raises `ValueError` where another coffee of the same person within the cool-down counts already."""
    if coffee.person_id is None:
        return
    others = Coffee.objects.counted().filter(person=coffee.person_id).exclude(pk=coffee.pk)
    other = _around(others, coffee.taken_at).first()
    if other is not None:
        raise ValueError(
            f"The {other} counts already, less than {COOL_DOWN.seconds // 60} minutes apart; void it first."
        )


def _review(coffee: Coffee, by: "User | None", reason: str, now: dt.datetime, *, voided: bool) -> Coffee:
    if not reason.strip():
        raise ValueError("Say why in a few words; the reason is kept with the coffee.")
    coffee.voided, coffee.reviewed_by, coffee.reviewed_at, coffee.review_reason = voided, by, now, reason.strip()
    coffee.full_clean(validate_unique=False)
    with coffee_tallies.in_step(Coffee.objects.filter(pk=coffee.pk)):
        coffee.save(update_fields=["voided", "reviewed_by", "reviewed_at", "review_reason"])
    return coffee


def _is_cooling(sighting: Sighting, device: Device, taken_at: dt.datetime) -> bool:
    theirs = Coffee.objects.filter(person=sighting.person_id, device__site=device.site_id)
    return _around(theirs, taken_at).exists()


def _around(coffees: "QuerySet[Coffee]", taken_at: dt.datetime) -> "QuerySet[Coffee]":
    return coffees.filter(taken_at__gt=taken_at - COOL_DOWN, taken_at__lt=taken_at + COOL_DOWN)
