"""`manage.py notify`: match what happens with the sites' rules, and send the notices, until the process is stopped."""

import datetime as dt
import random
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from devices import health
from devices.management.stopping import stop_on_signals
from notifications.rules import escalating, reviewing
from notifications.rules.matching import match_new
from notifications.sending.health import PROCESS
from notifications.sending.sender import Sender, log

PAUSE_S = 0.3
"""The pause when nothing is to do: what happens is told within seconds."""

LOOK_EVERY = dt.timedelta(seconds=2)
"""How often it looks at what waits for a review or for an acknowledgement."""


class Command(BaseCommand):
    help = "Sends the sites' notices until it gets SIGTERM or Ctrl-C. Several may run beside each other."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        stop = stop_on_signals()
        sender = Sender(clock=timezone.now)
        chance = random.SystemRandom()
        next_beat = next_look = timezone.now()
        while not stop.is_set():
            close_old_connections()
            try:
                busy = match_new(now=timezone.now(), chance=chance)
                if timezone.now() >= next_look:
                    busy += reviewing.settle(now=timezone.now()) + escalating.escalate(now=timezone.now())
                    next_look = timezone.now() + LOOK_EVERY
                busy += sender.step()
                if timezone.now() >= next_beat:
                    health.beat(PROCESS, at=timezone.now())
                    next_beat = timezone.now() + health.BEAT_EVERY
            except (DatabaseError, InterfaceError) as error:
                log.error("Notices wait for the database.", exc_info=error)
                busy = 0
                stop.wait(2)
            if not busy:
                stop.wait(PAUSE_S)
        sender.finish()
        health.forget(PROCESS, before=timezone.now())
