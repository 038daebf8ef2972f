"""The lines about notices in `manage.py health`."""

import datetime as dt
from collections.abc import Iterator

from django.db.models import Min

from devices.health import Line, heartbeat_line, seconds
from devices.models import Heartbeat
from notifications.letters import rendering
from notifications.models import Notice, Rule, State

PROCESS = "notify"
"""The process whose heartbeat `manage.py notify` stores."""


def lines(now: dt.datetime) -> Iterator[Line]:
    """Yield lines about the sending process, if any site has a rule, about what it could not send, and about PDFs."""
    heartbeat = Heartbeat.objects.filter(process=PROCESS).first()
    if heartbeat is not None:
        waiting = Notice.objects.filter(state=State.WAITING, next_try_at__lt=now).aggregate(at=Min("next_try_at"))["at"]
        text = f", the oldest notice is due for {seconds(now - waiting)}" if waiting else ""
        yield heartbeat_line(PROCESS, heartbeat, now, text)
    elif Rule.objects.filter(enabled=True).exists():
        yield Line(PROCESS, False, "has never run, and there are rules of notices; start `manage.py notify`")
    dead = Notice.objects.filter(state=State.DEAD).count()
    if dead:
        yield Line("notices", True, f"{dead:,} could not be sent; the sites' pages show why", {"dead_notices": dead})
    missing = rendering.missing_packages()
    if missing:
        yield Line("letters", True, f"come without a PDF; install {' and '.join(missing)} on this machine")
