"""What a letter says: the numbers, sentences and figures of a site's week or month, as plain values."""

import datetime as dt
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from analytics.features.questions.reads import State, read_result
from analytics.models import EngagementQuarter, Question
from analytics.numbers.letter_lines import read_lines
from analytics.numbers.measures import (
    Activity,
    BucketState,
    EngagementBucket,
    engagement_by_day,
    episodes_by_day,
    merge_activity,
)
from analytics.numbers.periods import Period, parse
from analytics.numbers.reads import Selection, read_engagement
from analytics.plots import texts
from analytics.plots.time_series import engagement_figure, spells_figure
from analytics.verdicts.causes import read_causes
from analytics.verdicts.findings import Finding, judge_day
from analytics.verdicts.hour_series import (
    MEASURE_NAMES,
    HourSeries,
    Measure,
    people_of,
    read_hour_series,
)
from analytics.verdicts.levels import find_changes
from analytics.verdicts.metrics import metrics
from analytics.verdicts.opening import read_site_hours, with_opening_hours
from analytics.verdicts.period_numbers import DatedChange, compare_with_previous, judge, read_hours_and_past
from analytics.verdicts.spans import count_visits
from analytics.verdicts.untold import explain_span
from analytics.verdicts.usual_weeks import DAYS_OF_SPANS, usual_span
from devices.models import Device, Site
from devices.storage.querysets import spots_of
from edge_agent.vision.gestures import THUMBS_UP
from faces.models import Coffee
from notifications.letters.figures import without_hidden
from notifications.models import Unit

Content = dict[str, Any]
"""JSON: the content of a letter."""

WELL_COVERED = 0.5
"""An hour can be the best or the weakest if a camera was on for at least this share of it."""

LEAST_OFF_MINUTES = 15
"""A camera that was off for less in all is not named."""

NOT_COMPARED = "Coverage"
"""The metric that the list of cameras tells better."""


def period_of(site: Site, unit: Unit, first: dt.date, now: dt.datetime) -> Period:
    """Return the site's week or month that has this day."""
    return parse({"period": unit.value, "to": first.isoformat()}, zone=site.zone, now=now)


def read_content(site: Site, unit: Unit, first: dt.date, *, now: dt.datetime) -> Content | None:
    """Return the content of the site's letter about the week or month from `first` on; None without any device then.

    About twenty queries, whatever the number of devices.
    """
    last = _last(unit, first)
    period = period_of(site, unit, last, now)
    there = _devices_then(site, period)
    if not there:
        return None
    ((hours, series),) = read_hours_and_past([(there, period)], label=THUMBS_UP)
    total = merge_activity(hours)
    comparisons = compare_with_previous(series, period)
    findings = judge(comparisons)
    visits = count_visits(series, (period.start, period.end))
    engagement = [each.engagement for each in hours]
    return {
        "site": site.name,
        "period": period.name,
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "beside": period.previous_name,
        "hours": "in opening hours" if read_site_hours([site.pk]) else "around the clock",
        "people": people_of(series).value,
        "visits": visits,
        "spells": total.spells.known_count,
        "is_seen": bool(total.engagement.minutes_seen),
        "coverage": total.engagement.coverage,
        **_usual(series if unit == Unit.WEEK else _long_series(there, period), period),
        "measures": _measures(total, findings, visits),
        "comparisons": {measure.value: _comparison(findings[measure]) for measure in findings},
        "hour": _best_and_weakest(engagement),
        "questions": _questions(site, period, now),
        "coffees": _coffees(site, period),
        "lines": [list(line) for line in read_lines(site, start=period.start, end=period.end)],
        "cameras": _cameras(there, period),
        "changes": [*_changes(there, series, period), *_notes(findings)],
        "plots": _plots(hours, period),
    }


def _devices_then(site: Site, period: Period) -> list[Device]:
    """Return the site's devices of the period.

    One that was registered afterwards was not off before. It is among them only if it tells of that time, such as one
    whose history was imported.
    """
    there = [
        device for device in site.devices.select_related("site", "thing") if device.overlaps(period.start, period.end)
    ]
    later = [device for device in there if device.thing.created_at >= period.end]
    told = EngagementQuarter.objects.filter(device__in=later, start__lt=period.end).order_by()
    unknown = {device.pk for device in later} - set(told.values_list("device", flat=True).distinct())
    return [device for device in there if device.pk not in unknown]


def _last(unit: Unit, first: dt.date) -> dt.date:
    """Return the last day of the week or month that begins on `first`."""
    if unit == Unit.WEEK:
        return first + dt.timedelta(days=6)
    return (first.replace(day=1) + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)


def _usual(series: HourSeries, period: Period) -> Content:
    """Return the usual range, or why there is none."""
    first = (period.first - series.first_day).days
    people, usual = usual_span(series, first, period.days)
    if usual is None:
        return {"usual": None, "untold": explain_span(series, first, period.days)}
    found = {
        "people": people.value,
        "value": usual.value,
        "low": usual.band.low,
        "median": usual.median,
        "high": usual.band.high,
        "weeks": usual.weeks,
        "word": judge_day(usual).value,
        "note": usual.note,
    }
    return {"usual": found, "untold": ""}


def _long_series(devices: Sequence[Device], period: Period) -> HourSeries:
    """Return the hours of the month and of the months before that say what is usual; four queries."""
    start = period.end - dt.timedelta(days=DAYS_OF_SPANS)
    selections = [Selection(devices, period.zone, start, period.end)]
    (series,) = read_hour_series(with_opening_hours(selections, period.hours), label=THUMBS_UP, now=period.now)
    return series


