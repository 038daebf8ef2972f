"""Names people and guests, and keeps what describes them."""

import datetime as dt

from django.core.exceptions import ValidationError
from django.utils import timezone

from faces.models import Consent, Method, Person, guest_name


def name_person(
    *,
    person: Person,
    name: str,
    line: str = "",
    external_id: str | None = None,
    profile: str | None = None,
    email: str | None = None,
    now: dt.datetime | None = None,
) -> Person:
    """Give a person another name and line, and where they are given another external id, profile and address.

    Raises `ValidationError` if a value is wrong, and as `check_naming` does.
    """
    check_naming(person=person, name=name, now=now or timezone.now())
    person.name, person.line = name.strip(), line.strip()
    person.external_id = person.external_id if external_id is None else external_id.strip()
    person.profile = person.profile if profile is None else profile.strip()
    person.email = person.email if email is None else email.strip()
    person.full_clean()
    person.save(update_fields=["name", "line", "external_id", "profile", "email"])
    return person


def check_naming(*, person: Person, name: str, now: dt.datetime) -> None:
    """Raise `ValidationError` if this names a guest who has not agreed in person."""
    if person.guest_number is None or name.strip() == guest_name(person.guest_number):
        return
    if not has_own_consent(person, now):
        raise ValidationError(
            {"name": f"{person} has not agreed to be known by name. Record the person's own consent first."}
        )


def has_own_consent(person: Person, now: dt.datetime) -> bool:
    """Whether a consent that the person has signed is in force."""
    own: bool = Consent.objects.filter(person=person).valid(now).exclude(method=Method.OWNER).exists()
    return own
