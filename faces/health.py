"""Whether pictures are being recognised: two lines of `devices.health`."""

import datetime as dt
from collections.abc import Iterator

from django.db.models import Count, Min

from devices.health import Line, heartbeat_line, seconds
from devices.models import Heartbeat
from faces.models import Capture, State

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
    waiting = Capture.objects.filter(state__in=[State.QUEUED, State.WORKING])
    told = waiting.aggregate(count=Count("pk"), oldest=Min("received_at"))
    text = f"{told['count']} wait" + (f", the oldest for {seconds(now - told['oldest'])}" if told["oldest"] else "")
    yield Line("captures", True, text, {"waiting_captures": told["count"]})
