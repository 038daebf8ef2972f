"""Which messages an ingester takes from the broker, and under which client id: all of them, or the part of one of many.

The broker can share the agents' messages among the members of a group, because an agent repeats a message until it has
a receipt. DeepLens devices publish each message once, so each of these devices belongs to one shard, and the broker
keeps the shard's session while its ingester is away. A shard subscribes to all DeepLens devices and passes over the
messages of other shards. So it is always clear who takes a message, even while its device is being registered.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from devices.reading import identity

AGENTS = "dt/headcount/+/+"
DEEPLENSES = "$aws/things/+/infer"

LOOPBACK = "dt/headcount/~"
"""The beginning of the topics on which ingesters write to themselves. No thing has a name with “~”."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The messages that one ingester takes."""

    client_id: str
    topics: tuple[str, ...]
    """The topic filters to subscribe to."""
    persistent: bool = True
    """Whether the broker keeps the session, and the messages for it, while the ingester is away."""
    group: str = ""
    """The name of the group of which the ingester is one member; "" if it is none."""
    includes: Callable[[str], bool] = lambda thing: True
    """Whether the messages of the device with this thing name are this ingester's."""

    @property
    def lasting_name(self) -> str:
        """The name of the ingester, the same after a restart and valid in a file's name."""
        name = self.client_id.rpartition("-")[0] if self.group else self.client_id
        return quote(name, safe="")

    @property
    def loopback(self) -> str:
        """The topic on which the ingester can write to itself; "" if another one may get the message, or none."""
        return f"{LOOPBACK}{self.lasting_name}/loopback" if AGENTS in self.topics else ""


def is_loopback(topic: str) -> bool:
    """Whether an ingester has written to itself on this topic."""
    return topic.startswith(LOOPBACK)


def all_messages(client_id: str) -> Assignment:
    """Return the assignment of an ingester that works alone."""
    return Assignment(client_id, (AGENTS, DEEPLENSES))


def group_member(client_id: str, group: str) -> Assignment:
    """Return the assignment of a new member of the group that shares the agents' messages.

    Raises `ValueError` where the group's name cannot be part of a topic filter.
    """
    if not group or set(group) & set("/+#"):
        raise ValueError(f"“{group}” is not a valid name of a group: it must not be empty or contain “/”, “+” or “#”.")
    member = uuid.uuid4().hex[:8]
    return Assignment(f"{client_id}-{group}-{member}", (f"$share/{group}/{AGENTS}",), persistent=False, group=group)


def shard(client_id: str, which: str) -> Assignment:
    """Return the assignment of shard “I/N” of the DeepLens devices, counted from 0. Raises `ValueError`."""
    number, _, of = which.partition("/")
    if not (number.isdecimal() and of.isdecimal() and int(number) < int(of)):
        raise ValueError(f"“{which}” is not a shard: write 0/2 for the first of two shards and 1/2 for the second.")
    name = f"{client_id}-shard-{int(number)}-of-{int(of)}"
    return Assignment(name, (DEEPLENSES,), includes=lambda thing: shard_of(thing, int(of)) == int(number))


def shard_of(thing: str, shards: int) -> int:
    """Return the number of the shard that takes this thing's messages; the same in every process and release."""
    return identity.digest(thing) % shards
