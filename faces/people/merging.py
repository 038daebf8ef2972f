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

DETAILS = ("line", "external_id", "profile", "email")
"""The fields that describe a person beside the name. A merge fills those that are empty at the person who stays."""


class MergeRefused(ValueError):
    """The merge, or its undoing, is refused. The text is one sentence with the reason and what to do."""


@transaction.atomic
def merge_people(*, other: Person, into: Person, by: "User | None", now: dt.datetime | None = None) -> Merge:
    """Move the coffees, sightings, faces and consents of `other` to `into`, and delete `other`.

    Of coffees less than a cool-down apart, the first counts and the rest are voided. Of what describes `other`, `into`
    takes over what is empty there, such as the address. `undo_merge` restores `other`.
    Raises `MergeRefused`.
    """
    now = now or timezone.now()
    lock_site(into.site)  # no worker counts a coffee of either person meanwhile
    check_merge(other=other, into=into)
    taken_over = described_anew(other=other, into=into)
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
        other_details={name: getattr(other, name) for name in DETAILS},
        taken_over=taken_over,
        other_guest_number=other.guest_number,
        other_created_at=other.created_at,
        moved={**moved, "faces": faces},
        voided=voided,
        merged_at=now,
        merged_by=by,
    )
    details = {name: getattr(other, name) for name in taken_over}
    other.delete()  # first, because an external id is unique
    if details:
        _describe(into, details)
    return merge


def described_anew(*, other: Person, into: Person) -> list[str]:
    """Return the fields that `into` takes over from `other`."""
    return [name for name in DETAILS if getattr(other, name) and not getattr(into, name)]


def _describe(person: Person, details: dict[str, str]) -> None:
    for name, value in details.items():
        setattr(person, name, value)
    person.save(update_fields=list(details))  # by the object, because the audit records it


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
    voided = [{"pk": review["pk"]} for review in merge.voided]
    nameless = {"other_name": "", "other_line": "", "other_details": {}, "voided": voided}
    if not pending.update(undone_at=now or timezone.now(), undone_by=by, **nameless):
        raise MergeRefused("This merge is undone already.")
    details = {"line": merge.other_line, **merge.other_details}
    _give_back(Person.objects.get(pk=merge.person_id), {name: details[name] for name in merge.taken_over})
    person = Person.objects.create(
        pk=merge.other_number,
        site=merge.site,
        name=merge.other_name,
        guest_number=merge.other_guest_number,
        **_still_free(merge.site_id, details),
    )
    Person.objects.filter(pk=person.pk).update(created_at=merge.other_created_at)
    reviewed = [review["pk"] for review in merge.voided]
    with coffee_tallies.in_step(Coffee.objects.filter(Q(person=merge.person_id) | Q(pk__in=reviewed))):
        for name, model in MOVED_MODELS.items():
            _hand_over(model, merge.moved[name], giver=merge.person_id, taker=person.pk)
        _restore_repetitions(merge)
    _hand_faces_back(merge)
    return person


def _give_back(person: Person, details: dict[str, str]) -> None:
    """Empty what the person has taken over, unless somebody has changed it since."""
    unchanged = {name: "" for name, value in details.items() if getattr(person, name) == value}
    if unchanged:
        _describe(person, unchanged)


def _still_free(site: int, details: dict[str, str]) -> dict[str, str]:
    """Return the details without an external id that somebody else of the site has by now."""
    external_id = details.get("external_id", "")
    if external_id and Person.objects.filter(site=site, external_id=external_id).exists():
        return {**details, "external_id": ""}
    return details


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
