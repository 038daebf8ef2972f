"""What a thing has sent before it was registered: those messages are replayed once it is."""

from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from devices.intake.quarantine import messages_of_unknown
from devices.intake.replay import replay_all
from devices.models import QuarantinedMessage
from devices.reading.decoding import DEEPLENS
from edge_agent.messages import KINDS, topic_from_device


def replay_soon(thing_name: str) -> None:
    """Have a task worker replay what the thing has sent before, after the commit, if it has sent anything."""
    if messages_of_unknown(thing_name).exists():
        transaction.on_commit(partial(async_task, "devices.tasks.replay_thing", thing_name))


def replay_thing(thing_name: str) -> int:
    """Replay what the thing has sent before it was registered; return how many messages were taken in.

    One task replays a limited number; if more wait, another task follows. A message that is rejected again has another
    reason, so it is not tried again.
    """
    taken_in = replay_all(messages=messages_of_unknown(thing_name), now=timezone.now()).taken_in
    if taken_in and messages_of_unknown(thing_name).exists():
        async_task("devices.tasks.replay_thing", thing_name)
    return taken_in


def waiting_messages(thing_name: str) -> QuerySet[QuarantinedMessage]:
    """Return the quarantined messages of this thing that were not replayed, registered or not."""
    topics = [topic_from_device(thing_name, kind) for kind in KINDS] + [f"$aws/things/{thing_name}/{DEEPLENS}"]
    unassigned = Q(device=None, topic__in=topics)
    return QuarantinedMessage.objects.filter(Q(device__thing=thing_name) | unassigned, replayed_at=None)
