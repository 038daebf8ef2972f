"""Creates the demo's questions and a ground-truth session for each camera, from the generated history.

The answers are the thumbs in the history's frames. The person who counted also saw visits between two frames; in
nothing else do the person's and the camera's counts differ.
"""

import datetime as dt
import uuid
from collections.abc import Iterator

from django.contrib.auth.models import User

from analytics.features.groundtruth.services import ReportedCount, start_session, store_counts
from analytics.features.questions.services import ask
from analytics.models.groundtruth import GroundTruthSession
from analytics.models.questions import Question
from analytics.numbers.buckets import day_start
from demo.past.history import MINUTE, History, Span, histories, moment
from demo.past.progress import Progress
from devices.models import Device, Site

EARLIER, RUNNING = "Did you find what you were looking for?", "Enjoying your coffee?"
RUNS_ON = dt.timedelta(days=7)
"""How long the second question runs after the end of the history."""

SESSION = 45 * MINUTE


def create_questions_and_sessions(at: Progress, owner: User) -> None:
    """Create two questions per site, of which the second is running, and a session per camera, unless they exist."""
    for site in Site.objects.all():
        if not Question.objects.filter(site=site).exists():
            _ask(site, at, owner)
    for history in histories(at.seed, at.start, at.end):
        device = Device.objects.get(thing__name=history.profile.thing)
        if not GroundTruthSession.objects.filter(device=device).exists():
            _count(device, history, owner)


def _ask(site: Site, at: Progress, owner: User) -> None:
    """Ask one question in the first half of the history, the other in the second half and for some days after it."""
    first, middle, last = (
        day_start(moment.astimezone(site.zone).date(), site.zone)
        for moment in (at.start, at.start + (at.end - at.start) / 2, at.end + RUNS_ON)
    )
    if first < middle:
        ask(site=site, text=EARLIER, asked_from=first, asked_until=middle, by=owner)
    ask(site=site, text=RUNNING, asked_from=middle, asked_until=last, by=owner)


def _count(device: Device, history: History, owner: User) -> None:
    """Create a session in the busiest span in which the camera was on; none where it was never on for so long."""
    span = max(
        _candidates(history), key=lambda span: sum(_overlaps(visit, span) for visit in history.visits), default=None
    )
    if span is None:
        return
    changes = list(_changes(history, span))
    began, ended = moment(span.started), moment(span.ended)
    session = start_session(device=device, by=owner, people=changes[0][1], now=began, counts_arrivals=True)
    counts = [ReportedCount(uuid.uuid4(), moment(at), people, came) for at, people, came in changes[1:]]
    store_counts(session=session, by=owner, counts=counts, sent_at=ended, ended_at=ended, now=ended)


def _candidates(history: History) -> Iterator[Span]:
    """Yield consecutive spans of a session's length in which the camera was on, starting at whole minutes."""
    for on in history.on:
        for started in range(-(-on.started // MINUTE) * MINUTE, on.ended - SESSION + 1, SESSION):
            yield Span(started, started + SESSION)


def _changes(history: History, span: Span) -> Iterator[tuple[int, int, int]]:
    """Yield each time at which the number of people changed, with the new number; first the span's start.

    The third value is the number of people who have come since.
    """
    visits = [visit for visit in history.visits if _overlaps(visit, span)]
    edges = {edge for visit in visits for edge in (visit.started, visit.ended) if span.started < edge < span.ended}
    for at in sorted({span.started, *edges}):
        came = sum(span.started < visit.started <= at for visit in visits)
        yield at, sum(visit.started <= at < visit.ended for visit in visits), came


def _overlaps(one: Span, other: Span) -> bool:
    return one.started < other.ended and other.started < one.ended
