"""Notices that wait until a person has confirmed what was detected; what is corrected or rejected is never told."""

import datetime as dt
from typing import TYPE_CHECKING

from django.db import connection, transaction

from analytics.counting import corrections
from analytics.models import Detection, Verdict
from faces.models import Coffee
from notifications.models import Happening, Kind, Notice, State
from notifications.rules import escalating
from notifications.rules.matching import quiet_until

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from devices.models import User

AT_ONCE = 200
"""Waiting notices that are looked at in one transaction."""

WAITS_FOR = dt.timedelta(days=1)
"""What nobody has confirmed for so long is not told any more: it is old."""

SHOWING = dt.timedelta(seconds=10)
"""Detections of the label within this time belong to the showing that began."""

NOT_CONFIRMED, REJECTED = "Nobody confirmed it within a day.", "A person has rejected it."


@transaction.atomic
def settle(*, now: dt.datetime) -> int:
    """Have told what was confirmed meanwhile, drop what was rejected or is too old, and return how many are settled."""
    waiting = Notice.objects.filter(state=State.REVIEW).order_by("created_at")
    if connection.features.has_select_for_update_skip_locked:
        waiting = waiting.select_for_update(skip_locked=True, of=("self",))
    settled = 0
    for notice in waiting.select_related("rule", "happening__device")[:AT_ONCE]:
        verdict = _verdict(notice.happening) if notice.happening else None
        if verdict is None and now - notice.created_at < WAITS_FOR:
            continue
        settled += 1
        _settle(notice, verdict, now)
    return settled


def _settle(notice: Notice, verdict: Verdict | None, now: dt.datetime) -> None:
    if verdict == Verdict.RIGHT:
        notice.state, notice.next_try_at = State.WAITING, quiet_until(notice.rule, now) or now
        notice.escalate_at = escalating.begins_at(notice.rule, notice.next_try_at)
    else:
        notice.state, notice.problem = State.DROPPED, REJECTED if verdict else NOT_CONFIRMED
    notice.save(update_fields=["state", "next_try_at", "escalate_at", "problem"])


def _verdict(happening: Happening) -> Verdict | None:
    """Return what reviewers say of what happened; None while nobody has decided."""
    if happening.kind == Kind.COFFEE:
        coffee = Coffee.objects.filter(pk=happening.key).first()
        if coffee is None or coffee.voided:
            return Verdict.WRONG
        return Verdict.RIGHT if coffee.reviewed_at else None
    verdicts = set(_detections(happening).values_list("review", flat=True))
    return Verdict.RIGHT if Verdict.RIGHT in verdicts else Verdict.WRONG if Verdict.WRONG in verdicts else None


def _detections(happening: Happening) -> "QuerySet[Detection]":
    return Detection.objects.filter(
        device=happening.device_id,
        label=happening.label,
        taken_at__gte=happening.at,
        taken_at__lt=happening.at + SHOWING,
    )


@transaction.atomic
def decide(*, notice: Notice, verdict: Verdict, by: "User", now: dt.datetime) -> None:
    """Confirm or reject what a waiting notice is about. The detections of a label get the verdict as by a review.

    Raises `PermissionDenied` as `corrections.review` does. A notice that waits no more stays as it is.
    """
    notice = Notice.objects.select_for_update(of=("self",)).select_related("rule", "happening").get(pk=notice.pk)
    if notice.state != State.REVIEW:
        return
    happening = notice.happening
    if happening is not None and happening.kind == Kind.LABEL:
        detections = list(_detections(happening).select_related("device__site")[:AT_ONCE])
        if detections:
            corrections.review(verdicts=dict.fromkeys(detections, verdict), by=by, now=now)
    same = Notice.objects.filter(state=State.REVIEW, happening=happening) if happening else [notice]
    for each in same:
        _settle(each, verdict, now)
