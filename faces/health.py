"""Whether pictures are being recognised: lines of `devices.health`."""

import datetime as dt
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count, Min

from devices.health import Line, heartbeat_line, seconds
from devices.models import Heartbeat
from faces.models import Capture, State
from faces.services.budget import calls_made, limit_of

WORKERS = "task workers"
"""The process whose heartbeat the sweep writes, which a worker runs every minute."""

SILENT_FOR = dt.timedelta(minutes=3)
"""Three sweeps in a row that did not come: the workers hang or are gone."""


def lines(now: dt.datetime) -> Iterator[Line]:
    heartbeat = Heartbeat.objects.filter(process=WORKERS).first()
    if heartbeat is None:
        yield Line(WORKERS, False, "have never run; start `manage.py qcluster`")
    else:
        yield heartbeat_line(WORKERS, heartbeat, now, silent_for=SILENT_FOR)
    yield _captures(now)
    yield from _budget(now)


def _captures(now: dt.datetime) -> Line:
    waiting = Capture.objects.filter(state__in=[State.QUEUED, State.WORKING])
    told = waiting.aggregate(count=Count("pk"), oldest=Min("received_at"))
    text = f"{told['count']} wait" + (f", the oldest for {seconds(now - told['oldest'])}" if told["oldest"] else "")
    held = Capture.objects.filter(state=State.WAITING).count()
    text += f", {held} more for the recogniser's next month" if held else ""
    return Line("captures", True, text, {"waiting_captures": told["count"], "captures_waiting_for_month": held})


def _budget(now: dt.datetime) -> Iterator[Line]:
    limit = limit_of(settings.RECOGNISER)
    if limit is None:
        return
    made = calls_made(provider=settings.RECOGNISER, now=now)
    text = f"{made:,} of the month's {limit:,} calls made" + ("; pictures wait for the next" if made >= limit else "")
    yield Line(
        settings.RECOGNISER, True, text, {"recogniser_calls": made, "recogniser_calls_left": max(limit - made, 0)}
    )
