"""Publishes recognised people: as a greeting to the device, and as a profile to an SNS topic."""

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db.models import QuerySet

from devices.mqtt import broker
from edge_agent.messages import Greeting, encode, topic_to_device
from faces import aws
from faces.models import Capture, Coffee, Sighting, UntoldSighting

log = logging.getLogger(__name__)

GREETING_WITHIN = dt.timedelta(minutes=1)
"""The age of a picture after which the device greets nobody, as people have left. The topic has no such limit."""

LATE_AFTER = dt.timedelta(minutes=1)
"""The age after which an unpublished sighting counts as late: its worker could not publish it."""

RETRY_FOR = dt.timedelta(days=1)
"""How long publishing a sighting is retried."""

BATCH = 500


class Profile(msgspec.Struct, frozen=True):
    """The JSON message to the topic about a recognised person."""

    id: str
    """Identifies the sighting; a repeated message has the same id."""
    name: str
    line: str
    external_id: str
    profile: str
    coffees: int
    """The number of the person's coffees that count so far."""
    site: str
    """The site's slug."""
    device: str
    taken_at: dt.datetime
    """UTC, by the device's clock."""


def queue_for_topic(sightings: Sequence[Sighting], now: dt.datetime) -> None:
    """Store which sightings must be published to the topic. Must be called in the sightings' transaction."""
    if settings.GREETING_TOPIC_ARN:
        identified = [sighting for sighting in sightings if sighting.person_id is not None]
        UntoldSighting.objects.bulk_create(UntoldSighting(sighting=sighting, since=now) for sighting in identified)


def greet(capture: Capture, now: dt.datetime, sightings: Sequence[Sighting]) -> None:
    """Greet each recognised person at the device, and publish to the topic.

    Never raises: a failed greeting is logged, and a failed publication is retried later.
    """
    identified = [sighting for sighting in sightings if sighting.person is not None]
    if identified and now - capture.taken_at <= GREETING_WITHIN:
        for sighting in identified:
            _greet_at_device(capture, _profile(capture, sighting))
    # During an outage of the topic no worker waits for it with each picture.
    if identified and settings.GREETING_TOPIC_ARN and not _late(now).exists():
        _publish(UntoldSighting.objects.filter(sighting__in=identified))


def publish_late(*, now: dt.datetime) -> int:
    """Publish the late sightings, the oldest first, and give up those older than `RETRY_FOR`.

    Returns how many sightings are still unpublished.
    """
    too_old = UntoldSighting.objects.filter(since__lte=now - RETRY_FOR)
    if given_up := too_old.count():
        log.error("%d sightings could not be published to the topic for a day; they are given up.", given_up)
        too_old.delete()
    if settings.GREETING_TOPIC_ARN:
        _publish(_late(now).order_by("since", "pk")[:BATCH])
    return UntoldSighting.objects.count()


def _late(now: dt.datetime) -> "QuerySet[UntoldSighting]":
    return UntoldSighting.objects.filter(since__lte=now - LATE_AFTER)


def _publish(unpublished: "QuerySet[UntoldSighting]") -> None:
    """Publish one sighting after the other until the topic is away. Sightings of people erased meanwhile are skipped.

    A sighting whose message cannot be published, although the topic is there, is logged and given up.
    """
    for row in unpublished.select_related("sighting__person", "sighting__capture__device__site"):
        sighting = row.sighting
        try:
            profile = _profile(sighting.capture, sighting) if sighting.person is not None else None
            if profile and not _publish_to_topic(settings.GREETING_TOPIC_ARN, profile):
                return
        except Exception:
            # The message would fail again at each attempt, and hold up all messages behind it.
            log.exception("Sighting %s cannot be published to the topic, and is given up.", sighting.pk)
        row.delete()


def _profile(capture: Capture, sighting: Sighting) -> Profile:
    person: Any = sighting.person
    return Profile(
        id=f"{capture.pk}-{sighting.number}",
        name=person.name,
        line=person.line,
        external_id=person.external_id,
        profile=person.profile,
        coffees=Coffee.objects.counted().filter(person=person).count(),
        site=capture.device.site.slug,
        device=capture.device.name,
        taken_at=capture.taken_at,
    )


def _greet_at_device(capture: Capture, profile: Profile) -> None:
    if not capture.device.is_open:
        return  # The camera is at another place now, where nobody waits for this greeting.
    topic = topic_to_device(capture.device.thing_name, "greeting")
    greeting = Greeting(profile.name, profile.coffees, profile.line, profile.external_id, profile.profile)
    try:
        broker.publish(topic, encode(greeting))
    except broker.BrokerUnavailable as error:
        log.warning("The greeting at %s could not be sent: %s", capture.device, error)


_REFUSED = {"InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid", "ValidationError"}
"""The codes with which SNS refuses a message for what it contains."""


def _publish_to_topic(arn: str, profile: Profile) -> bool:
    """Publish the profile; return False if the topic is away. Raises `ClientError` if the topic refuses the message."""
    attributes = {name: {"DataType": "String", "StringValue": getattr(profile, name)} for name in ("site", "device")}
    fifo = {"MessageGroupId": profile.device, "MessageDeduplicationId": profile.id} if arn.endswith(".fifo") else {}
    try:
        sns = aws.client("sns", arn.split(":")[3])
        text = msgspec.json.encode(profile).decode()
        sns.publish(TopicArn=arn, Message=text, MessageAttributes=attributes, **fifo)
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] in _REFUSED:
            raise
        log.warning("Publishing a recognition at %s to the topic failed and is tried again: %s", profile.device, error)
        return False
    return True
