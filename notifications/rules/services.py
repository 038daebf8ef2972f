"""All functions that change rules, and forget what is not to be kept."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from devices.models import Device, Site
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


@transaction.atomic
def save_rule(*, rule: Rule, channels: Sequence[Channel], by: "User | None" = None) -> Rule:
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
    if rule.pk is None:
        rule.created_by = by
    rule.full_clean(exclude=["created_by", "texts"])
    rule.save()
    rule.channels.set(channels)
    return rule


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
    about.filter(state=State.WAITING).delete()
    about.update(subject=ABOUT_THE_ERASED, text=ABOUT_THE_ERASED, about_person=False)


def forget_old(*, now: dt.datetime) -> int:
    """Delete notices and happenings past their term, and return how many notices."""
    deleted, _ = Notice.objects.filter(created_at__lt=now - KEPT_FOR).exclude(state=State.WAITING).delete()
    Happening.objects.filter(Q(noted_at__lt=now - KEPT_FOR), notices=None).delete()
    return deleted
