"""Finds the rules that want a happening told, and writes a notice for each of their channels."""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Sequence

from django.db import connection, transaction

from faces.models import Person
from notifications.models import DETECTED, TOLD_WITHIN, Happening, Kind, Notice, Rule, State
from notifications.rules import escalating, words

AT_ONCE = 200
"""Happenings that are matched in one transaction."""


def match_new(*, now: dt.datetime, chance: random.Random) -> int:
    """Match the oldest happenings that were not matched yet, and return how many."""
    with transaction.atomic():
        waiting = Happening.objects.filter(matched_at=None).order_by("pk").select_related("site", "device")
        if connection.features.has_select_for_update_skip_locked:
            waiting = waiting.select_for_update(skip_locked=True, of=("self",))
        happenings = list(waiting[:AT_ONCE])
        if not happenings:
            return 0
        rules = _rules_of({each.site_id for each in happenings})
        notices = [
            notice
            for happening in happenings
            for rule in rules[happening.site_id]
            if wants(rule, happening, now)
            for notice in _notices(rule, happening, now, chance)
        ]
        Notice.objects.bulk_create(notices, ignore_conflicts=True)
        told = [rule for group in rules.values() for rule in group]
        Rule.objects.bulk_update(told, ["last_text", "last_told_at"])
        Happening.objects.filter(pk__in=[each.pk for each in happenings]).update(matched_at=now)
    return len(happenings)


def _rules_of(sites: set[int]) -> dict[int, list[Rule]]:
    rules: dict[int, list[Rule]] = defaultdict(list)
    for rule in Rule.objects.filter(site__in=sites, enabled=True).prefetch_related("channels"):
        rules[rule.site_id].append(rule)
    return rules


def matches(rule: Rule, happening: Happening) -> bool:
    """Whether the rule is about this, whenever it happened."""
    if rule.kind != happening.kind or (happening.threshold is not None and rule.threshold != happening.threshold):
        return False
    if rule.device_name and (happening.device is None or happening.device.name != rule.device_name):
        return False
    if rule.kind == Kind.LABEL and rule.label != happening.label:
        return False
    is_counted = rule.kind == Kind.COFFEE and rule.every_nth > 1
    return not is_counted or bool(happening.person and happening.count % rule.every_nth == 0)


def wants(rule: Rule, happening: Happening, now: dt.datetime) -> bool:
    """Whether the rule wants this told now: not late, not snoozed, and not within the rule's cool-down."""
    if not matches(rule, happening) or now - happening.at >= TOLD_WITHIN:
        return False
    if rule.snoozed_until is not None and now < rule.snoozed_until:
        return False
    cool_down = dt.timedelta(seconds=rule.cool_down_s)
    return rule.last_told_at is None or not cool_down or happening.at - rule.last_told_at >= cool_down


COLLECTED_FOR = dt.timedelta(seconds=65)
"""Cameras that go off together are noted by two runs of the watch, a minute apart; they are told together."""

PICTURE_WITHIN = dt.timedelta(seconds=15)
"""A notice with a picture waits so long for the picture to come and to be recognised."""

MOST_PREVIEWED = 500
"""So many of the latest happenings of a kind are searched for one that a rule would tell."""


def preview(rule: Rule, texts: Sequence[str]) -> tuple[Happening | None, list[str]]:
    """Return the last thing that happened which the rule is about, and what each text would say of it.

    None and no texts if nothing of that kind has happened in the time that happenings are kept.
    """
    latest = Happening.objects.filter(site=rule.site, kind=rule.kind).select_related("site", "device").order_by("-at")
    happening = next((each for each in latest[:MOST_PREVIEWED] if matches(rule, each)), None)
    if happening is None:
        return None, []
    return happening, [_fill(text, happening) for text in texts]


def _fill(text: str, happening: Happening) -> str:
    person = _person(happening)
    return words.fill(text, happening, site=happening.site, device=happening.device, person=person)


def _person(happening: Happening) -> str:
    if not happening.person:
        return ""
    return Person.objects.filter(pk=happening.person).values_list("name", flat=True).first() or ""


def _notices(rule: Rule, happening: Happening, now: dt.datetime, chance: random.Random) -> Sequence[Notice]:
    rule.last_text = words.draw(rule.texts, rule.last_text, chance)
    rule.last_told_at = happening.at
    person, site, device = _person(happening), happening.site, happening.device
    text = words.fill(rule.texts[rule.last_text], happening, site=site, device=device, person=person)
    due = quiet_until(rule, now) or now + _wait(rule)
    is_held = rule.after_review and rule.kind in DETECTED
    return [
        Notice(
            rule=rule,
            channel=channel,
            happening=happening,
            subject=words.shorten(f"{site.name}: {text}", 120),
            text=text,
            about_person=bool(person),
            happened_at=happening.at,
            created_at=now,
            next_try_at=due,
            state=State.REVIEW if is_held else State.WAITING,
            escalate_at=None if is_held else escalating.begins_at(rule, due),
        )
        for channel in rule.channels.all()
        if channel.enabled
    ]


def _wait(rule: Rule) -> dt.timedelta:
    if rule.kind == Kind.CAMERA_OFF:
        return COLLECTED_FOR
    return PICTURE_WITHIN if rule.with_picture and rule.kind == Kind.LABEL else dt.timedelta()


def quiet_until(rule: Rule, now: dt.datetime) -> dt.datetime | None:
    """Return the end of the rule's quiet hours, if it is quiet now. Hours that end at or before their start end on the
    next morning, and belong to the day on which they begin."""
    if rule.quiet_from is None or rule.quiet_until is None or not rule.quiet_days:
        return None
    zone = rule.site.zone
    today = now.astimezone(zone).date()
    for day in (today - dt.timedelta(days=1), today):
        if str(day.isoweekday()) not in rule.quiet_days:
            continue
        last = day if rule.quiet_until > rule.quiet_from else day + dt.timedelta(days=1)
        begin = dt.datetime.combine(day, rule.quiet_from, zone)
        end = dt.datetime.combine(last, rule.quiet_until, zone)
        if begin <= now < end:
            return end.astimezone(dt.UTC)
    return None
