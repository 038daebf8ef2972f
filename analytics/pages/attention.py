"""What needs a hand at the user's cameras, in one list: offline, never heard of, quarantine, clock, name, coverage.

`register` adds a source of further matters, so that this page knows no table of theirs.
"""

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from django.db.models import Count

from analytics.numbers.measures import EngagementBucket
from devices.models import Device, QuarantinedMessage

log = logging.getLogger(__name__)

LOW_COVERAGE = 0.8
"""A camera that is on now and missed more of today than this leaves needs a hand."""

LEAST_MINUTES = 60
"""A coverage of fewer minutes says nothing about the camera."""


class Urgency(IntEnum):
    """The order of the list."""

    NOTHING_COMES = 0
    """No number of this camera is made."""
    NUMBERS_ARE_WRONG = 1
    NUMBERS_ARE_FEWER = 2


@dataclass(frozen=True, slots=True)
class Matter:
    """Something at a camera that somebody has to mend."""

    device: Device
    urgency: Urgency
    text: str
    """What is wrong, as it follows the camera's name: "has been silent", "has 3 messages in quarantine"."""
    advice: str
    """What to do about it, in a sentence."""
    since: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """The cameras that are there now, and their day so far."""

    devices: Sequence[Device]
    today: Mapping[int, EngagementBucket]
    """By primary key of the device."""
    now: dt.datetime


Source = Callable[[Watched], Iterable[Matter]]
_sources: list[Source] = []


def register(source: Source) -> Source:
    """Add a source of matters. It gets all cameras at once, and its number of queries must not depend on them."""
    if source not in _sources:
        _sources.append(source)
    return source


def find_matters(watched: Watched) -> list[Matter]:
    """Return what all sources find, the most urgent and oldest first. A source that fails is logged and left out."""
    found: list[Matter] = []
    for source in _sources:
        try:
            found += source(watched)
        except Exception:
            log.exception("The source %s of what needs a hand failed; the others are shown.", source.__name__)
    latest = dt.datetime.max.replace(tzinfo=dt.UTC)
    return sorted(found, key=lambda each: (each.urgency, each.since or latest, each.device.site.name, each.device.name))


@register
def silent(watched: Watched) -> Iterable[Matter]:
    """Find the cameras from which nothing comes, or has ever come."""
    for device in watched.devices:
        state = device.latest_state
        if state is None or state.last_seen_at is None:
            yield Matter(
                device,
                Urgency.NOTHING_COMES,
                "has never been heard of",
                f"Check that it is on and publishes as {device.thing_name}.",
            )
        elif not state.is_live(watched.now):
            advice = "Check its power and its network."
            text = "has been offline" if state.online is False else "has been silent"
            yield Matter(device, Urgency.NOTHING_COMES, text, advice, since=state.last_seen_at)


@register
def shared_names(watched: Watched) -> Iterable[Matter]:
    """Find the cameras whose thing name two programs use."""
    for device in watched.devices:
        state = device.latest_state
        if state is not None and state.name_is_shared:
            advice = f"Give each box its own thing name; two use {device.thing_name}, such as on a copied card."
            yield Matter(
                device, Urgency.NUMBERS_ARE_WRONG, "has its name used twice", advice, since=state.name_shared_at
            )


@register
def wrong_clocks(watched: Watched) -> Iterable[Matter]:
    """Find the cameras whose clock is off."""
    for device in watched.devices:
        state = device.latest_state
        if state is not None and state.clock_is_off:
            off = dt.timedelta(milliseconds=abs(state.clock_skew_ms or 0))
            ahead = "ahead" if (state.clock_skew_ms or 0) > 0 else "behind"
            advice = "Let the box take its time from a time server; what it counts is stamped by this clock."
            yield Matter(device, Urgency.NUMBERS_ARE_WRONG, f"has a clock that is {_length(off)} {ahead}", advice)


@register
def bad_pictures(watched: Watched) -> Iterable[Matter]:
    """Find the cameras that see nothing, or something else than before."""
    for device in watched.devices:
        state = device.latest_state
        if state is not None and state.picture_problem and device.is_live(watched.now):
            yield Matter(
                device,
                Urgency.NUMBERS_ARE_WRONG,
                f"has a picture that is {state.picture_problem}",
                f"Look at the camera: {state.get_picture_problem_display()}.",
                since=state.picture_problem_since,
            )


@register
def quarantines(watched: Watched) -> Iterable[Matter]:
    """Find the cameras with messages in quarantine. One query."""
    waiting = QuarantinedMessage.objects.filter(device__in=watched.devices, replayed_at=None)
    numbers = Counter(dict(waiting.order_by().values_list("device").annotate(Count("pk"))))
    for device in watched.devices:
        if number := numbers[device.pk]:
            messages = "1 message" if number == 1 else f"{number:,} messages"
            yield Matter(
                device,
                Urgency.NUMBERS_ARE_FEWER,
                f"has {messages} in quarantine",
                "Each says why it could not be counted; replay them when the cause is mended.",
            )


@register
def low_coverage(watched: Watched) -> Iterable[Matter]:
    """Find the cameras that are on now, and were off for much of today."""
    for device in watched.devices:
        today = watched.today.get(device.pk)
        if today is None or today.minutes < LEAST_MINUTES or not device.is_live(watched.now):
            continue
        if today.coverage < LOW_COVERAGE:
            text = f"was on for {today.coverage:.0%} of today"
            yield Matter(device, Urgency.NUMBERS_ARE_FEWER, text, "Its plot shows when it was off.")


def _length(span: dt.timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24:,} days"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s"
