"""Generates the pictures that the demo's agents took during a history, so that there are coffees to count.

A few scenes are composed from real photographs and sent repeatedly at different times. Recognition therefore finds
real faces and cups in the pictures, and the demo is prepared in seconds.
"""

import base64
from collections.abc import Iterable, Iterator
from itertools import count, islice

from demo.cameras.scene import Person, Scene
from demo.past.history import SECOND, History, Visit
from demo.past.messages import SentMessage
from edge_agent import messages
from edge_agent.pictures.encoding import jpeg

PICTURES = 20
"""Most pictures per agent in a period; fewer visitors with a cup give fewer pictures."""

_COMPOSITIONS = 4
"""Different scenes per agent."""

_SEARCH_INTERVAL = 45
"""Seconds between two searches of a scene for a person with a cup. It exceeds a visit, so that no two are alike."""

_POSE_TIME = 10 * SECOND
"""Time from the start of a visit to the picture."""

_FACE_CONFIDENCE = 0.9


def coffee_pictures(histories: Iterable[History]) -> list[SentMessage]:
    """Return the agents' pictures of visitors with a cup, in the order of time.

    The first picture of a room takes seconds, because the scene is composed then.
    """
    pictures = [sent for history in histories if history.profile.protocol == "agent" for sent in _of(history)]
    return sorted(pictures, key=lambda sent: sent.sent_at)


def _of(history: History) -> Iterator[SentMessage]:
    moments = _moments(history)
    if not moments:
        return
    compositions = list(_compositions(history))
    topic = messages.topic_from_device(history.profile.thing, "image")
    for number, taken_at in enumerate(moments):
        image_string, faces = compositions[number % len(compositions)]
        message_id = f"past-picture-{history.seed}-{taken_at}"
        # The area is left out, because in the history's frames people stand elsewhere than in these scenes.
        image = messages.Image(id=message_id, taken_at=taken_at, image_string=image_string, faces=faces)
        yield SentMessage(topic, messages.encode(image), taken_at)


def _moments(history: History) -> list[int]:
    """Return the times of the pictures: of `PICTURES` visits with a cup, evenly chosen from all that the camera saw."""
    possible = [visit.started + _POSE_TIME for visit in history.visits if _poses(history, visit)]
    wanted = min(PICTURES, len(possible))
    return [possible[number * len(possible) // wanted] for number in range(wanted)]


def _poses(history: History, visit: Visit) -> bool:
    taken_at = visit.started + _POSE_TIME
    on = any(span.started <= visit.started and taken_at < span.ended for span in history.on)
    return on and visit.has_cup and taken_at < visit.ended


def _compositions(history: History) -> Iterator[tuple[str, tuple[messages.Face, ...]]]:
    """Yield JPEGs (base64) of one person with a cup, each with the face's box in pixels of the JPEG."""
    scene = Scene(history.profile.room, history.seed)
    times = count(history.period.started // SECOND, _SEARCH_INTERVAL)
    seconds = (at for at in times if _is_alone_with_cup(scene.people_at(at)))
    for at in islice(seconds, _COMPOSITIONS):
        encoded, scale = jpeg(scene.picture_at(at))
        left, top, width, height = (round(side * scale) for side in scene.people_at(at)[0].face)
        face = messages.Face(_FACE_CONFIDENCE, (left, top, width, height))
        yield base64.b64encode(encoded).decode("ascii"), (face,)


def _is_alone_with_cup(people: tuple[Person, ...]) -> bool:
    return len(people) == 1 and people[0].cup is not None
