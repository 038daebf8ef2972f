"""`manage.py ingest`: take in what the devices publish, until told to stop."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError
from django.utils import timezone

from devices import broker, deliveries, ingester


class Command(BaseCommand):
    help = "Takes in the devices' messages from the broker (MQTT_URL) until it is told to stop."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: stop.set())
        subscription = _subscription(stop)
        if subscription is None:
            return
        try:
            loop = ingester.Ingester(subscription, stop)
            ingester.watch(loop, stop)
            loop.run()
        finally:
            subscription.stop()


def _subscription(stop: threading.Event) -> broker.Subscription | None:
    """The connected subscription; waits for a database or broker that is away. None where told to stop."""
    while not stop.is_set():
        try:
            subscription = broker.Subscription(
                settings.MQTT_URL,
                settings.MQTT_CLIENT_ID,
                first_sequence=deliveries.next_sequence(settings.MQTT_CLIENT_ID),
                clock=timezone.now,
            )
            subscription.start()
            return subscription
        except (broker.BrokerUnavailable, DatabaseError) as error:
            ingester.log.error("%s Trying again.", error)
            stop.wait(2)
    return None
