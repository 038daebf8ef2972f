"""`manage.py ingest`: take in the devices' messages until the process is told to stop."""

import argparse
import datetime as dt
import gc
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from devices import health, pictures_folder
from devices.intake import redelivery
from devices.management.stopping import stop_on_signals
from devices.mqtt import assignments, broker, ingester, loopback
from devices.mqtt.assignments import Assignment
from devices.mqtt.suspects import Suspects

GARBAGE_AT = 50_000
"""New objects after which Python collects garbage, instead of its 700."""


class Command(BaseCommand):
    help = "Takes in the devices' messages from the broker (MQTT_URL) until it gets SIGTERM or Ctrl-C."

    # The ingester restarts after a fault while messages wait; `check --deploy` belongs to the deployment.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        one = parser.add_mutually_exclusive_group()
        one.add_argument(
            "--share",
            metavar="GROUP",
            type=_argument(assignments.group_member),
            help="work as one of the ingesters that share the agents' messages",
        )
        one.add_argument(
            "--shard",
            metavar="I/N",
            type=_argument(assignments.shard),
            help="take the I-th of N parts (from 0) of the DeepLens devices",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Messages leave no cyclic garbage. Without this, collections that find nothing would take a sixth of the time.
        gc.freeze()
        gc.set_threshold(GARBAGE_AT)
        sys.setswitchinterval(ingester.SWITCH_INTERVAL_S)
        stop = stop_on_signals()
        with suppress(DatabaseError):  # A database that is away now is told of and waited for below.
            if problem := pictures_folder.problem():
                raise CommandError(problem)
        assignment = options["share"] or options["shard"] or assignments.all_messages(settings.MQTT_CLIENT_ID)
        subscription = _connect(assignment, stop)
        if subscription is None:
            return
        try:
            folder, name = settings.DATA_DIR / "ingest", assignment.lasting_name
            loop = ingester.Ingester(subscription, stop, suspects=Suspects(folder, name))
            ingester.watch(loop, stop)
            loopback.watch(subscription, loop.is_behind, stop)
            loop.run()
        finally:
            subscription.stop()
            _forget_heartbeats(assignment)


def _argument(make: Callable[[str, str], Assignment]) -> Callable[[str], Assignment]:
    def parse(text: str) -> Assignment:
        try:
            return make(settings.MQTT_CLIENT_ID, text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def _connect(assignment: Assignment, stop: threading.Event) -> broker.Subscription | None:
    """Return the connected subscription; wait for a database or a broker that is away. None if `stop` is set first."""
    while not stop.is_set():
        try:
            subscription = broker.Subscription(
                settings.MQTT_URL,
                assignment,
                first_sequence=redelivery.next_sequence(assignment.client_id),
                clock=partial(dt.datetime.now, dt.UTC),  # Django's `now` reads its settings each time.
            )
            subscription.start()
            return subscription
        except (broker.BrokerUnavailable, DatabaseError) as error:
            ingester.log.error("%s Trying again in 2 s.", error)
            stop.wait(2)
    return None


def _forget_heartbeats(assignment: Assignment) -> None:
    """Delete the heartbeats of this member of a group and of its dead members: each starts under a new name."""
    if not assignment.persistent:
        now = timezone.now()
        health.forget(f"ingest {assignment.client_id}", before=now)
        health.forget(f"ingest {assignment.client_id.rpartition('-')[0]}-", before=now - health.SILENT_FOR)
