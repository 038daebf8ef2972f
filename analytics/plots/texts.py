"""The texts of plots: dates and times, what the pointer shows of a bucket, and summaries in a sentence. Pure.

The lines of a text for the pointer are separated by `<br>`.
"""

import datetime as dt
from collections.abc import Sequence

from analytics.numbers.measures import (
    BucketState,
    ConfidenceBucket,
    CountBucket,
    EngagementBucket,
    EpisodeBucket,
    WeekHour,
)
from analytics.verdicts.metrics import format_duration
from analytics.verdicts.period_numbers import DatedChange
from analytics.verdicts.today import TodayHour

Bucket = EngagementBucket | CountBucket | EpisodeBucket | ConfidenceBucket

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TWO_DIGITS = [f"{number:02}" for number in range(60)]
"""The texts of a month have thousands of times, and `strftime` would take longer than everything else in its plots."""

MIN_DAY, MIN_WEEK = dt.timedelta(hours=20), dt.timedelta(hours=40)
"""Buckets of at least these lengths are a day, also one that a clock change has shortened, and several days."""

STATE_TEXTS = {
    BucketState.AHEAD: "still to come",
    BucketState.CLOSED: "closed",
    BucketState.OFF: "camera off",
    BucketState.UNCOUNTED: "camera on; it does not look for faces",
    BucketState.NOBODY: "nobody there",
}


UNSEEN = (BucketState.AHEAD, BucketState.CLOSED, BucketState.OFF)
"""The states in which no camera saw anything."""


def is_day(bucket: Bucket) -> bool:
    """Return whether the bucket is a day."""
    return bucket.end - bucket.start >= MIN_DAY


def is_week(bucket: Bucket) -> bool:
    """Return whether the bucket has several days: a week or a month."""
    return bucket.end - bucket.start >= MIN_WEEK


def is_month(bucket: Bucket) -> bool:
    """Return whether the bucket is a whole month."""
    start, end = bucket.start, bucket.end
    return start.day == end.day == 1 and (end.year - start.year) * 12 + end.month - start.month == 1


def format_bucket(bucket: Bucket) -> str:
    """Format the time of a bucket: "Fri 20 Nov, 14:00–15:00 PST", "Fri 20 Nov", "16 Nov – 22 Nov 2026", "Nov 2026".

    The first of two equal hours is "Sun 1 Nov, 01:00 PDT–01:00 PST", the second "Sun 1 Nov, 01:00–02:00 PST".
    """
    start, end = bucket.start, bucket.end
    length = end - start
    if length < MIN_DAY:
        # Where clocks change within the bucket, the names of both zones tell which of two equal hours it is.
        zone = f" {start.tzname()}" if start.utcoffset() != end.utcoffset() else ""
        return f"{format_date(start)}, {format_time(start)}{zone}–{format_time(end)} {end.tzname()}"
    if is_month(bucket):
        return f"{MONTH_NAMES[start.month - 1]} {start.year}"
    if length >= MIN_WEEK:
        last = end - dt.timedelta(days=1)
        return f"{start.day} {MONTH_NAMES[start.month - 1]} – {last.day} {MONTH_NAMES[last.month - 1]} {last.year}"
    return format_date(start)


def format_date(day: dt.date) -> str:
    """Format a date, such as "Fri 20 Nov"."""
    return f"{DAY_NAMES[day.weekday()]} {day.day} {MONTH_NAMES[day.month - 1]}"


def format_time(moment: dt.datetime) -> str:
    """Format a time of day, such as "14:00"."""
    return f"{TWO_DIGITS[moment.hour]}:{TWO_DIGITS[moment.minute]}"


def describe_engagement(bucket: EngagementBucket) -> str:
    """Describe the people in a bucket, and the camera's coverage."""
    state = bucket.state
    if state in UNSEEN:
        return f"<b>{format_bucket(bucket)}</b><br>{STATE_TEXTS[state]}"
    people = _describe_people(bucket) if state is BucketState.PEOPLE else STATE_TEXTS[state]
    return f"<b>{format_bucket(bucket)}</b><br>{people}<br>camera on {bucket.minutes_seen} of {bucket.minutes} min"


def describe_count(count: CountBucket, engagement: EngagementBucket) -> str:
    """Describe the detections in a bucket; where there are none, what `engagement` knows of the camera."""
    if not count.is_known:
        return describe_untold(engagement)
    confidence = "" if count.mean_confidence is None else f"<br>mean confidence {count.mean_confidence:.0%}"
    return f"<b>{format_bucket(count)}</b><br>{count.count:,} seen{confidence}"


def describe_spells(spells: EpisodeBucket, engagement: EngagementBucket) -> str:
    """Describe the spells in a bucket; where nothing is known of them, what `engagement` knows of the camera."""
    return _describe_episodes(spells, engagement, count_spells(len(spells.seconds)))


