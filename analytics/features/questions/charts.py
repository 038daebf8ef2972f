"""The answers to a question as a figure and as a sentence. Pure."""

import datetime as dt
from collections.abc import Sequence

from analytics.features.questions.reads import AnswerBucket, AnswerCounts
from analytics.numbers.measures import BucketState
from analytics.plots import time_series
from analytics.plots.layout import Figure
from analytics.plots.texts import describe_engagement, describe_untold, format_bucket
from analytics.verdicts.metrics import format_number

COLOURS = ("var(--data)", "var(--needle)")
"""The colours of yes and of no."""


def answers_figure(buckets: Sequence[AnswerBucket], *, now: dt.datetime) -> Figure:
    """Return a figure with bars for yes and for no side by side in each bucket."""
    pairs = [(bucket.answers.yes, bucket.answers.no) for bucket in buckets]
    texts = [describe(bucket) for bucket in buckets]
    return time_series.pair_figure(pairs, [bucket.camera for bucket in buckets], texts, colours=COLOURS, now=now)


def describe(bucket: AnswerBucket) -> str:
    """Return the bucket in words, in lines separated by `<br>`."""
    if not bucket.answers.total and bucket.camera.state in (BucketState.AHEAD, BucketState.OFF):
        return describe_engagement(bucket.camera)
    if not bucket.answers.total and not bucket.camera.minutes_told:
        return describe_untold(bucket.camera)
    return f"<b>{format_bucket(bucket.camera)}</b><br>{bucket.answers.yes:,} yes, {bucket.answers.no:,} no"


def sentence(answers: AnswerCounts) -> str:
    """Return the result in words, such as “12 of 15 people, 80%, said yes (95% interval 55% to 93%).”"""
    interval = answers.interval
    if interval is None:
        return "Nobody has answered."
    share = format_number("{:.0%}", answers.share)
    said = "said" if answers.people else "meant"
    sentence = (
        f"{answers.yes:,} of {answers.total:,} {answers.unit}, {share}, {said} yes"
        f" (95% interval {interval.low:.0%} to {interval.high:.0%})."
    )
    if not 0 < answers.people < answers.total:
        return sentence
    gestures = answers.total - answers.people
    return (
        f"{sentence} {answers.people:,} answer{'s' * (answers.people != 1)} came from people whom a camera followed; "
        f"{gestures:,} {'is a gesture' if gestures == 1 else 'are gestures'} before cameras that do not follow people."
    )
