"""Notes what the numbers of a site tell: milestones, questions, coverage, unusual days, consents and budgets.

Each is looked at only where a rule wants it, and a threshold is one that a rule names.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from django.conf import settings
from django.core.cache import cache
from django.db.models import Sum

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
from faces.models import CoffeeTally, Consent, RecogniserMonth, Span
from notifications.models import Happening, Kind, Rule

LOOK_BACK = dt.timedelta(hours=1)
"""A question that ended earlier than that was told of then, or nobody watched."""

COVERAGE_AT = 6
"""The local hour in which yesterday's coverage is looked at: what cameras kept has arrived mostly."""

USUAL_EVERY_S = 3_000
"""Whether today is usual is looked at about once an hour, since hours are what is compared."""

VISITS_ADDED_EVERY_S = 3_600

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


def _milestones(kind: Kind, site: Site, thresholds: set[int], now: dt.datetime) -> Iterator[Happening]:
    """Yield the thresholds that the visits of the period reach today: what was reached before is no news."""
    day, end = day_bounds(now, site.zone)
    start = _start_of(kind, day, site)
    devices = list(site.devices.all())
    (today,) = count_visits([Selection(devices, site.zone, day, end)])
    before = 0
    if start < day and today:
        # What is added up over years is added up again every hour, since cameras may still send what they kept.
        key = f"notices-visits-{kind}-{site.pk}-{start.timestamp():.0f}-{day.timestamp():.0f}"
        count = partial(count_visits, [Selection(devices, site.zone, start, day)])
        (before,) = cache.get_or_set(key, count, VISITS_ADDED_EVERY_S) or (0,)
    for threshold in thresholds:
        if before < threshold <= before + today:
            yield _of_site(
                site, kind, f"{site.pk} {start:%Y-%m-%d} {threshold}", now, threshold=threshold, count=threshold
            )


def _start_of(kind: Kind, day: dt.datetime, site: Site) -> dt.datetime:
    date = day.astimezone(site.zone).date()
    match kind:
        case Kind.MILESTONE_WEEK:
            return day_start(date - dt.timedelta(days=date.weekday()), site.zone)
        case Kind.MILESTONE_MONTH:
            return day_start(date.replace(day=1), site.zone)
        case Kind.MILESTONE_ALL:
            return day_start(dt.date(2000, 1, 1), site.zone)
    return day


def _coffees(site: Site, thresholds: set[int], now: dt.datetime) -> Iterator[Happening]:
    """Yield the thresholds that the coffees of all years reach today."""
    today = now.astimezone(site.zone).date()
    days = CoffeeTally.objects.filter(device__site=site, start__lte=today)
    years = days.filter(span=Span.YEAR).aggregate(total=Sum("coffees"))["total"] or 0
    own = days.filter(span=Span.DAY, start=today).aggregate(total=Sum("coffees"))["total"] or 0
    for threshold in thresholds:
        if years - own < threshold <= years:
            key = f"{site.pk} {threshold}"
            yield _of_site(site, Kind.COFFEES, key, now, threshold=threshold, count=threshold)


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
    Kind.MILESTONE: partial(_milestones, Kind.MILESTONE),
    Kind.MILESTONE_WEEK: partial(_milestones, Kind.MILESTONE_WEEK),
    Kind.MILESTONE_MONTH: partial(_milestones, Kind.MILESTONE_MONTH),
    Kind.MILESTONE_ALL: partial(_milestones, Kind.MILESTONE_ALL),
    Kind.COFFEES: _coffees,
    Kind.ANSWERED: _answered,
    Kind.ENDED: _ended,
    Kind.COVERAGE: _coverage,
    Kind.USUAL: _usual,
    Kind.CONSENT: _consents,
    Kind.BUDGET: _budgets,
}
"""How each of these kinds is found."""
