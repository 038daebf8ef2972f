"""Counts coffees, once per person and cool-down, and lets reviewers void or restore them."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from devices.models import Device, Site
from faces.coffees import coffee_tallies
from faces.coffees.signals import coffees_counted
from faces.models import Coffee, Sighting

if TYPE_CHECKING:
    from devices.models import User

COOL_DOWN = dt.timedelta(minutes=5)
"""Sightings with a cup that are less than this apart are one coffee, as in the coffee sample."""


REASON_NEEDED = "Give a reason in a few words; it is kept with the coffee."


def count_coffees(*, device: Device, taken_at: dt.datetime, holders: Sequence[Sighting]) -> list[Coffee]:
    """Count the coffees of the people who hold a cup in one picture. The caller must hold `lock_site`.

    A person's coffee counts unless the person has another coffee at this site within `COOL_DOWN` before or after.
    Voided coffees are included, as a voided cup is still the same cup ten seconds later. Strangers cannot be told
    apart, and stay before a camera for several pictures. Therefore each coffee counted at this device within the
    cool-down, except those of people in this picture, reduces the number of strangers' coffees by one.
    """
    identified = [sighting for sighting in holders if sighting.person_id is not None]
    strangers = [sighting for sighting in holders if sighting.person_id is None]
    new = [sighting for sighting in identified if not _has_recent_coffee(sighting, device, taken_at)]
    if strangers:
        recent = _around(Coffee.objects.filter(device=device), taken_at)
        possibly_same = recent.exclude(person__in=[sighting.person_id for sighting in identified]).count()
        new += strangers[possibly_same:]
    coffees = (Coffee(person=sighting.person, device=device, taken_at=taken_at, sighting=sighting) for sighting in new)
    inserted = coffee_tallies.insert(coffees)
    if inserted:
        coffees_counted.send(Coffee, coffees=inserted)
    return inserted


def lock_site(site: Site) -> None:
    """Lock the site until the transaction ends, so that only it counts coffees there. Does not block the intake."""
    list(Site.objects.select_for_update(no_key=True).filter(pk=site.pk).values_list("pk"))


def void_coffee(*, coffee: Coffee, by: "User | None", reason: str, now: dt.datetime | None = None) -> Coffee:
    """Void the coffee, so that it counts nowhere. Raises `ValueError` without a reason."""
    return _review(coffee, by, reason, now or timezone.now(), voided=True)


@transaction.atomic
def restore_coffee(*, coffee: Coffee, by: "User | None", reason: str, now: dt.datetime | None = None) -> Coffee:
    """Make a voided coffee count again. Raises `ValueError` without a reason, and as `check_restorable` does."""
    lock_site(coffee.device.site)
    check_restorable(coffee)
    return _review(coffee, by, reason, now or timezone.now(), voided=False)


def check_restorable(coffee: Coffee) -> None:
    """Raise `ValueError` if another coffee of the same person counts within the cool-down."""
    if coffee.person_id is None:
        return
    others = Coffee.objects.counted().filter(person=coffee.person_id).exclude(pk=coffee.pk)
    other = _around(others, coffee.taken_at).first()
    if other is not None:
        raise ValueError(
            f"The {other} counts, less than {COOL_DOWN.seconds // 60} minutes apart; void that coffee first."
        )


def _review(coffee: Coffee, by: "User | None", reason: str, now: dt.datetime, *, voided: bool) -> Coffee:
    if not reason.strip():
        raise ValueError(REASON_NEEDED)
    coffee.voided, coffee.reviewed_by, coffee.reviewed_at, coffee.review_reason = voided, by, now, reason.strip()
    coffee.full_clean(validate_unique=False)
    with coffee_tallies.in_step(Coffee.objects.filter(pk=coffee.pk)):
        coffee.save(update_fields=["voided", "reviewed_by", "reviewed_at", "review_reason"])
    return coffee


def _has_recent_coffee(sighting: Sighting, device: Device, taken_at: dt.datetime) -> bool:
    same_person = Coffee.objects.filter(person=sighting.person_id, device__site=device.site_id)
    return _around(same_person, taken_at).exists()


def _around(coffees: "QuerySet[Coffee]", taken_at: dt.datetime) -> "QuerySet[Coffee]":
    return coffees.filter(taken_at__gt=taken_at - COOL_DOWN, taken_at__lt=taken_at + COOL_DOWN)
