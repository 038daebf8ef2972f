"""Things that publish without being registered: who they are, and how one becomes a device of a site.

Their messages lie in quarantine. Once the thing is adopted, the messages are replayed, so nothing that it sent is lost.
"""

import datetime as dt
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from devices import services
from devices.adding import names
from devices.intake.decoding import DEEPLENS, thing_of
from devices.intake.replay import replay_quarantined
from devices.isolation import each
from devices.models import Device, QuarantinedMessage, Reason, Site
from edge_agent.messages import KINDS, is_thing_name, topic_from_device

MOST_LISTED = 200

AT_ONCE = 500
"""Messages that one task replays before it hands over to the next one, far within a task's time."""


@dataclass(frozen=True, slots=True)
class UnknownThing:
    """A thing that publishes and is registered nowhere."""

    name: str
    first_at: dt.datetime
    last_at: dt.datetime
    messages: int
    is_deeplens: bool


def unknown_things() -> list[UnknownThing]:
    """Return the unknown things whose messages wait in quarantine, the latest first, at most `MOST_LISTED`."""
    waiting = QuarantinedMessage.objects.filter(reason=Reason.UNKNOWN_DEVICE, replayed_at=None, device=None)
    rows = waiting.order_by().values_list("topic").annotate(Min("received_at"), Max("received_at"), Count("pk"))
    found: dict[str, UnknownThing] = {}
    for topic, first, last, count in rows:
        name = thing_of(topic)
        if not is_thing_name(name):
            continue
        is_deeplens = topic.endswith(f"/{DEEPLENS}")
        other = found.get(name)
        if other is not None:
            first, last, count = min(first, other.first_at), max(last, other.last_at), count + other.messages
            is_deeplens = is_deeplens or other.is_deeplens
        found[name] = UnknownThing(name, first, last, count, is_deeplens)
    return sorted(found.values(), key=lambda thing: thing.last_at, reverse=True)[:MOST_LISTED]


@transaction.atomic
def adopt(*, thing_name: str, site: Site, called: str) -> Device:
    """Register the thing at a new spot of the site, and have its quarantined messages replayed.

    Raises `ValidationError`.
    """
    device = services.register_device(site=site, name=names.spot_name(site, called), thing_name=thing_name)
    replay_soon(thing_name)
    return device


def replay_soon(thing_name: str) -> None:
    """Have a task worker replay the thing's messages after the commit, if there are any."""
    if waiting_messages(thing_name).exists():
        transaction.on_commit(partial(async_task, "devices.tasks.replay_thing", thing_name))


def replay_thing(thing_name: str) -> int:
    """Replay up to `AT_ONCE` messages that waited for this thing to be registered; return how many were taken in.

    If more wait, another task follows. A message that is rejected again has a new reason, so it is not tried again.
    """
    waiting = waiting_messages(thing_name).filter(reason=Reason.UNKNOWN_DEVICE).order_by("received_at", "pk")
    messages = list(waiting[:AT_ONCE])
    now = timezone.now()
    replays = each(messages, lambda message: replay_quarantined(message=message, now=now), what="the replay of")
    taken_in = sum(replays)
    if taken_in and waiting.exists():
        async_task("devices.tasks.replay_thing", thing_name)
    return taken_in


def waiting_messages(thing_name: str) -> QuerySet[QuarantinedMessage]:
    """Return the quarantined messages of this thing that were not replayed, registered or not."""
    topics = [topic_from_device(thing_name, kind) for kind in KINDS] + [f"$aws/things/{thing_name}/{DEEPLENS}"]
    unassigned = Q(device=None, topic__in=topics)
    return QuarantinedMessage.objects.filter(Q(device__thing=thing_name) | unassigned, replayed_at=None)
