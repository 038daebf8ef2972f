"""`manage.py ingest`: take in what the devices publish, until told to stop."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from devices import broker, ingester, intake


class Command(BaseCommand):
    help = "Takes in the devices' messages from the broker (MQTT_URL) until it is told to stop."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: stop.set())
        subscription = broker.Subscription(
            settings.MQTT_URL,
            settings.MQTT_CLIENT_ID,
            first_sequence=intake.next_sequence(settings.MQTT_CLIENT_ID),
            clock=timezone.now,
        )
        _connect(subscription, stop)
        try:
            if not stop.is_set():
                self.stdout.write("Taking in messages.")
                ingester.run(subscription, stop)
        finally:
            subscription.stop()


def _connect(subscription: broker.Subscription, stop: threading.Event) -> None:
    """Connect; a broker that is away at the start is waited for."""
    while not stop.is_set():
        try:
            subscription.start()
            return
        except broker.BrokerUnavailable as error:
            ingester.log.error("%s Trying again.", error)
            stop.wait(2)
