"""Finds out whether the broker delivers what it lets the ingester subscribe to.

Mosquitto grants each subscription. Then it keeps back, without a word, the messages that its ACL does not let the
ingester read. So the ingester publishes a message to itself on a topic like that of an agent, and looks whether it
comes.
"""

import logging
import threading
from collections.abc import Callable

from devices.mqtt import broker
from devices.mqtt.broker import BrokerUnavailable, Subscription

log = logging.getLogger(__name__)

EVERY_S = 20.0
"""Between two messages. Each takes a connection of its own, on which a refusal harms no other message."""

WITHIN_S = 10.0
"""An idle ingester hears itself within milliseconds."""

PAYLOAD = b"to myself"


def check(subscription: Subscription, is_behind: Callable[[], bool], *, within_s: float = WITHIN_S) -> None:
    """Publish a message to this subscription, and note there whether it comes within `within_s` seconds.

    Nothing is noted where the broker does not take the message, nor if `is_behind` tells of other messages before it.
    """
    topic = subscription.loopback
    if not topic or not subscription.subscribed.is_set():
        return
    subscription.heard_itself.clear()
    try:
        broker.publish(topic, PAYLOAD)
    except BrokerUnavailable as error:
        log.info("Whether messages are delivered is not known: %s", error)
        subscription.delivers = None
        return
    if subscription.heard_itself.wait(within_s):
        subscription.delivers = True
    elif subscription.is_connected() and not is_behind():
        if subscription.delivers is not False:
            log.error(
                "The broker does not deliver a message on %s: let the user in MQTT_URL read dt/headcount/#.", topic
            )
        subscription.delivers = False


def watch(subscription: Subscription, is_behind: Callable[[], bool], stop: threading.Event) -> threading.Thread:
    """Start a thread that checks the subscription until `stop` is set."""

    def run() -> None:
        while not stop.wait(EVERY_S):
            check(subscription, is_behind)

    thread = threading.Thread(target=run, name="loopback", daemon=True)
    thread.start()
    return thread
