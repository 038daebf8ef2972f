"""Create, change and delete questions; operators and owners of the site may do so."""

import datetime as dt
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from analytics.models.questions import Question
from devices.models import Site
from devices.rules.roles import Right
from edge_agent.vision.gestures import GESTURES

if TYPE_CHECKING:
    from devices.models import User


def ask(
    *,
    site: Site,
    text: str,
    asked_from: dt.datetime,
    asked_until: dt.datetime,
    by: "User",
    yes_label: str = "",
    no_label: str = "",
) -> Question:
    """Create a question; its gestures are by default thumbs-up and thumbs-down.

    Raises `ValidationError` where a value is not valid or the site has another question in that time, and
    `PermissionDenied` with a sentence unless the user is operator or owner of the site.
    """
    check_role(site, by)
    question = Question(site=site, text=text, asked_from=asked_from, asked_until=asked_until)
    question.yes_label, question.no_label = yes_label or question.yes_label, no_label or question.no_label
    return _save(question)


def change(
    *,
    question: Question,
    by: "User",
    text: str | None = None,
    asked_from: dt.datetime | None = None,
    asked_until: dt.datetime | None = None,
    yes_label: str | None = None,
    no_label: str | None = None,
) -> Question:
    """Change the values that are not None; the result is recomputed for them. Raises as `ask` does."""
    check_role(question.site, by)
    question.text = question.text if text is None else text
    question.asked_from, question.asked_until = asked_from or question.asked_from, asked_until or question.asked_until
    question.yes_label, question.no_label = yes_label or question.yes_label, no_label or question.no_label
    return _save(question)


@transaction.atomic
def withdraw(*, question: Question, by: "User") -> None:
    """Delete a question but not the gestures. Raises `PermissionDenied` as `ask` does."""
    check_role(question.site, by)
    question.delete()


def check_role(site: Site, by: "User") -> None:
    """Raise `PermissionDenied` with a sentence unless the user may write the site's questions."""
    if not site.allows(by, Right.OPERATE):
        raise PermissionDenied(f"Only operators and owners of {site} may ask a question there.")


@transaction.atomic
def _save(question: Question) -> Question:
    question.full_clean()
    _check_gestures(question)
    try:
        with transaction.atomic():
            question.save()
    except IntegrityError:
        # A concurrent request has saved another question; validation now raises its sentence.
        question.full_clean()
        raise
    return question


def _check_gestures(question: Question) -> None:
    """Raise `ValidationError` for a changed gesture that no camera of the site has said or can say."""
    fields = ("yes_label", "no_label")
    before = Question.objects.filter(pk=question.pk).values(*fields).first() or {}
    changed = [name for name in fields if getattr(question, name) != before.get(name)]
    known = known_labels(question.site)
    wrong = {
        name: f"No camera of {question.site} has shown “{getattr(question, name)}”. Choose one of {', '.join(known)}."
        for name in changed
        if getattr(question, name) not in known
    }
    if wrong:
        raise ValidationError(wrong)


def known_labels(site: Site) -> list[str]:
    """Return the labels that may answer a question of the site: gestures, and what its cameras look for, by name."""
    said = {label for labels in site.devices.values_list("labels_sought", flat=True) for label in labels}
    return sorted({*GESTURES, *said})
