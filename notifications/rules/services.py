"""All functions that change rules, and forget what is not to be kept."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from devices.models import Device, Site
from devices.rules.roles import Right, those_with
from edge_agent.vision.gestures import THUMBS_UP
from notifications.models import THRESHOLDS, Channel, Happening, Kind, Notice, Rule, State
from notifications.rules import words

if TYPE_CHECKING:
    from devices.models import User

KEPT_FOR = dt.timedelta(days=90)
"""How long notices and happenings are kept."""

ABOUT_THE_ERASED = "This notice was about somebody who was erased."

MOST_RULES = 200
"""Rules of one site."""

MOST_MINUTES = 7 * 24 * 60
"""The longest wait for an acknowledgement."""


@transaction.atomic
def save_rule(
    *,
    rule: Rule,
    channels: Sequence[Channel],
    escalate_to: Sequence[Channel] | None = None,
    by: "User | None" = None,
) -> Rule:
    """Save a new or changed rule with its channels. Raises `ValidationError` with a sentence for each wrong field."""
    if rule.pk is None and Rule.objects.filter(site=rule.site).count() >= MOST_RULES:
        raise ValidationError(f"A site has at most {MOST_RULES} rules.")
    if not channels or any(channel.site_id != rule.site_id for channel in channels):
        raise ValidationError({"channels": "Choose at least one channel of this site."})
    rule.texts = words.check_texts(rule.texts or words.DEFAULT_TEXTS[Kind(rule.kind)])
    complete(rule)
    if rule.device_name and not Device.objects.filter(site=rule.site, name=rule.device_name).exists():
        raise ValidationError({"device_name": f"{rule.site} has no device “{rule.device_name}”."})
    if bool(rule.quiet_days) != (rule.quiet_from is not None and rule.quiet_until is not None):
        raise ValidationError({"quiet_from": "Give the days, the beginning and the end of quiet hours, or none."})
    others = _check_escalation(rule, channels, escalate_to)
    _check_picture(rule, channels, others, by)
    if rule.pk is None:
        rule.created_by = by
    rule.full_clean(exclude=["created_by", "texts"])
    rule.save()
    rule.channels.set(channels)
    rule.escalate_to.set(others)
    return rule


def _check_escalation(rule: Rule, channels: Sequence[Channel], others: Sequence[Channel] | None) -> Sequence[Channel]:
    """Return whom the rule tells when nobody acknowledges; None leaves them as they are. Raises `ValidationError`."""
    if others is None:
        others = list(rule.escalate_to.all()) if rule.pk else []
    if any(channel.site_id != rule.site_id for channel in others):
        raise ValidationError({"escalate_to": "Choose channels of this site."})
    if set(others) & set(channels):
        raise ValidationError({"escalate_to": "Choose other channels than those that are told at once."})
    if bool(others) != bool(rule.escalate_after_min):
        raise ValidationError({"escalate_to": "Give the minutes and a further channel, or neither."})
    if rule.escalate_after_min > MOST_MINUTES:
        raise ValidationError({"escalate_after_min": f"Give at most {MOST_MINUTES:,} minutes, which are a week."})
    return others


def _check_picture(rule: Rule, channels: Sequence[Channel], others: Sequence[Channel], by: "User | None") -> None:
    """Raise `ValidationError` if the rule sends pictures to channels for which no owner has decided that."""
    if not rule.with_picture or (by is not None and rule.site.allows(by, Right.DECIDE_ON_FACES)):
        return
    known = Rule.objects.filter(pk=rule.pk, with_picture=True).first()
    before = {*known.channels.all(), *known.escalate_to.all()} if known else set()
    if not {*channels, *others} <= before:
        who = those_with(Right.DECIDE_ON_FACES)
        raise ValidationError(
            {"with_picture": f"Only {who} of {rule.site} may have pictures sent to further channels."}
        )


def complete(rule: Rule) -> None:
    """Set the label or the number that the rule's kind needs and that was left out. Raises `ValidationError`."""
    if rule.kind == Kind.LABEL and not rule.label:
        rule.label = THUMBS_UP
    rule.threshold = (rule.threshold or THRESHOLDS[Kind(rule.kind)]) if rule.kind in THRESHOLDS else 0
    if rule.kind == Kind.COVERAGE and rule.threshold > 100:
        raise ValidationError({"threshold": "Coverage has at most 100 percent."})


def remove_rule(*, rule: Rule) -> None:
    """Delete the rule with its notices."""
    rule.delete()


def snooze(*, rule: Rule, until: dt.datetime | None) -> None:
    """Tell nothing by this rule until then; None ends it."""
    rule.snoozed_until = until
    rule.save(update_fields=["snoozed_until"])


def forget_names(sender: Any, *, site: Site, **_: Any) -> None:
    """Remove the texts of the site's notices about people, and forget what is not told yet; a receiver of
    `person_erased`, which does not tell whom of the site a text names."""
    about = Notice.objects.filter(rule__site=site, about_person=True)
    about.filter(state__in=[State.WAITING, State.REVIEW]).delete()
    about.update(subject=ABOUT_THE_ERASED, text=ABOUT_THE_ERASED, about_person=False)


def forget_old(*, now: dt.datetime) -> int:
    """Delete notices and happenings past their term, and return how many notices."""
    deleted, _ = Notice.objects.filter(created_at__lt=now - KEPT_FOR).exclude(state=State.WAITING).delete()
    Happening.objects.filter(Q(noted_at__lt=now - KEPT_FOR), notices=None).delete()
    return deleted
