"""The line about players that are asked in `manage.py health`."""

import datetime as dt
from collections.abc import Iterator

from devices.health import Line, heartbeat_line
from devices.models import Heartbeat
from plays.models import Screen

PROCESS = "players"
"""The process whose heartbeat `manage.py ask_players` stores."""

SILENT_FOR = dt.timedelta(minutes=3)
"""A turn takes two seconds for each sixteen players that cannot be reached: two minutes for a thousand of them."""


def lines(now: dt.datetime) -> Iterator[Line]:
    """Yield a line about the asking process and about players without an answer, if a screen has a player to ask."""
    asked = Screen.objects.exclude(asked_address="")
    if not asked.exists():
        return
    heartbeat = Heartbeat.objects.filter(process=PROCESS).first()
    if heartbeat is None:
        yield Line(PROCESS, False, "are not asked what they show; start `manage.py ask_players`")
        return
    silent = asked.exclude(asked_problem="").count()
    text = f", {silent:,} without an answer; *Screens* in the sites' settings tells why" if silent else ""
    yield heartbeat_line(PROCESS, heartbeat, now, text, silent_for=SILENT_FOR)