def describe_gestures(label: str, gestures: EpisodeBucket, engagement: EngagementBucket) -> str:
    """Describe how often the label was shown in a bucket, as `describe_spells` does."""
    if not gestures.is_known:
        return describe_untold(engagement)
    number = len(gestures.seconds)
    return _describe_episodes(gestures, engagement, f"{label} {'once' if number == 1 else f'{number:,} times'}")


def describe_hour_of_today(hour: TodayHour, people: str) -> str:
    """Describe how many came in an hour of today, beside what is usual for it."""
    head = f"<b>{format_time(hour.start)}–{(hour.start.hour + 1) % 24:02}:00</b>"
    if _comes_twice(hour.start):
        head = f"{head}, which comes twice today; per hour"
    if not hour.is_open:
        return f"{head}<br>closed"
    came = "not over, or not seen" if hour.came is None else f"{hour.came:,.0f} {people}"
    usual = "too early to tell what is usual"
    if hour.band is not None:
        usual = f"usually {hour.band.low:,.0f} to {hour.band.high:,.0f}"
    return f"{head}<br>{came}<br>{usual}"


def _comes_twice(moment: dt.datetime) -> bool:
    """Return whether clocks are set back over this local time."""
    first, second = (moment.replace(fold=fold).utcoffset() for fold in (0, 1))
    return first is not None and second is not None and first > second


def format_change(ratio: float) -> str:
    """Format a change, such as "+25%" or "−40%" for 1.25 or 0.6."""
    return f"{ratio - 1:+.0%}".replace("-", "−")


def describe_change(each: DatedChange, people: str) -> str:
    """Describe a change of level, such as "From Thu 12 Nov on, 25% more visits …", and what was done around the day."""
    change, word = each.change, "more" if each.change.ratio > 1 else "fewer"
    size = f"{format_change(change.interval.low)} to {format_change(change.interval.high)}"
    causes = "; ".join(f"{cause.text} on {format_date(cause.at)}" for cause in each.causes)
    known = f"Around this day: {causes}." if causes else "Nothing is recorded that was done around this day."
    return f"From {format_date(change.day)} on, {word} {people} in the same hours: {size}. {known}"


def describe_week_hour(hour: WeekHour) -> str:
    """Describe an hour of a typical week."""
    engagement, state = hour.engagement, hour.engagement.state
    people = {
        **STATE_TEXTS,
        BucketState.AHEAD: "not in this period",
        BucketState.PEOPLE: f"{engagement.average_faces or 0:.2f} people on average, {engagement.faces_peak} at most",
    }
    spells = f"<br>{count_spells(len(hour.spells.seconds))}" if hour.spells.is_known else ""
    is_covered = state not in UNSEEN
    coverage = f"<br>camera on {engagement.coverage:.0%} of the time" if is_covered else ""
    time = f"{DAY_NAMES[hour.weekday]}, {hour.hour:02}:00–{hour.hour + 1:02}:00"
    return f"<b>{time}</b><br>{people[state]}{spells}{coverage}"


def count_spells(number: int) -> str:
    """Format a number of spells, such as "1 occupied spell" or "1,200 occupied spells"."""
    return "1 occupied spell" if number == 1 else f"{number:,} occupied spells"


def summarise(buckets: Sequence[EngagementBucket], name: str = "hour") -> str:
    """Summarise a plot in two sentences, for readers who cannot see it; `name` is what its buckets are: "day"."""
    past = [bucket for bucket in buckets if bucket.minutes]
    off = sum(not bucket.minutes_seen for bucket in past)
    with_people = [bucket for bucket in past if bucket.faces_sum]
    sentences = [f"The camera was off in {off:,} of {len(past):,} {name}{'' if len(past) == 1 else 's'}."]
    if with_people:
        busiest = max(with_people, key=lambda bucket: bucket.average_faces or 0.0)
        sentences.insert(0, f"Busiest: {format_bucket(busiest)} with {busiest.average_faces:.2f} people on average.")
    elif off < len(past):
        sentences.insert(0, "Nobody faced the display.")
    return " ".join(sentences)


def _describe_episodes(episodes: EpisodeBucket, engagement: EngagementBucket, count: str) -> str:
    if not episodes.is_known:
        return describe_engagement(engagement)
    median = episodes.median_seconds
    duration = f"<br>median duration {format_duration(median)}" if median is not None else ""
    return f"<b>{format_bucket(episodes)}</b><br>{count}{duration}"


def describe_untold(engagement: EngagementBucket) -> str:
    """Describe a bucket in which nothing is known of a label, although the camera may have been on."""
    if engagement.state in UNSEEN:
        return describe_engagement(engagement)
    return f"<b>{format_bucket(engagement)}</b><br>not known: the camera was on, but waited between uploads"


def _describe_people(bucket: EngagementBucket) -> str:
    share = bucket.occupied_share
    occupied = f"<br>somebody there {share:.0%} of the time" if share else ""
    return f"{bucket.average_faces or 0:.2f} people on average, {bucket.faces_peak} at most{occupied}"