def _measures(total: Activity, findings: dict[Measure, Finding], visits: int | None) -> list[Content]:
    return [
        {
            "name": each.name,
            "value": each.value,
            "unit": each.unit,
            "explanation": each.explanation,
            "finding": each.finding and each.finding.text(),
            "change": each.finding.change if each.finding else 0,
        }
        for each in metrics(total, findings, label=THUMBS_UP, visits=visits)
        if each.name != NOT_COMPARED
    ]


def _comparison(finding: Finding) -> Content:
    """Return the comparison, so that it can be judged again together with those of other sites."""
    found = finding.comparison
    interval = found.interval
    return {
        "hours": found.hours_in_common,
        "ratio": found.ratio,
        "low": interval and interval.low,
        "high": interval and interval.high,
        "p_value": found.p_value,
        "text": finding.text(),
    }


def _notes(findings: dict[Measure, Finding]) -> list[str]:
    """Return what was changed at cameras, so that some hours are not compared; each sentence once."""
    return list(dict.fromkeys(note for finding in findings.values() for note in finding.notes))


def _best_and_weakest(hours: Sequence[EngagementBucket]) -> Content | None:
    """Return the hours with the most and the fewest people on average, of those that a camera saw well."""
    seen = [
        hour
        for hour in hours
        if hour.state in (BucketState.PEOPLE, BucketState.NOBODY) and hour.coverage >= WELL_COVERED
    ]
    if not any(hour.faces_sum for hour in seen):
        return None
    best = max(seen, key=lambda hour: hour.average_faces or 0.0)
    weakest = min(seen, key=lambda hour: hour.average_faces or 0.0)
    return {
        "best": texts.format_bucket(best),
        "best_average": best.average_faces,
        "weakest": texts.format_bucket(weakest),
        "weakest_average": weakest.average_faces,
        "empty": sum(not hour.faces_sum for hour in seen),
        "seen": len(seen),
    }


MOST_QUESTIONS = 3


def _questions(site: Site, period: Period, now: dt.datetime) -> list[Content]:
    asked = Question.objects.filter(site=site, asked_from__lt=period.end, asked_until__gt=period.start)
    found = []
    for question in asked.select_related("site").order_by("-asked_from")[:MOST_QUESTIONS]:
        result = read_result(question, now=now)
        answers, interval = result.answers, result.answers.interval
        found.append(
            {
                "text": question.text,
                "yes": answers.yes,
                "total": answers.total,
                "unit": answers.unit,
                "share": answers.share,
                "low": interval and interval.low,
                "high": interval and interval.high,
                "is_over": result.state is State.ENDED,
            }
        )
    return found


def _coffees(site: Site, period: Period) -> Content:
    """Return how many coffees were counted in the period and before; no names, since a letter leaves the house."""
    coffees = Coffee.objects.counted().filter(device__site=site)
    own = coffees.filter(taken_at__gte=period.start, taken_at__lt=period.end)
    before = coffees.filter(taken_at__gte=period.previous_start, taken_at__lt=period.previous_end)
    return {
        "count": own.count(),
        "people": own.exclude(person=None).values("person").distinct().count(),
        "before": before.count(),
    }


def _cameras(devices: Sequence[Device], period: Period) -> list[Content]:
    """Return the cameras that were off, those that were off longest first, each with its longest stretch."""
    spots = spots_of(devices)
    selections = [Selection(spot.devices, period.zone, period.start, period.end) for spot in spots]
    found: list[Content] = []
    for spot, hours in zip(
        spots,
        read_engagement(with_opening_hours(selections, period.hours), bucket="hour", now=period.now),
        strict=True,
    ):
        minutes, seen = sum(hour.minutes for hour in hours), sum(hour.minutes_seen for hour in hours)
        off = max(0, minutes - seen)
        if off < LEAST_OFF_MINUTES:
            continue
        runs = [list(run) for is_off, run in groupby(hours, lambda hour: hour.state is BucketState.OFF) if is_off]
        longest = max(runs, key=len, default=[])
        found.append(
            {
                "name": spot.latest.name,
                "off_minutes": off,
                "minutes": minutes,
                "from": longest and f"{texts.format_date(longest[0].start)}, {texts.format_time(longest[0].start)}",
                "until": longest and f"{texts.format_date(longest[-1].end)}, {texts.format_time(longest[-1].end)}",
            }
        )
    found.sort(key=lambda camera: (-camera["off_minutes"], camera["name"]))
    return found


def _changes(devices: Sequence[Device], series: HourSeries, period: Period) -> list[str]:
    people = people_of(series)
    found = [each for each in find_changes(series.measures()[people]) if period.first <= each.day <= period.last]
    causes = read_causes(devices, [each.day for each in found], period.zone)
    return [texts.describe_change(DatedChange(each, causes[each.day]), MEASURE_NAMES[people]) for each in found]


def _plots(hours: Sequence[Activity], period: Period) -> list[Content]:
    """Return the figures of the pages, without what only a pointer finds."""
    engagement = [each.engagement for each in hours]
    days = engagement_by_day(engagement)
    spells = episodes_by_day(each.spells for each in hours)
    return [
        {
            "title": "People in front of the displays, each hour",
            "summary": texts.summarise(engagement),
            "figure": without_hidden(engagement_figure(engagement, now=period.now)),
        },
        {
            "title": "Occupied spells, each day",
            "summary": "",
            "figure": without_hidden(spells_figure(spells, days, now=period.now)),
        },
    ]
