"""Telling whom a camera has recognised: the device, while they stand before it, and whoever listens to the topic."""

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
"""Nobody is greeted later than this after the picture was taken: they have gone. The topic is told all the same."""

LATE_AFTER = dt.timedelta(minutes=1)
"""The worker that recognised somebody has told the topic by then, or could not."""

TELL_FOR = dt.timedelta(days=1)
"""How long an outage of the topic may last."""

TOLD_AT_ONCE = 500


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


def promise(sightings: Sequence[Sighting], now: dt.datetime) -> None:
    """Note whom the topic must be told of; the caller is in the sightings' transaction."""
    if settings.GREETING_TOPIC_ARN:
        known = [sighting for sighting in sightings if sighting.person_id is not None]
        UntoldSighting.objects.bulk_create(UntoldSighting(sighting=sighting, since=now) for sighting in known)


def greet(capture: Capture, now: dt.datetime, sightings: Sequence[Sighting]) -> None:
    """Tell of each person in the capture. Never raises: what cannot be told is logged, the topic asked again."""
    known = [sighting for sighting in sightings if sighting.person is not None]
    if known and now - capture.taken_at <= GREETING_WITHIN:
        for sighting in known:
            _tell_device(capture, _profile(capture, sighting))
    # While the topic is away no worker waits for it with each picture.
    if known and settings.GREETING_TOPIC_ARN and not _late(now).exists():
        _tell(UntoldSighting.objects.filter(sighting__in=known))


def tell_late(*, now: dt.datetime) -> int:
    """Tell the topic what it could not be told in time, the oldest first, and give up what is too old.

    Returns how many sightings are still untold.
    """
    too_old = UntoldSighting.objects.filter(since__lte=now - TELL_FOR)
    if given_up := too_old.count():
        log.error("The topic was not told of %d sightings for a day; they are given up.", given_up)
        too_old.delete()
    if settings.GREETING_TOPIC_ARN:
        _tell(_late(now).order_by("since", "pk")[:TOLD_AT_ONCE])
    return UntoldSighting.objects.count()


def _late(now: dt.datetime) -> "QuerySet[UntoldSighting]":
    return UntoldSighting.objects.filter(since__lte=now - LATE_AFTER)


def _tell(untold: "QuerySet[UntoldSighting]") -> None:
    """One after the other, until one cannot be told. Of whoever was erased meanwhile nothing is told any more."""
    for one in untold.select_related("sighting__person", "sighting__capture__device__site"):
        told = one.sighting
        if told.person is not None and not _tell_topic(settings.GREETING_TOPIC_ARN, _profile(told.capture, told)):
            return
        one.delete()


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


def _tell_topic(arn: str, profile: Profile) -> bool:
    told = {name: {"DataType": "String", "StringValue": getattr(profile, name)} for name in ("site", "device")}
    ordered = {"MessageGroupId": profile.device, "MessageDeduplicationId": profile.id} if arn.endswith(".fifo") else {}
    try:
        sns = aws.client("sns", arn.split(":")[3])
        sns.publish(TopicArn=arn, Message=msgspec.json.encode(profile).decode(), MessageAttributes=told, **ordered)
    except (BotoCoreError, ClientError) as error:
        log.warning("The topic was not told whom %s has recognised; it is tried again: %s", profile.device, error)
        return False
    return True
