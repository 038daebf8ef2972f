"""The lines about recognition in `manage.py health`."""

import datetime as dt
from collections.abc import Iterator

from django.db import DatabaseError
from django.db.models import Count, Max, Min
from django.utils import timezone
from django_q.models import Task

from devices.health import Line, beat, heartbeat_line, seconds
from devices.models import Heartbeat
from faces.models import Capture, State, UntoldSighting
from faces.recognisers.budget import calls_made, monthly_limit
from faces.recognisers.recogniser import UnknownRecogniser, configured_class

WORKERS = "task workers"
"""The process whose heartbeat the sweep stores every minute. A finished task counts as a heartbeat too."""

SILENT_FOR = dt.timedelta(minutes=3)
"""Without a heartbeat for so long, which is three sweeps, the workers hang or have ended."""


LONGEST_TASK = "longest_task_seconds"
"""The number in the workers' heartbeat that says for how long the task that began then may run."""

LONGEST_LOOK = dt.timedelta(seconds=30)
"""The most that two looks of `WorkerWatch` count for. A machine that slept, or a clock that was set, is no silence."""


class WorkerWatch:
    """Finds out whether the workers of all clusters stand still, for the process that can restart them.

    Each heartbeat, each end of a task and each begin of a long one is a sign of life, whatever time its machine's clock
    gave it. Only the time that the watch has watched counts.
    """

    def __init__(self, *, since: dt.datetime) -> None:
        self._looked = since
        self._quiet = dt.timedelta()
        self._signs: tuple[object, ...] | None = None

    def problem(self, now: dt.datetime) -> str:
        """Return one sentence if the workers stand still, and an empty text if they work.

        An outage of the database does not count.
        """
        passed, self._looked = min(max(now - self._looked, dt.timedelta()), LONGEST_LOOK), now
        try:
            heartbeat = Heartbeat.objects.filter(process=WORKERS).first()
            signs = (heartbeat.at if heartbeat else None, Task.objects.aggregate(at=Max("stopped"))["at"])
        except DatabaseError:
            self._quiet = dt.timedelta()
            return ""
        self._quiet = self._quiet + passed if signs == self._signs else dt.timedelta()
        self._signs = signs
        return "" if self._quiet < _silent_for(heartbeat) else f"No task has ended for {seconds(self._quiet)}."


def note_long_task(longest: dt.timedelta) -> None:
    """Store a heartbeat at the begin of a task that may run for so long: the only worker can end no other meanwhile."""
    beat(WORKERS, at=timezone.now(), numbers={LONGEST_TASK: longest.total_seconds()})


def _silent_for(heartbeat: Heartbeat | None) -> dt.timedelta:
    """Return how long the workers may be silent after this heartbeat."""
    longest = heartbeat.numbers.get(LONGEST_TASK, 0) if heartbeat else 0
    return SILENT_FOR + dt.timedelta(seconds=longest)


def lines(now: dt.datetime) -> Iterator[Line]:
    heartbeat = _heartbeat()
    if heartbeat is None:
        yield Line(WORKERS, False, "have never run; start `manage.py qcluster`")
    else:
        yield heartbeat_line(WORKERS, heartbeat, now, silent_for=_silent_for(heartbeat))
    yield _captures(now)
    yield from _greetings(now)
    yield from _budget(now)


def _heartbeat() -> Heartbeat | None:
    """Return the later of the sweep's heartbeat and the end of the latest task.

    With many pictures in the queue, the sweep may run late.
    """
    heartbeat: Heartbeat | None = Heartbeat.objects.filter(process=WORKERS).first()
    latest = Task.objects.aggregate(at=Max("stopped"))["at"]
    if heartbeat is not None and latest is not None:
        heartbeat.at = max(heartbeat.at, latest)
    return heartbeat


def _captures(now: dt.datetime) -> Line:
    waiting = Capture.objects.filter(state__in=[State.QUEUED, State.WORKING])
    queue = waiting.aggregate(count=Count("pk"), oldest=Min("received_at"))
    text = f"{queue['count']} wait" + (f", the oldest for {seconds(now - queue['oldest'])}" if queue["oldest"] else "")
    next_month = Capture.objects.filter(state=State.WAITING).count()
    text += f", {next_month} more for the recogniser's next month" if next_month else ""
    return Line("captures", True, text, {"waiting_captures": queue["count"], "captures_waiting_for_month": next_month})


def _greetings(now: dt.datetime) -> Iterator[Line]:
    queue = UntoldSighting.objects.aggregate(count=Count("pk"), oldest=Min("since"))
    if queue["oldest"]:
        text = f"{queue['count']} wait for the topic, the oldest for {seconds(now - queue['oldest'])}"
        yield Line("greetings", True, text, {"waiting_greetings": queue["count"]})


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
