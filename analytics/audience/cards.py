"""The card of visits on the page of a site or device."""

from dataclasses import dataclass

from django.template.loader import render_to_string

from analytics.numbers.metrics import format_duration, format_number
from analytics.numbers.opening import with_opening_hours
from analytics.numbers.period_numbers import bucket_of
from analytics.numbers.reads import Selection, read_engagement
from analytics.numbers.visits import VisitBucket, first_visits, merge_visits, read_visits
from analytics.pages.cards import Subject
from analytics.plots import texts


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the period, in words."""

    name: str
    value: str
    explanation: str


def visits_card(subject: Subject) -> str:
    """Return the visits of the period, and a table of its hours or days; nothing where no device follows people."""
    period, devices = subject.period, subject.devices
    followed_from = first_visits(devices)
    if not followed_from:
        return ""
    bucket = bucket_of(period)
    selections = with_opening_hours([Selection(devices, period.zone, period.start, period.end)], period.hours)
    engagement = read_engagement(selections, bucket=bucket, now=period.now)
    (buckets,) = read_visits(selections, bucket=bucket, engagement=engagement, followed_from=followed_from)
    if not any(each.is_known for each in buckets):
        return ""
    context = {
        "numbers": _numbers(merge_visits(buckets)),
        "rows": [_row(each, is_hourly=bucket == "hour") for each in buckets if each.engagement.minutes],
        "unit": bucket.capitalize(),
    }
    return render_to_string("analytics/audience.html", context)


def _numbers(total: VisitBucket) -> list[Number]:
    interval = total.attraction_interval
    reach = f"; {interval.low:.0%} to {interval.high:.0%} in 95 of 100 cases" if interval else ""
    return [
        Number("Visits", format_number("{:,}", total.known_visits), "people who came; two seconds away end a visit"),
        Number("Viewers", format_number("{:,}", total.known_viewers), "of them faced the display for a second or more"),
        Number(
            "Dwell",
            format_duration(total.median_dwell_seconds),
            f"median while the face was seen; nine of ten at most {format_duration(total.p90_dwell_seconds)}",
        ),
        Number("Attention", format_duration(total.median_attention_seconds), "median time facing the display"),
        Number("Attraction", format_number("{:.0%}", total.attraction), f"of the dwell facing the display{reach}"),
    ]


def _row(each: VisitBucket, *, is_hourly: bool) -> tuple[str, list[str] | None]:
    start = each.engagement.start
    name = f"{texts.format_date(start)}, {start:%H:%M}" if is_hourly else texts.format_date(start)
    if not each.is_known:
        return name, None
    return name, [
        format_number("{:,}", each.known_visits),
        format_number("{:,}", each.known_viewers),
        format_duration(each.median_dwell_seconds),
        format_duration(each.p90_dwell_seconds),
        format_duration(each.median_attention_seconds),
        format_number("{:.0%}", each.attraction),
    ]
