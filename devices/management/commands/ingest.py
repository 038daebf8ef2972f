"""`manage.py ingest`: take in what the devices publish, until told to stop."""

import argparse
import datetime as dt
import gc
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from devices import health
from devices.intake import deliveries
from devices.mqtt import broker, ingester, routes

GARBAGE_AT = 50_000
"""Objects that come on top before garbage is looked for, instead of Python's 700."""


class Command(BaseCommand):
    help = "Takes in the devices' messages from the broker (MQTT_URL) until it is told to stop."

    # It comes back after a fault, and messages wait until it does; `check --deploy` belongs to the deployment.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        one = parser.add_mutually_exclusive_group()
        one.add_argument("--share", metavar="GROUP", type=_argument(routes.share), help="one of several for agents")
        one.add_argument("--shard", metavar="I/N", type=_argument(routes.shard), help="one of N for DeepLens devices")

    def handle(self, *args: Any, **options: Any) -> None:
        # What is loaded by now stays, and a message leaves no garbage that needs looking for: to look again and again
        # through all that is in hand would take a sixth of our time.
        gc.freeze()
        gc.set_threshold(GARBAGE_AT)
        sys.setswitchinterval(ingester.SWITCH_INTERVAL_S)
        stop = threading.Event()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: stop.set())
        route = options["share"] or options["shard"] or routes.everything(settings.MQTT_CLIENT_ID)
        subscription = _subscription(route, stop)
        if subscription is None:
            return
        try:
            loop = ingester.Ingester(subscription, stop)
            ingester.watch(loop, stop)
            loop.run()
        finally:
            subscription.stop()
            _leave(route)


def _argument(route: Callable[[str, str], routes.Route]) -> Callable[[str], routes.Route]:
    def parsed(text: str) -> routes.Route:
        try:
            return route(settings.MQTT_CLIENT_ID, text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parsed


def _subscription(route: routes.Route, stop: threading.Event) -> broker.Subscription | None:
    """The connected subscription; waits for a database or broker that is away. None where told to stop."""
    while not stop.is_set():
        try:
            subscription = broker.Subscription(
                settings.MQTT_URL,
                route,
                first_sequence=deliveries.next_sequence(route.client_id),
                clock=partial(dt.datetime.now, dt.UTC),  # Django's `now` asks its settings each time.
            )
            subscription.start()
            return subscription
        except (broker.BrokerUnavailable, DatabaseError) as error:
            ingester.log.error("%s Trying again.", error)
            stop.wait(2)
    return None


def _leave(route: routes.Route) -> None:
    """Members of a group come and go under names of their own, and one that went is not missed."""
    if not route.persistent:
        now = timezone.now()
        health.forget(f"ingest {route.client_id}", before=now)
        health.forget(f"ingest {route.client_id.rpartition('-')[0]}-", before=now - health.SILENT_FOR)
