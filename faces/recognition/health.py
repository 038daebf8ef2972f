"""Whether pictures are being recognised: lines of `devices.health`."""

import datetime as dt
from collections.abc import Iterator

from django.db import DatabaseError
from django.db.models import Count, Max, Min
from django_q.models import Task

from devices.health import Line, heartbeat_line, seconds
from devices.models import Heartbeat
from faces.models import Capture, State, UntoldSighting
from faces.recognisers.budget import calls_made, monthly_limit
from faces.recognisers.recogniser import UnknownRecogniser, configured_class

WORKERS = "task workers"
"""The process whose heartbeat the sweep writes, which a worker runs every minute; each task that ends is one too."""

SILENT_FOR = dt.timedelta(minutes=3)
"""Three sweeps in a row that did not come, and nothing else: the workers hang or are gone."""


class WorkerWatch:
    """Whether the workers stand still, of all clusters together; asked by the process that could start them again."""

    def __init__(self, *, since: dt.datetime) -> None:
        self._since = since

    def problem(self, now: dt.datetime) -> str:
        """One sentence where they do; empty otherwise, and while the database is away, for which they wait."""
        try:
            heartbeat = _heartbeat()
        except DatabaseError:
            self._since = now
            return ""
        latest = max(self._since, heartbeat.at) if heartbeat else self._since
        return "" if now - latest < SILENT_FOR else f"No task has ended for {seconds(now - latest)}."


def lines(now: dt.datetime) -> Iterator[Line]:
    heartbeat = _heartbeat()
    if heartbeat is None:
        yield Line(WORKERS, False, "have never run; start `manage.py qcluster`")
    else:
        yield heartbeat_line(WORKERS, heartbeat, now, silent_for=SILENT_FOR)
    yield _captures(now)
    yield from _greetings(now)
    yield from _budget(now)


def _heartbeat() -> Heartbeat | None:
    """With many pictures waiting the sweep's turn may come late; then the pictures are the sign of life."""
    heartbeat: Heartbeat | None = Heartbeat.objects.filter(process=WORKERS).first()
    latest = Task.objects.aggregate(at=Max("stopped"))["at"]
    if heartbeat is not None and latest is not None:
        heartbeat.at = max(heartbeat.at, latest)
    return heartbeat


def _captures(now: dt.datetime) -> Line:
    waiting = Capture.objects.filter(state__in=[State.QUEUED, State.WORKING])
    told = waiting.aggregate(count=Count("pk"), oldest=Min("received_at"))
    text = f"{told['count']} wait" + (f", the oldest for {seconds(now - told['oldest'])}" if told["oldest"] else "")
    held = Capture.objects.filter(state=State.WAITING).count()
    text += f", {held} more for the recogniser's next month" if held else ""
    return Line("captures", True, text, {"waiting_captures": told["count"], "captures_waiting_for_month": held})


def _greetings(now: dt.datetime) -> Iterator[Line]:
    told = UntoldSighting.objects.aggregate(count=Count("pk"), oldest=Min("since"))
    if told["oldest"]:
        text = f"{told['count']} wait for the topic, the oldest for {seconds(now - told['oldest'])}"
        yield Line("greetings", True, text, {"waiting_greetings": told["count"]})


def _budget(now: dt.datetime) -> Iterator[Line]:
    try:
        name = configured_class().name
    except UnknownRecogniser as error:
        yield Line("recogniser", False, str(error))
        return
    limit = monthly_limit(name)
    if limit is None:
        return
    made = calls_made(provider=name, now=now)
    text = f"{made:,} of the month's {limit:,} calls made" + ("; pictures wait for the next" if made >= limit else "")
    yield Line(name, True, text, {"recogniser_calls": made, "recogniser_calls_left": max(limit - made, 0)})
