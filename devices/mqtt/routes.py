"""Which messages an ingester takes from the broker, under which name: all of them, or those of one of several.

Agents' messages may be dealt out by the broker to the members of a group, since an agent sends again what brings it no
receipt. DeepLens devices send once, so each of them belongs to one shard, whose session the broker keeps while the
shard is away. A shard hears all DeepLens devices and passes over what is not its own: so it is never in doubt whose a
message is, whether its device is registered, not yet registered, or registered at this moment.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from devices.intake import decoding

AGENTS = "dt/headcount/+/+"
DEEPLENSES = "$aws/things/+/infer"


@dataclass(frozen=True, slots=True)
class Route:
    """What one ingester subscribes to. `takes` says of a thing name whether its messages are this ingester's."""

    client_id: str
    topics: tuple[str, ...]
    persistent: bool = True
    """Whether the broker keeps the session while the ingester is away."""
    takes: Callable[[str], bool] = lambda thing: True


def everything(client_id: str) -> Route:
    return Route(client_id, (AGENTS, DEEPLENSES))


def share(client_id: str, group: str) -> Route:
    """A new member of this group, which the broker deals the agents' messages out to.

    Raises `ValueError` where the group's name cannot stand in a topic.
    """
    if not group or set(group) & set("/+#"):
        raise ValueError(f"“{group}” is no name for a group: it must not be empty or hold “/”, “+” or “#”.")
    member = uuid.uuid4().hex[:8]
    return Route(f"{client_id}-{group}-{member}", (f"$share/{group}/{AGENTS}",), persistent=False)


def shard(client_id: str, which: str) -> Route:
    """Shard “I/N” of the DeepLens devices: the one of number I of N, counted from 0. Raises `ValueError`."""
    number, _, of = which.partition("/")
    if not (number.isdecimal() and of.isdecimal() and int(number) < int(of)):
        raise ValueError(f"“{which}” is no shard: the first of two is 0/2, the second 1/2.")
    name = f"{client_id}-shard-{int(number)}-of-{int(of)}"
    return Route(name, (DEEPLENSES,), takes=lambda thing: shard_of(thing, int(of)) == int(number))


def shard_of(thing: str, shards: int) -> int:
    """Which of so many shards this thing's messages belong to; the same in every process and release."""
    return decoding.digest(thing) % shards
