"""Notes what the numbers of a site tell: milestones, questions, coverage, unusual days, consents and budgets.

Each is looked at only where a rule wants it, and a threshold is one that a rule names.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from django.conf import settings
from django.core.cache import cache

from analytics.features.questions.reads import read_result
from analytics.models import Question
from analytics.numbers.buckets import day_bounds, day_start
from analytics.numbers.periods import PAST_DAYS
from analytics.numbers.reads import Selection, read_engagement
from analytics.numbers.visits import count_visits
from analytics.verdicts.findings import Normality, judge_day
from analytics.verdicts.hour_series import MEASURE_NAMES, read_hour_series, usual_people
from analytics.verdicts.opening import with_opening_hours
from devices.models import Site
from devices.storage.querysets import spots_of
from edge_agent.vision.gestures import THUMBS_UP
from faces.models import Consent, RecogniserMonth
from notifications.models import Happening, Kind, Rule

LOOK_BACK = dt.timedelta(hours=1)
"""A question that ended earlier than that was told of then, or nobody watched."""

COVERAGE_AT = 6
"""The local hour in which yesterday's coverage is looked at: what cameras kept has arrived mostly."""

USUAL_EVERY_S = 3_000
"""Whether today is usual is looked at about once an hour, since hours are what is compared."""

Thresholds = Mapping[Kind, set[int]]


def wanted(site: Site) -> Thresholds:
    """Return the kinds that rules of the site want told, each with the thresholds that they name. One query."""
    found: dict[Kind, set[int]] = defaultdict(set)
    kinds = [kind.value for kind in READS]
    for kind, threshold in Rule.objects.filter(site=site, enabled=True, kind__in=kinds).values_list(
        "kind", "threshold"
    ):
        found[Kind(kind)].add(threshold)
    return found


def happenings(site: Site, now: dt.datetime) -> Iterator[Happening]:
    """Yield what the numbers of the site tell now; what was told before has the same key."""
    for kind, thresholds in wanted(site).items():
        yield from READS[kind](site, thresholds, now)


def _milestones(site: Site, thresholds: set[int], now: dt.datetime) -> Iterator[Happening]:
    day, end = day_bounds(now, site.zone)
    (came,) = count_visits([Selection(list(site.devices.all()), site.zone, day, end)])
    for threshold in thresholds:
        if came >= threshold:
            key = f"{site.pk} {day:%Y-%m-%d} {threshold}"
            yield _of_site(site, Kind.MILESTONE, key, now, threshold=threshold, count=threshold)


def _answered(site: Site, thresholds: set[int], now: dt.datetime) -> Iterator[Happening]:
    for question in Question.objects.filter(site=site, asked_from__lte=now, asked_until__gt=now - LOOK_BACK):
        result = read_result(question, now=now)
        for threshold in thresholds:
            if result.answers.total >= threshold:
                key = f"{question.pk} {threshold}"
                more = {"threshold": threshold, "count": threshold, "details": _result(question, now)}
                yield _of_site(site, Kind.ANSWERED, key, now, **more)


def _ended(site: Site, thresholds: set[int], now: dt.datetime) -> Iterator[Happening]:
    for question in Question.objects.filter(site=site, asked_until__lte=now, asked_until__gt=now - LOOK_BACK):
        key = f"{question.pk} {question.asked_until.timestamp():.0f}"
        yield _of_site(site, Kind.ENDED, key, now, details=_result(question, now))


def _result(question: Question, now: dt.datetime) -> str:
    answers = read_result(question, now=now).answers
    if answers.share is None or answers.interval is None:
        return f"“{question.text}” has no answer."[:300]
    interval = f"{answers.interval.low:.0%} to {answers.interval.high:.0%}"
    return f"“{question.text}” {answers.share:.0%} said yes ({interval}; {answers.total:,} {answers.unit})."[:300]


def _coverage(site: Site, thresholds: set[int], now: dt.datetime) -> Iterator[Happening]:
    local = now.astimezone(site.zone)
    if local.hour != COVERAGE_AT:
        return
    yesterday = local.date() - dt.timedelta(days=1)
    start, end = day_start(yesterday, site.zone), day_start(local.date(), site.zone)
    spots = [spot for spot in spots_of(site.devices.select_related("site")) if spot.latest.overlaps(start, end)]
    selections = [Selection(spot.devices, site.zone, start, end, single_bucket=True) for spot in spots]
    found = read_engagement(with_opening_hours(selections), bucket="hour", now=now) if selections else []
    for spot, (day,) in zip(spots, found, strict=True):
        for threshold in thresholds:
            if day.minutes and day.coverage * 100 < threshold:
                key = f"{spot.latest.pk} {yesterday} {threshold}"
                happening = _of_site(site, Kind.COVERAGE, key, now, threshold=threshold, count=int(day.coverage * 100))
                happening.device = spot.latest
                yield happening


def _usual(site: Site, thresholds: set[int], now: dt.datetime) -> Iterator[Happening]:
    if not cache.add(f"notices-usual-{site.pk}", True, USUAL_EVERY_S):
        return
    day, end = day_bounds(now, site.zone)
    devices = list(site.devices.select_related("site"))
    selection = Selection(devices, site.zone, end - dt.timedelta(days=PAST_DAYS), end)
    (series,) = read_hour_series(with_opening_hours([selection]), label=THUMBS_UP, now=now)
    people, usual = usual_people(series, day=day, now=now)
    word = judge_day(usual)
    if usual is None or word not in (Normality.BUSIER, Normality.QUIETER):
        return
    came, low, high = (f"{number:,.0f}" for number in (usual.value, usual.band.low, usual.band.high))
    details = f"{came} {MEASURE_NAMES[people]} so far; usual are {low} to {high}."
    key = f"{site.pk} {day:%Y-%m-%d} {word}"
    yield _of_site(site, Kind.USUAL, key, now, label=word.value, count=round(usual.value), details=details)


def _consents(site: Site, thresholds: set[int], now: dt.datetime) -> Iterator[Happening]:
    for threshold in thresholds:
        until = now + dt.timedelta(days=threshold)
        consents = Consent.objects.filter(
            person__site=site, withdrawn_at=None, expires_at__gt=now, expires_at__lte=until
        )
        for consent in consents:
            key, days = f"{consent.pk} {consent.expires_at:%Y-%m-%d} {threshold}", (consent.expires_at - now).days
            more = {"threshold": threshold, "count": days, "person": consent.person_id}
            yield _of_site(site, Kind.CONSENT, key, now, **more)


def _budgets(site: Site, thresholds: set[int], now: dt.datetime) -> Iterator[Happening]:
    month = now.astimezone(dt.UTC).date().replace(day=1)
    limit = settings.REKOGNITION_MONTHLY_CALLS
    for spent in RecogniserMonth.objects.filter(month=month, calls__gte=limit):
        yield _of_site(site, Kind.BUDGET, f"{site.pk} {spent.provider} {month}", now, count=spent.calls)


def _of_site(site: Site, kind: Kind, key: str, now: dt.datetime, **more: object) -> Happening:
    return Happening(site_id=site.pk, kind=kind, key=key, at=now, noted_at=now, **more)


READS: Mapping[Kind, Callable[[Site, set[int], dt.datetime], Iterator[Happening]]] = {
    Kind.MILESTONE: _milestones,
    Kind.ANSWERED: _answered,
    Kind.ENDED: _ended,
    Kind.COVERAGE: _coverage,
    Kind.USUAL: _usual,
    Kind.CONSENT: _consents,
    Kind.BUDGET: _budgets,
}
"""How each of these kinds is found."""
