"""Merges two records of one person, and undoes merges."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Model, Q
from django.utils import timezone

from faces.coffees import coffee_tallies
from faces.coffees.counting import COOL_DOWN, lock_site
from faces.models import Coffee, Consent, Erasure, Face, Merge, Person, Sighting

if TYPE_CHECKING:
    from devices.models import User

AT_ONCE = 500
"""Rows per statement, because SQLite limits the number of parameters."""

MOVED_MODELS: dict[str, type[Model]] = {"coffees": Coffee, "sightings": Sighting, "consents": Consent, "merges": Merge}
"""The models with a foreign key to a person, by the related name. Faces follow their consents."""


class MergeRefused(ValueError):
    """The merge, or its undoing, is refused. The text is one sentence with the reason and what to do."""


@transaction.atomic
def merge_people(*, other: Person, into: Person, by: "User | None", now: dt.datetime | None = None) -> Merge:
    """Move the coffees, sightings, faces and consents of `other` to `into`, and delete `other`.

    Of coffees less than a cool-down apart, the first counts and the rest are voided. `undo_merge` restores `other`.
    Raises `MergeRefused`.
    """
    now = now or timezone.now()
    lock_site(into.site)  # no worker counts a coffee of either person meanwhile
    check_merge(other=other, into=into)
    moved = {name: _numbers(model, other) for name, model in MOVED_MODELS.items()}
    faces = dict(Face.objects.filter(consent__person=other).values_list("pk", "consent"))
    with coffee_tallies.in_step(Coffee.objects.filter(person__in=(other, into))):
        for name, model in MOVED_MODELS.items():
            _hand_over(model, moved[name], giver=other.pk, taker=into.pk)
        voided = _void_repetitions(into, by, now)
    merge = Merge.objects.create(
        site=into.site,
        person=into,
        other_number=other.pk,
        other_name=other.name,
        other_line=other.line,
        other_guest_number=other.guest_number,
        other_created_at=other.created_at,
        moved={**moved, "faces": faces},
        voided=voided,
        merged_at=now,
        merged_by=by,
    )
    other.delete()
    return merge


def check_merge(*, other: Person, into: Person) -> None:
    """Raise `MergeRefused` if they cannot be one person of one site, or one of them is being erased."""
    if other.pk == into.pk:
        raise MergeRefused(f"{other} was chosen twice; choose two different people.")
    if other.site_id != into.site_id:
        raise MergeRefused(
            f"{other} belongs to {other.site} and {into} to {into.site}; only people of one site can be merged."
        )
    if Erasure.objects.filter(person_number__in=(other.pk, into.pk), erased_at=None).exists():
        raise MergeRefused(f"{other} or {into} is being erased; wait until the erasure is finished.")
    together = Sighting.objects.filter(person=into, capture__sightings__person=other).select_related("capture").first()
    if together is not None:
        raise MergeRefused(f"{other} and {into} are both in the picture of {together.capture}, so they are two people.")


@transaction.atomic
def undo_merge(*, merge: Merge, by: "User | None", now: dt.datetime | None = None) -> Person:
    """Restore the merged person with all their rows; rows that were added since the merge stay with the other person.

    Merges of the same person must be undone from the latest to the first. Raises `MergeRefused`.
    """
    lock_site(merge.site)
    pending = Merge.objects.filter(pk=merge.pk, undone_at=None)
    later = Merge.objects.filter(person=merge.person_id, undone_at=None, pk__gt=merge.pk).first()
    if later is not None:
        raise MergeRefused(f"{later.other_name} was merged later; undo that merge first.")
    nameless = {"other_name": "", "other_line": "", "voided": [{"pk": review["pk"]} for review in merge.voided]}
    if not pending.update(undone_at=now or timezone.now(), undone_by=by, **nameless):
        raise MergeRefused("This merge is undone already.")
    person = Person.objects.create(
        pk=merge.other_number,
        site=merge.site,
        name=merge.other_name,
        line=merge.other_line,
        guest_number=merge.other_guest_number,
    )
    Person.objects.filter(pk=person.pk).update(created_at=merge.other_created_at)
    voided = [review["pk"] for review in merge.voided]
    with coffee_tallies.in_step(Coffee.objects.filter(Q(person=merge.person_id) | Q(pk__in=voided))):
        for name, model in MOVED_MODELS.items():
            _hand_over(model, merge.moved[name], giver=merge.person_id, taker=person.pk)
        _restore_repetitions(merge)
    _hand_faces_back(merge)
    return person


def _numbers(model: type[Model], person: Person) -> list[int]:
    return list(model._default_manager.filter(person=person).order_by("pk").values_list("pk", flat=True))


def _hand_over(model: type[Model], numbers: list[int], *, giver: int, taker: int) -> None:
    for start in range(0, len(numbers), AT_ONCE):
        rows = model._default_manager.filter(pk__in=numbers[start : start + AT_ONCE], person=giver)
        rows.update(person=taker)


def _hand_faces_back(merge: Merge) -> None:
    """Give the faces back to their consents, even if a consent recorded since the merge has taken them over."""
    for face, consent in merge.moved["faces"].items():
        original = Consent.objects.filter(pk=consent, person=merge.other_number)
        if original.exists():
            Face.objects.filter(pk=face, consent__person=merge.person_id).update(consent=consent)


def _void_repetitions(person: Person, by: "User | None", now: dt.datetime) -> list[dict[str, Any]]:
    """Void the coffees that repeat another within a cool-down; return the earlier review of each."""
    before, counted = [], None
    for coffee in Coffee.objects.counted().filter(person=person).order_by("taken_at", "pk"):
        if counted is None or coffee.taken_at - counted.taken_at >= COOL_DOWN:
            counted = coffee
            continue
        before.append({name: getattr(coffee, name) for name in ("pk", "reviewed_by_id", "review_reason")})
        before[-1]["reviewed_at"] = coffee.reviewed_at.isoformat() if coffee.reviewed_at else None
        coffee.voided, coffee.reviewed_at, coffee.reviewed_by = True, now, by
        coffee.review_reason = f"Repeats the coffee of {counted.taken_at:%H:%M:%S} UTC, since two people were merged."
        coffee.save(update_fields=["voided", "reviewed_at", "reviewed_by", "review_reason"])
    return before


def _restore_repetitions(merge: Merge) -> None:
    """Restore the coffees that the merge voided, unless a reviewer has changed them since."""
    for review in merge.voided:
        coffee = Coffee.objects.filter(pk=review["pk"], voided=True, reviewed_at=merge.merged_at)
        coffee.update(voided=False, **{name: value for name, value in review.items() if name != "pk"})
