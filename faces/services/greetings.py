"""Telling whom a camera has recognised: the device, while they stand before it, and whoever listens to the topic."""

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from devices import broker
from edge_agent.messages import Greeting, encode, topic_to_device
from faces import aws
from faces.models import Capture, Coffee, Sighting

log = logging.getLogger(__name__)

GREETING_WITHIN = dt.timedelta(minutes=1)
"""Nobody is greeted later than this after the picture was taken: they have gone. The topic is told all the same."""


class Profile(msgspec.Struct, frozen=True):
    """What the topic is told of somebody who was recognised, as JSON."""

    id: str
    """The same whenever this sighting is told of again."""
    name: str
    line: str
    coffees: int
    """How many were counted so far."""
    site: str
    """Its slug."""
    device: str
    taken_at: dt.datetime
    """UTC, by the device's clock."""


def greet(capture: Capture, now: dt.datetime, sightings: Sequence[Sighting]) -> None:
    """Tell of each person in the capture, once. Never raises: what cannot be told is logged."""
    is_there = now - capture.taken_at <= GREETING_WITHIN
    for sighting in sightings:
        if sighting.person is not None and (is_there or settings.GREETING_TOPIC_ARN):
            profile = _profile(capture, sighting)
            if is_there:
                _tell_device(capture, profile)
            if settings.GREETING_TOPIC_ARN:
                _tell_topic(settings.GREETING_TOPIC_ARN, profile)


def _profile(capture: Capture, sighting: Sighting) -> Profile:
    person: Any = sighting.person
    return Profile(
        id=f"{capture.pk}-{sighting.number}",
        name=person.name,
        line=person.line,
        coffees=Coffee.objects.counted().filter(person=person).count(),
        site=capture.device.site.slug,
        device=capture.device.name,
        taken_at=capture.taken_at,
    )


def _tell_device(capture: Capture, profile: Profile) -> None:
    topic = topic_to_device(capture.device.thing_name, "greeting")
    greeting = Greeting(name=profile.name, coffees=profile.coffees, line=profile.line)
    try:
        broker.publish(topic, encode(greeting))
    except broker.BrokerUnavailable as error:
        log.warning("Nobody was greeted at %s: %s", capture.device, error)


def _tell_topic(arn: str, profile: Profile) -> None:
    told = {name: {"DataType": "String", "StringValue": getattr(profile, name)} for name in ("site", "device")}
    ordered = {"MessageGroupId": profile.device, "MessageDeduplicationId": profile.id} if arn.endswith(".fifo") else {}
    try:
        sns = aws.client("sns", arn.split(":")[3])
        sns.publish(TopicArn=arn, Message=msgspec.json.encode(profile).decode(), MessageAttributes=told, **ordered)
    except (BotoCoreError, ClientError) as error:
        log.warning("The topic was not told whom %s has recognised: %s", profile.device, error)
