"""The card of visits on the page of a site or device."""

from collections.abc import Callable
from dataclasses import dataclass

from django.template.loader import render_to_string

from analytics.numbers.intervals import Interval
from analytics.numbers.reads import Selection, read_engagement
from analytics.numbers.visits import VisitBucket, first_visits, merge_visits, read_visits
from analytics.pages.cards import Subject
from analytics.plots import texts
from analytics.verdicts.metrics import format_duration, format_number
from analytics.verdicts.opening import with_opening_hours


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the period, in words."""

    name: str
    value: str
    explanation: str


def visits_card(subject: Subject) -> str:
    """Return the visits of the period, and a table of its buckets; nothing where no device follows people."""
    period, devices = subject.period, subject.devices
    followed_from = first_visits(devices) if subject.followed_from is None else subject.followed_from
    if not followed_from:
        return ""
    bucket = period.bucket_name
    selections = with_opening_hours([Selection(devices, period.zone, period.start, period.end)], period.hours)
    engagement = read_engagement(selections, bucket=bucket, now=period.now)
    (buckets,) = read_visits(selections, bucket=bucket, engagement=engagement, followed_from=followed_from)
    if not any(each.is_known for each in buckets):
        return ""
    total = merge_visits(buckets)
    context = {
        "numbers": _numbers(total),
        "has_conversion": total.conversion is not None,
        "rows": [_row(each, is_hourly=bucket == "hour") for each in buckets if each.engagement.minutes],
        "unit": bucket.capitalize(),
    }
    return render_to_string("analytics/audience.html", context)


def _numbers(total: VisitBucket) -> list[Number]:
    passers_by, seen = total.known_passers_by, "the person" if total.known_passers_by else "the face"
    dwell = f"median while {seen} was seen{_reach(total.dwell_interval(0.5), format_duration)}"
    nine_of_ten = f"nine of ten stayed at most {format_duration(total.p90_dwell_seconds)}"
    attention = f"median time facing the display{_reach(total.attention_interval(0.5), format_duration)}"
    numbers = [
        Number("Visits", format_number("{:,}", total.known_visits), "people who came; two seconds away end a visit"),
        Number("Viewers", format_number("{:,}", total.known_viewers), "of them faced the display for a second or more"),
        Number("Dwell", format_duration(total.median_dwell_seconds), f"{dwell}; {nine_of_ten}"),
        Number("Attention", format_duration(total.median_attention_seconds), attention),
        Number(
            "Attraction",
            format_number("{:.0%}", total.attraction),
            f"of the dwell facing the display{_reach(total.attraction_interval, '{:.0%}'.format)}",
        ),
    ]
    if total.conversion is not None:
        of_whom = "of the passers-by" if passers_by is None else f"of {passers_by:,} passers-by"
        reach = _reach(total.conversion_interval, "{:.0%}".format)
        numbers.insert(2, Number("Conversion", f"{total.conversion:.0%}", f"{of_whom} became viewers{reach}"))
    return numbers


def _reach(interval: Interval | None, in_words: Callable[[float], str]) -> str:
    """Return the 95 % interval as the end of an explanation; "" without one."""
    return f" (95% interval {in_words(interval.low)} to {in_words(interval.high)})" if interval else ""


def _row(each: VisitBucket, *, is_hourly: bool) -> tuple[str, list[str] | None]:
    start = each.engagement.start
    name = f"{texts.format_date(start)}, {start:%H:%M}" if is_hourly else texts.format_bucket(each.engagement)
    if not each.is_known:
        return name, None
    return name, [
        format_number("{:,}", each.known_visits),
        format_number("{:,}", each.known_viewers),
        format_number("{:.0%}", each.conversion),
        format_duration(each.median_dwell_seconds),
        format_duration(each.p90_dwell_seconds),
        format_duration(each.median_attention_seconds),
        format_number("{:.0%}", each.attraction),
    ]
